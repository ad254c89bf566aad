"""The tables that ``cellweave score`` prints, one function for each kind of score."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import typer

from cellweave.cli.printing import print_notes, print_tables, table_of

if TYPE_CHECKING:
    from rich.table import Table

    from cellweave.metrics import CellScores, Confusion, ImageScores, LayoutScores, Memorisation, Radius
    from cellweave.metrics.cell_scores import Interval

UNITS = {"px": "px", "um": "µm", "in512": "in 512"}


def print_cell_scores(scores: CellScores, *, per_image: bool = False) -> None:
    """Print precision, recall and F1 of every radius and class, confusions, counting errors, what to know of them.

    Args:
        scores: What to print.
        per_image: Print those of every image first.
    """
    from cellweave.metrics import radius_key

    if per_image:
        print_tables(_images(scores))
        typer.echo()
    print_tables(_rates(scores))
    radii = {radius_key(row.radius): _radius(row.radius) for row in scores.rows}
    for key, confusion in scores.confusions.items():
        title = "true class by row, predicted class by column"
        typer.echo(f"\ncells found within {radii[key]}, {title}{_right(confusion)}")
        print_tables(_confusion(confusion))
    if scores.confusions:
        typer.echo()
    _print_best_thresholds(scores)
    between = scores.intervals
    for key, value in scores.mean_class_f1.items():
        if value is not None:
            ends = None if between is None else between.mean_class_f1[key]
            typer.echo(f"mean class F1 at {key}  {_with_interval(value, ends, digits=3)}")
    mae, rmse = (None, None) if between is None else (between.mae, between.rmse)
    typer.echo(f"cells per image  MAE {_with_interval(scores.mae, mae)}  RMSE {_with_interval(scores.rmse, rmse)}")
    typer.echo(f"{scores.images} images of {scores.groups} groups, protocol {scores.protocol}{_drawn(scores)}")
    print_notes(scores.notes)


def _print_best_thresholds(scores: CellScores) -> None:
    from cellweave.metrics.threshold_sweep import OPTIMISTIC

    for sweep in scores.sweeps:
        for label, f1 in sweep.f1.items():
            at = sweep.best(label)
            if at is not None:
                typer.echo(
                    f"best F1 of {label} within {_radius(sweep.radius)}  {f1[at]:.3f} at threshold "
                    f"{sweep.thresholds[at]:.4g}"
                )
    if scores.sweeps:
        print_notes((OPTIMISTIC,))


def print_layout_scores(scores: LayoutScores, *, per_class: bool = False) -> None:
    """Print how far each kind of layouts is from real ones in every measure, copies, and what to know of them.

    Args:
        scores: What to print.
        per_class: Print numbers of cells, and the distances of every class and pair of classes, too.
    """
    print_tables(_layout_table(scores), *((_layout_counts(scores), _layout_rows(scores)) if per_class else ()))
    typer.echo(
        "position: 0 = as near as real layouts of other patients, 1 = as far as random ones; random and fitted layouts "
        "(a cluster process with a hard core) have the counts of the real ones"
    )
    typer.echo(
        f"{scores.synthetic} synthetic against {scores.real} real layouts of {scores.groups} groups, "
        f"{scores.layouts_per_side} against {scores.layouts_per_side} in {scores.splits} splits, "
        f"frame {scores.frame_px[1]}×{scores.frame_px[0]} px"
        + (f"; 95 % intervals of {scores.resamples:,} resamples of the groups" if scores.resamples else "")
    )
    _print_copies(scores.memorisation)
    print_notes(scores.notes)


def _layout_table(scores: LayoutScores) -> Table:
    """Return the one table: a line for each kind of layouts, and the positions of those that have one."""
    from cellweave.metrics.layout_scores import COLUMNS, KINDS

    arm = scores.arms[0]
    rows = {(row.measure, row.label): row for row in scores.rows if row.arm == arm}
    there = [(title, rows[measure, label]) for title, measure, label in COLUMNS if (measure, label) in rows]
    table = table_of("layouts", numbers=("cells", *(title for title, _ in there), "position"))
    count = scores.count_row(arm=arm)
    cells = {
        "synthetic": f"{count.synthetic_mean:.1f}",
        "random": f"{count.random_mean:.1f}",
        "fitted": f"{count.fitted_mean:.1f}",
        "real": f"{count.real_mean:.1f}",
    }
    names = {"synthetic": "synthetic", "random": "random", "fitted": "fitted process", "real": "real against real"}
    ends = {"random": "1", "real": "0"}
    for kind in KINDS:
        distances = (_with_interval(_known(row.level(kind).mean), digits=3) for _, row in there)
        table.add_row(names[kind], cells[kind], *distances, ends.get(kind, ""))
        if kind in scores.overall:
            places = [
                (row.position, row.interval) if kind == "synthetic" else (row.fitted_position, row.fitted_interval)
                for _, row in there
            ]
            ratio = _stacked(count.ratio, count.interval) if kind == "synthetic" else ""
            table.add_row("  position", ratio, *(_stacked(*place) for place in (*places, scores.overall[kind])))
    return table


def _stacked(value: float | None, ends: Interval) -> str:
    """Return a number with its interval in a line of its own, so that many stand beside one another."""
    shown = _with_interval(value, digits=2)
    return shown if ends is None else f"{shown}\n{ends[0]:.2f}–{ends[1]:.2f}"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _layout_counts(scores: LayoutScores) -> Table:
    table = table_of("cells per layout", numbers=("real", "synthetic", "ratio"))
    for count in scores.counts:
        if count.arm == scores.arms[0]:
            made = f"{count.synthetic_mean:.1f} ± {count.synthetic_sd:.1f}"
            ratio = _with_interval(count.ratio, count.interval, digits=2)
            table.add_row(count.label, f"{count.real_mean:.1f} ± {count.real_sd:.1f}", made, ratio)
    return table


def _layout_rows(scores: LayoutScores) -> Table:
    from cellweave.metrics.layout_curves import NAMES

    table = table_of("measure", "of", numbers=("position", "distance", "fitted", "floor", "ceiling"))
    for row in scores.rows:
        if row.arm == scores.arms[0]:
            levels = (row.distance, row.fitted, row.floor, row.ceiling)
            table.add_row(
                NAMES[row.measure],
                row.label,
                _with_interval(row.position, row.interval, digits=2),
                *(_with_interval(_known(level.mean), digits=3) for level in levels),
            )
    return table


def _print_copies(found: Memorisation | None) -> None:
    if found is None:
        return
    verdicts = {None: "no held-out layouts to judge by", True: "ABOVE held-out: copies", False: "not above held-out"}
    tests = {
        f"nearer to a training layout than 5 % of the {found.training} are to one another": found.distance,
        "nearer, compared with the second nearest": found.ratio,
    }
    for name, test in tests.items():
        shares = [("synthetic", test.synthetic), *([("held-out real", test.held_out)] if test.held_out else [])]
        said = ", ".join(
            f"{kind} {share.share:.1%} [{share.interval[0]:.1%}, {share.interval[1]:.1%}] of {share.layouts}"
            for kind, share in shares
        )
        typer.echo(f"memorisation, {name}: {said}; {verdicts[test.memorised]}")


def print_image_scores(scores: ImageScores) -> None:
    """Print the scores against the images' own layouts, F1 beside chance and real images, colours, what to know."""
    own = scores.fidelity.scores
    print_tables(_rates(own), _fidelity(scores), _colours(scores))
    typer.echo(
        f"chance: the same found cells against layouts of other images, {scores.fidelity.comparisons:,} pairs"
        + ("; ratio: synthetic over real" if scores.real is not None else "")
    )
    typer.echo(
        f"L*, a*, b*: mean ± spread within an image; density: mean optical density, near is within "
        f"{scores.colours.radius_px:g} px of a cell"
    )
    typer.echo(f"{own.images} images of {own.groups} groups, protocol {own.protocol}{_drawn(own)}")
    if scores.real is not None:
        typer.echo(f"{scores.real.images} real images of {scores.real.groups} groups, split {scores.real_split}")
    typer.echo(f"localiser {scores.model}")
    print_notes(scores.notes)


def _rates(scores: CellScores) -> Table:
    table = table_of("radius", "class", numbers=("precision", "recall", "F1", "tp", "fp", "fn"))
    for row in scores.rows:
        rates = {"precision": row.precision, "recall": row.recall, "f1": row.f1}
        table.add_row(
            _radius(row.radius),
            row.label,
            *(_with_interval(value, (row.intervals or {}).get(name), digits=3) for name, value in rates.items()),
            *(f"{count:,}" for count in (row.tp, row.fp, row.fn)),
        )
    return table


def _images(scores: CellScores) -> Table:
    table = table_of(
        "image", "radius", "class", numbers=("true", "found", "precision", "recall", "F1", "tp", "fp", "fn")
    )
    for image in scores.per_image:
        for row in image.rows:
            table.add_row(
                image.image,
                _radius(row.radius),
                row.label,
                *(f"{count:,}" for count in (row.tp + row.fn, row.tp + row.fp)),
                *(_with_interval(value, digits=3) for value in (row.precision, row.recall, row.f1)),
                *(f"{count:,}" for count in (row.tp, row.fp, row.fn)),
            )
    return table


def _confusion(confusion: Confusion) -> Table:
    names = ["unknown class" if label is None else label for label in confusion.labels]
    table = table_of("", numbers=(*names, "missed"))
    for name, pairs, missed in zip(names, confusion.matched.tolist(), confusion.missed.tolist(), strict=True):
        table.add_row(name, *(f"{count:,}" for count in (*pairs, missed)))
    table.add_row("spurious", *(f"{count:,}" for count in confusion.spurious.tolist()), "")
    return table


def _right(confusion: Confusion) -> str:
    return "" if confusion.right is None else f"; {confusion.right:.1%} of the pairs agree"


def _radius(radius: Radius) -> str:
    return f"{radius.value:g} {UNITS[radius.unit]}"


def _fidelity(scores: ImageScores) -> Table:
    fidelity, real = scores.fidelity, scores.real
    table = table_of("F1 of", numbers=("synthetic", "chance", "margin", *(("real", "ratio") if real else ())))
    made = _f1_intervals(fidelity.scores)
    true = {} if real is None else _f1_intervals(real)
    for label, f1 in fidelity.f1.items():
        table.add_row(
            label,
            _with_interval(f1, made.get(label), digits=3),
            _with_interval(fidelity.chance_f1[label], digits=3),
            _with_interval(fidelity.margin[label], digits=3),
            *(
                ()
                if real is None
                else (
                    _with_interval(scores.real_f1.get(label), true.get(label), digits=3),
                    _with_interval(scores.ratio.get(label), digits=3),
                )
            ),
        )
    return table


def _f1_intervals(scores: CellScores) -> dict[str, Interval]:
    from cellweave.metrics.fidelity import MEAN

    ends: dict[str, Interval] = {row.label: (row.intervals or {}).get("f1") for row in scores.rows}
    if scores.intervals is not None:
        [ends[MEAN]] = scores.intervals.mean_class_f1.values()
    return ends


def _colours(scores: ImageScores) -> Table:
    sides = [scores.colours, *([] if scores.real_colours is None else [scores.real_colours])]
    table = table_of("colour", numbers=("synthetic", "real")[: len(sides)])

    for channel, name in enumerate(("L*", "a*", "b*")):
        styles = [side.style for side in sides]
        table.add_row(name, *(f"{style.mean[channel]:.1f} ± {style.spread[channel]:.1f}" for style in styles))
    for label in scores.colours.density:
        table.add_row(f"density near {label}", *(_with_interval(side.density[label], digits=3) for side in sides))
    table.add_row("density elsewhere", *(_with_interval(side.elsewhere, digits=3) for side in sides))
    return table


def _drawn(scores: CellScores) -> str:
    between = scores.intervals
    return "" if between is None else f"; 95 % intervals of {between.resamples:,} resamples of the groups"


def _with_interval(value: float | None, ends: Interval = None, *, digits: int = 1) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}f}" + ("" if ends is None else f" [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]")
