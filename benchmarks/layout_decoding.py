"""Cells to layout rasters at half resolution and back: how many return exactly, and milliseconds a decoding.

    python benchmarks/layout_decoding.py [--data DATASET] [--images 0] [--reduce 2] [--side 256] [--clock cpu]

Every image of the data set (or of phantom tissue without one) is drawn as markers, as EDT maps of fixed reach and as
shared peaks with class patches, as the layout recipes do, and read back. A cell returns exactly when a cell of its
class lies in its pixel of the raster. Cells "apart" have no other of their class within two pixels along either axis,
where their 3×3 markers would overlap. "Merged" are cells that did not return, "invented" are returned cells that were
none.

Decoding is timed on rasters of ``--side`` pixels, cut or padded with background, one by one; the clock ``cpu`` counts
the processor's time of this program alone, for a machine that is busy with others.

A second table is of rasters that are no layouts, three channels of ``--side`` pixels: noise of which a share lies above
the threshold, and ones everywhere. They give the longest times, and show whether cells come to lie on one pixel.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from cellweave.core import Cells
from cellweave.core.devices import device_description
from cellweave.data import CellDataset
from cellweave.data.phantom.patch import phantom_patch
from cellweave.layouts import LayoutRecipe
from cellweave.layouts.raster import make_codec

Clock = Callable[[], float]

KINDS = ("marker", "edt", "shared")
SHARES = (0.5, 0.9, 0.97, 1.0)
"""Of the pixels of noise, those above the threshold; 1 is a raster of ones."""

MARKER_REACH = 2
"""Pixels along an axis up to which two 3×3 markers share a pixel."""


@dataclass
class Tally:
    """Counts of one kind of raster over all images."""

    cells: int = 0
    exact: int = 0
    apart: int = 0
    apart_exact: int = 0
    invented: int = 0
    milliseconds: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a data set; phantom tissue without")
    parser.add_argument("--images", type=int, default=0, help="use so many; 0: all, or 20 of phantom tissue")
    parser.add_argument("--reduce", type=int, default=2, help="by which the raster is smaller")
    parser.add_argument("--side", type=int, default=256, help="of the rasters that are timed")
    parser.add_argument("--repeats", type=int, default=3, help="timings of every image")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    layouts = [cells.scaled(1 / arguments.reduce) for cells in annotated(arguments.data, arguments.images)]
    total = sum(int((cells.labels >= 0).sum()) for cells in layouts)
    print(f"{device_description(torch.device('cpu'))}, {arguments.threads} threads, clock {arguments.clock}")
    print(f"{len(layouts)} images, {total} cells, rasters 1/{arguments.reduce} as wide; timed at {arguments.side} px")
    print(
        f"{'':8}{'exact':>9}{'apart':>8}{'exact of apart':>16}{'merged':>9}{'invented':>10}{'ms (median, worst)':>22}"
    )
    for kind in KINDS:
        tally = Tally()
        for cells in layouts:
            measure(cells.select(cells.labels >= 0), kind, tally, arguments.side, arguments.repeats, clock)
        times = f"{statistics.median(tally.milliseconds):.2f}, {max(tally.milliseconds):.2f}"
        print(
            f"{kind:8}{tally.exact / tally.cells:>9.2%}{tally.apart:>8}{tally.apart_exact / tally.apart:>16.2%}"
            f"{1 - tally.exact / tally.cells:>9.2%}{tally.invented / tally.cells:>10.2%}{times:>22}"
        )
    print(f"\n{'':8}" + "".join(f"{f'{share:.0%} marked: cells, on one pixel, ms':>40}" for share in SHARES))
    for kind in KINDS:
        measured = (noise(kind, share, arguments.side, arguments.repeats, clock) for share in SHARES)
        print(f"{kind:8}" + "".join(f"{f'{n:,}, {twice:,}, {ms:.1f}':>40}" for n, twice, ms in measured))


def noise(kind: str, share: float, side: int, repeats: int, clock: Clock) -> tuple[int, int, float]:
    """Return of a raster that is no layout: cells read, those on the pixel of another, milliseconds at the longest."""
    names = ("a", "b", "c")
    codec = make_codec(LayoutRecipe.model_validate({"channels": {"cells": kind, "density": "none"}}))
    rng = np.random.default_rng(0)
    height = rng.random((len(names) + (kind == "shared"), side, side), np.float32)
    raster = np.ones_like(height) if share == 1 else height + np.float32(share - 0.5)  # the threshold is a half
    longest = 0.0
    for _ in range(repeats):
        start = clock()
        cells = codec.decode(raster, classes=names)
        longest = max(longest, (clock() - start) * 1000)
    return len(cells), len(cells) - len({place[:2] for place in places(cells)}), longest


def annotated(data: Path | None, images: int) -> list[Cells]:
    """Return the cells of the images that are asked for."""
    if data is None:
        return [phantom_patch(i, seed=0, size=464).cells for i in range(images or 20)]
    dataset = CellDataset.open(data)
    return [dataset.read_cells(name) for name in dataset.names()[: images or None]]


def measure(cells: Cells, kind: str, tally: Tally, side: int, repeats: int, clock: Clock) -> None:
    """Add one layout, in the frame of the raster, to the tally of a kind."""
    codec = make_codec(LayoutRecipe.model_validate({"channels": {"cells": kind, "density": "none"}}))
    raster = codec.encode(cells)
    back = codec.decode(raster, classes=cells.classes)
    true, found = places(cells), places(back)
    left = Counter(found)
    exact = np.zeros(len(true), bool)
    for i, place in enumerate(true):
        if left[place]:
            left[place] -= 1
            exact[i] = True
    apart = stands_apart(cells)
    tally.cells += len(true)
    tally.exact += int(exact.sum())
    tally.apart += int(apart.sum())
    tally.apart_exact += int((exact & apart).sum())
    tally.invented += sum(left.values())
    framed = np.zeros((len(raster), side, side), np.float32)
    height, width = min(side, raster.shape[1]), min(side, raster.shape[2])
    framed[:, :height, :width] = raster[:, :height, :width]
    for _ in range(repeats):
        start = clock()
        codec.decode(framed, classes=cells.classes)
        tally.milliseconds.append((clock() - start) * 1000)


def places(cells: Cells) -> list[tuple[int, int, int]]:
    """Return column, row and label of every cell."""
    pixels = np.floor(cells.xy).astype(int)
    return list(zip(pixels[:, 0].tolist(), pixels[:, 1].tolist(), cells.labels.tolist(), strict=True))


def stands_apart(cells: Cells) -> npt.NDArray[np.bool_]:
    """Return which cells have no other of their class whose marker shares a pixel with theirs."""
    pixels = np.floor(cells.xy).astype(int)
    steps = np.abs(pixels[:, None] - pixels[None, :]).max(axis=-1)
    near = (steps <= MARKER_REACH) & (cells.labels[:, None] == cells.labels[None, :])
    np.fill_diagonal(near, val=False)
    return np.asarray(~near.any(axis=1))


if __name__ == "__main__":
    main()
