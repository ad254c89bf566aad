"""Real and synthetic tissue in rows of pictures: those of the report, and all of them on one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from cellweave.core import Cells
from cellweave.data import CellDataset, RgbImage
from cellweave.metrics.layout_arms import crop_to_centre
from cellweave.report import LegendEntry, Row, draw_cells, draw_layout, stack_rows
from cellweave.report.legend import class_legend, count_unknown
from cellweave.report.palette import FALSE_ALARM, HIT, MISS
from cellweave.workflows.demo_results import DemoResults

COLUMNS = 4
"""Images of either kind shown."""

TILE_PX = 288

Show = Literal["tissue", "tissue with its cells", "layouts"]

_MARKS = (
    LegendEntry("hit", HIT, ("ring", "dot")),
    LegendEntry("miss", MISS),
    LegendEntry("false alarm", FALSE_ALARM, ("cross",)),
)


def overview(results: DemoResults) -> RgbImage:
    """Return real and synthetic tissue bare, with its cells and as layouts, and real tissue with the cells found."""
    rows = [*real_and_synthetic(results, "tissue", "tissue with its cells", "layouts")]
    for arm in results.arms:
        shown = arm.images[:COLUMNS]
        images = [one.compared(results.radius, scale=TILE_PX / max(one.truth.shape), legend=False) for one in shown]
        legend = _MARKS if arm is results.arms[-1] else ()
        rows.append(Row(f"Cells found in {results.split} images; trained on {arm.name}", images, legend))
    return stack_rows(rows, tile_px=TILE_PX)


def real_and_synthetic(results: DemoResults, *shows: Show) -> list[Row]:
    """Return rows of the first real images and of the first synthetic ones, none left out, in windows of one size."""
    synthetic, real = results.synthetic, results.real
    frame = synthetic.read_cells(synthetic.names()[0]).shape
    kind = "Phantom" if results.phantom else "Real"
    return [
        *_rows(kind, real, real.names("training")[:COLUMNS], frame, shows),
        *_rows("Synthetic", synthetic, synthetic.names()[:COLUMNS], frame, shows),
    ]


def _rows(
    kind: str, dataset: CellDataset, names: Sequence[str], frame: tuple[int, int], shows: Sequence[Show]
) -> list[Row]:
    shown = [_window(dataset.read_cells(name), frame) for name in names]
    counts = {name: sum(cells.counts()[name] for cells in shown) for name in dataset.class_names}
    unknown = sum(count_unknown(cells) for cells in shown)
    legend = class_legend(counts, unknown, dataset.colours, shape="dot" if shows[-1] == "layouts" else "ring")
    scale = TILE_PX / max(frame)
    rows = []
    for show in shows:
        images = [
            draw_layout(cells, dataset.colours, scale=scale)
            if show == "layouts"
            else _tissue(dataset, name, cells, scale, drawn=show == "tissue with its cells")
            for name, cells in zip(names, shown, strict=True)
        ]
        rows.append(Row(f"{kind} {show}", images, legend if show == shows[-1] else ()))
    return rows


def _tissue(dataset: CellDataset, name: str, cells: Cells, scale: float, *, drawn: bool) -> RgbImage:
    pixels = dataset.read_image(name)
    row, column = (pixels.shape[0] - cells.shape[0]) // 2, (pixels.shape[1] - cells.shape[1]) // 2
    cut = np.ascontiguousarray(pixels[row : row + cells.shape[0], column : column + cells.shape[1]])
    return draw_cells(cut, cells, dataset.colours, scale=scale, line_px=2) if drawn else cut


def _window(cells: Cells, frame: tuple[int, int]) -> Cells:
    return crop_to_centre(cells, (min(frame[0], cells.shape[0]), min(frame[1], cells.shape[1])))
