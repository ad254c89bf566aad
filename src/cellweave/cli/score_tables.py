"""The tables that ``cellweave score`` prints, one function for each kind of score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cellweave.cli.printing import print_notes, print_tables, table_of, with_interval

if TYPE_CHECKING:
    from rich.table import Table

    from cellweave.metrics import CellScores, Confusion, ImageScores, Radius
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
            typer.echo(f"mean class F1 at {key}  {with_interval(value, ends, digits=3)}")
    mae, rmse = (None, None) if between is None else (between.mae, between.rmse)
    typer.echo(f"cells per image  MAE {with_interval(scores.mae, mae)}  RMSE {with_interval(scores.rmse, rmse)}")
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
            *(with_interval(value, (row.intervals or {}).get(name), digits=3) for name, value in rates.items()),
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
                *(with_interval(value, digits=3) for value in (row.precision, row.recall, row.f1)),
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
            with_interval(f1, made.get(label), digits=3),
            with_interval(fidelity.chance_f1[label], digits=3),
            with_interval(fidelity.margin[label], digits=3),
            *(
                ()
                if real is None
                else (
                    with_interval(scores.real_f1.get(label), true.get(label), digits=3),
                    with_interval(scores.ratio.get(label), digits=3),
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
        table.add_row(f"density near {label}", *(with_interval(side.density[label], digits=3) for side in sides))
    table.add_row("density elsewhere", *(with_interval(side.elsewhere, digits=3) for side in sides))
    return table


def _drawn(scores: CellScores) -> str:
    between = scores.intervals
    return "" if between is None else f"; 95 % intervals of {between.resamples:,} resamples of the groups"
