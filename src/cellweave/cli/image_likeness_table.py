"""The tables that ``cellweave score images`` prints of how like real images synthetic ones are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import typer

from cellweave.cli.printing import print_tables, table_of

if TYPE_CHECKING:
    from rich.table import Table

    from cellweave.metrics import ImageScores
    from cellweave.metrics.image_likeness import ImageLikeness, Kind, LikenessRow
    from cellweave.metrics.image_memorisation import PatchMemorisation
    from cellweave.metrics.layout_scores import Level


def print_image_likeness(scores: ImageScores) -> None:
    """Print KID, FID, IS and sizes of nuclei between real images and painted dots, and whether there are copies."""
    likeness = scores.likeness
    if likeness is not None:
        typer.echo()
        print_tables(_distances(likeness), _classes(likeness))
        typer.echo(
            "position: 0 = real images of other patients, 1 = flat dots in their colours at their cells; restained: "
            "real images as another laboratory might stain them"
        )
        typer.echo(
            f"{likeness.patches} patches of 32 µm on either side, {likeness.groups} groups of real images halved in "
            f"{likeness.splits} splits, whose middle 95 % the intervals are; KID ± spread over its subsets"
        )
        typer.echo(f"features {likeness.encoder}")
    if scores.memorisation is not None:
        _print_copies(scores.memorisation)


def _distances(likeness: ImageLikeness) -> Table:
    table = table_of("measure", "of", numbers=("synthetic", "real", "restained", "dots", "position"))
    for row in likeness.rows:
        shown = [
            _level(row.levels[kind], row.subset_sd.get(kind)) for kind in ("synthetic", "real", "restained", "dots")
        ]
        table.add_row(row.measure, row.label, *shown, _position(row, "synthetic"))
    return table


def _classes(likeness: ImageLikeness) -> Table:
    table = table_of("of patches", numbers=("synthetic", "real", "restained", "dots"))
    kinds: tuple[Kind, ...] = ("synthetic", "real", "restained", "dots")
    scores = (likeness.inception_scores.get(kind) for kind in kinds)
    table.add_row("IS", *("–" if score is None else f"{score.mean:.2f} ± {score.sd:.2f}" for score in scores))
    seen = (likeness.nuclei_seen[kind] for kind in kinds)
    table.add_row("cells on a nucleus", *("–" if share is None else f"{share:.1%}" for share in seen))
    return table


def _level(level: Level, spread: float | None) -> str:
    if math.isnan(level.mean):
        return "–"
    return f"{level.mean:.3f}" + ("" if spread is None else f" ± {spread:.3f}")


def _position(row: LikenessRow, kind: Literal["synthetic", "restained"]) -> str:
    place, ends = row.position(kind), row.intervals[kind]
    if place is None:
        return "–"
    return f"{place:.2f}" + ("" if ends is None else f" [{ends[0]:.2f}, {ends[1]:.2f}]")


def _print_copies(found: PatchMemorisation) -> None:
    verdicts = {None: "no held-out images to judge by", True: "ABOVE held-out: copies", False: "not above held-out"}
    tests = {
        f"nearer to one of {found.images} training images than 5 % of their patches are to another": found.distance,
        "nearer, compared with the second nearest image": found.ratio,
    }
    for name, test in tests.items():
        said = f"synthetic {test.synthetic.share:.1%} of {test.synthetic.layouts}"
        if test.held_out is not None:
            said += f", held-out real {test.held_out.share:.1%} of {test.held_out.layouts}, bound {test.bound:.1%}"
        typer.echo(f"memorisation of patches, {name}: {said}; {verdicts[test.memorised]}")
