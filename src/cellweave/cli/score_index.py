"""``cellweave score index``: the share of positive cells, as of Ki-67."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cellweave.cli.index_table import print_index


def index(
    cells: Annotated[
        Path,
        typer.Argument(help="Data set, output of `cellweave locate`, or CSV or Parquet with image, x, y, label."),
    ],
    index: Annotated[str, typer.Option(help="The two classes, POSITIVE:NEGATIVE; cells of others are left out.")],
    truth: Annotated[
        Path | None, typer.Option(help="Annotations to compare with: data set, or table with the same columns.")
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option(help="QuPath GeoJSON of named areas of the only image, or a folder with IMAGE.geojson of each."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Images of this split of the data set only.")] = None,
    resamples: Annotated[int, typer.Option(min=1, max=100_000, help="Bootstrap resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    out: Annotated[Path | None, typer.Option(help="JSON file to write as well, and a CSV of its name.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the outputs where they are there already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Share of positive cells, positive / (positive + negative), of images, regions, patients or slides, and all.

    With --truth, the difference from that of the annotations, in percentage points. 95 % intervals: Wilson's, with the
    cells as units, for an image or region; bootstrap over images or patients for several. An image without positive
    and negative cells has no index.
    """
    from cellweave.workflows.index import score_index_files, table_beside

    scores = score_index_files(
        cells,
        index,
        truth=truth,
        regions=regions,
        split=split,
        resamples=resamples,
        seed=seed,
        out=out,
        overwrite=overwrite,
    )
    if as_json:
        typer.echo(json.dumps(scores.to_json(), indent=2, ensure_ascii=False))
        return
    print_index(scores)
    if out is not None:
        typer.echo(f"written to {out} and {table_beside(out)}")
