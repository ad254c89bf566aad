"""The tables that ``cellweave score layouts`` prints: one set of synthetic layouts, or several beside one another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import typer

from cellweave.cli.printing import print_notes, print_tables, table_of, with_interval

if TYPE_CHECKING:
    from rich.table import Table

    from cellweave.metrics import LayoutRow, LayoutScores, LayoutSetScores, Memorisation
    from cellweave.metrics.cell_scores import Interval
    from cellweave.metrics.layout_scores import Kind
    from cellweave.metrics.layout_set_scores import Spread


def print_layout_scores(scores: LayoutScores | LayoutSetScores, *, per_class: bool = False) -> None:
    """Print how far each kind of layouts is from real ones in every measure, copies, and what to know of them.

    Of several sets, each has its lines; then come the mean over them, and the differences from the first.

    Args:
        scores: What to print.
        per_class: Print numbers of cells, and the distances of every class and pair of classes, too.
    """
    from cellweave.metrics import LayoutScores

    sets = (
        {"synthetic": scores}
        if isinstance(scores, LayoutScores)
        else dict(zip(scores.names, scores.scores, strict=True))
    )
    print_tables(_layout_table(sets, None if isinstance(scores, LayoutScores) else scores))
    if not isinstance(scores, LayoutScores):
        typer.echo()
        print_tables(_difference_table(scores))
    for name, one in sets.items() if per_class else ():
        if len(sets) > 1:
            typer.echo(f"\n{name}")
        print_tables(_layout_counts(one), _layout_rows(one))
    typer.echo(
        "position: 0 = as near as real layouts of other patients, 1 = as far as random ones; random and fitted layouts "
        "(a cluster process with a hard core) have the counts of the real ones"
    )
    if len(sets) > 1:
        typer.echo("mean: with the smallest and the largest; less: the same patients and layouts drawn for both sets")
    first = next(iter(sets.values()))
    numbers = " and ".join(dict.fromkeys(str(one.synthetic) for one in sets.values()))
    typer.echo(
        f"{numbers} synthetic against {first.real} real layouts of {first.groups} groups, "
        f"{first.layouts_per_side} against {first.layouts_per_side} in {first.splits} splits, "
        f"frame {first.frame_px[1]}×{first.frame_px[0]} px"
        + (f"; 95 % intervals of {first.resamples:,} resamples of the groups" if first.resamples else "")
    )
    for name, one in sets.items():
        _print_copies(one.memorisation, f" of {name}" if len(sets) > 1 else "")
    _print_notes(sets)


def _print_notes(sets: dict[str, LayoutScores]) -> None:
    """Print the notes that all sets share once, the others with the name of their set."""
    common = [note for note in next(iter(sets.values())).notes if all(note in one.notes for one in sets.values())]
    print_notes(tuple(common))
    for name, one in sets.items():
        print_notes(tuple(f"{name}: {note}" for note in one.notes if note not in common))


def _layout_table(sets: dict[str, LayoutScores], together: LayoutSetScores | None) -> Table:
    """Return the one table: a line for each kind of layouts, and the positions of those that have one."""
    from cellweave.metrics.layout_scores import KINDS

    first = next(iter(sets.values()))
    there = _columns(first)
    table = table_of("layouts", numbers=("cells", *(title for title, _ in there), "position"))
    for name, one in sets.items():
        _add_kind(table, one, "synthetic", name)
    if together is not None:
        distances = [together.distance(row.measure, row.label) for _, row in there]
        positions = [together.position(row.measure, row.label) for _, row in there]
        table.add_row(f"mean of {len(sets)}", "", *(_spread(one, digits=3) for one in distances), "")
        table.add_row("  position", *(_spread(one) for one in (together.count_ratio, *positions, together.overall)))
    names: dict[Kind, str] = {"random": "random", "fitted": "fitted process", "real": "real against real"}
    for kind in KINDS[1:]:
        _add_kind(table, first, kind, names[kind])
    return table


def _columns(scores: LayoutScores) -> list[tuple[str, LayoutRow]]:
    from cellweave.metrics.layout_scores import COLUMNS

    rows = {(row.measure, row.label): row for row in scores.rows if row.arm == scores.arms[0]}
    return [(title, rows[measure, label]) for title, measure, label in COLUMNS if (measure, label) in rows]


def _add_kind(table: Table, scores: LayoutScores, kind: Kind, name: str) -> None:
    """Add the distances of a kind of layouts, and below them its positions."""
    there, count = _columns(scores), scores.count_row(arm=scores.arms[0])
    cells = {
        "synthetic": count.synthetic_mean,
        "random": count.random_mean,
        "fitted": count.fitted_mean,
        "real": count.real_mean,
    }
    distances = (with_interval(_known(row.level(kind).mean), digits=3) for _, row in there)
    table.add_row(name, f"{cells[kind]:.1f}", *distances, {"random": "1", "real": "0"}.get(kind, ""))
    if kind in scores.overall:
        places = [
            (row.position, row.interval) if kind == "synthetic" else (row.fitted_position, row.fitted_interval)
            for _, row in there
        ]
        ratio = _stacked(count.ratio, count.interval) if kind == "synthetic" else ""
        table.add_row("  position", ratio, *(_stacked(*place) for place in (*places, scores.overall[kind])))


def _difference_table(scores: LayoutSetScores) -> Table:
    """Return, for every set after the first, its distances and positions less those of the first."""
    there = _columns(scores.scores[0])
    table = table_of(f"less {scores.names[0]}", numbers=(*(title for title, _ in there), "position"))
    for one in scores.differences:
        rows = [one.row(row.measure, row.label) for _, row in there]
        table.add_row(one.name, *(_stacked(*row.distance, digits=3) for row in rows), "")
        table.add_row("  position", *(_stacked(*row.position) for row in rows), _stacked(*one.overall))
    return table


def _spread(values: Spread | None, *, digits: int = 2) -> str:
    return _stacked(None) if values is None else _stacked(values.mean, (values.smallest, values.largest), digits=digits)


def _stacked(value: float | None, ends: Interval = None, *, digits: int = 2) -> str:
    """Return a number with its interval in a line of its own, so that many stand beside one another."""
    shown = with_interval(value, digits=digits)
    return shown if ends is None else f"{shown}\n{ends[0]:.{digits}f}–{ends[1]:.{digits}f}"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _layout_counts(scores: LayoutScores) -> Table:
    table = table_of("cells per layout", numbers=("real", "synthetic", "ratio"))
    for count in scores.counts:
        if count.arm == scores.arms[0]:
            made = f"{count.synthetic_mean:.1f} ± {count.synthetic_sd:.1f}"
            ratio = with_interval(count.ratio, count.interval, digits=2)
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
                with_interval(row.position, row.interval, digits=2),
                *(with_interval(_known(level.mean), digits=3) for level in levels),
            )
    return table


def _print_copies(found: Memorisation | None, of: str) -> None:
    if found is None:
        return
    verdicts = {None: "no held-out layouts to judge by", True: "ABOVE held-out: copies", False: "not above held-out"}
    tests = {
        f"nearer to a training layout than 5 % of {found.training_crops} crops of the {found.training} are to those of "
        "other patients": found.distance,
        "nearer, compared with the second nearest": found.ratio,
    }
    for name, test in tests.items():
        shares = {"synthetic": test.synthetic, **({"held-out real": test.held_out} if test.held_out else {})}
        of_what = {"synthetic": "layouts", "held-out real": "patients"}
        said = ", ".join(
            f"{kind} {share.share:.1%} [{share.interval[0]:.1%}, {share.interval[1]:.1%}] of {share.layouts} crops of "
            f"{share.groups} {of_what[kind]}"
            for kind, share in shares.items()
        )
        typer.echo(f"memorisation{of}, {name}: {said}; {verdicts[test.memorised]}")
