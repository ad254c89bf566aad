"""Milliseconds a map: drawing EDT, FIDT and IDT maps beside distance transform and power on every pixel, in one run.

    python benchmarks/edt_encoding.py [--size 512] [--cells 250] [--repeats 50] [--threads 1] [--clock cpu]

Both are asked for the same maps in turn, each with other cells. Prints medians with their spread, the ratio, and the
largest difference of a value; pixels less than 1e-4 above the cutoff in one map and 0 in the other, where rounding
decides, are counted apart. Then, where there is a GPU, a batch of maps drawn there beside one by one on the processor.
The clock ``cpu`` counts the processor's time of this program alone, for a machine that is busy with others.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import torch

from cellweave.core.devices import choose_device, device_description
from cellweave.maps import AnyCellMap, draw_batch, make_map

Floats = npt.NDArray[np.float64]
Raster = npt.NDArray[np.float32]
T = TypeVar("T")

CASES: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("EDT", "edt", {}),
    ("EDT, D = 50 px", "edt", {"reach_px": 50.0}),
    ("FIDT", "fidt", {}),
    ("FIDT, cutoff 0.01", "fidt", {"cutoff": 0.01}),
    ("IDT", "idt", {}),
    ("IDT, cutoff 0.04", "idt", {"cutoff": 0.04}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--cells", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    torch.set_num_threads(arguments.threads)
    shape = (arguments.size, arguments.size)
    rng = np.random.default_rng(arguments.seed)
    positions = [rng.random((arguments.cells, 2)) * arguments.size for _ in range(arguments.repeats)]
    print(
        f"{device_description(torch.device('cpu'))}, {cv2.getNumThreads()} OpenCV and {torch.get_num_threads()} torch "
        f"threads, numpy {np.__version__}, OpenCV {cv2.__version__}, torch {torch.__version__}"
    )
    print(
        f"{arguments.cells} cells on {arguments.size}×{arguments.size} pixels, seed {arguments.seed}; "
        f"ms a map ({arguments.clock} time), median of {arguments.repeats} (lowest to highest)"
    )
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    for title, name, settings in CASES:
        cell_map = make_map(name, **settings)
        plain = _straightforward(cell_map, shape)
        _compare(title, lambda xy, m=cell_map: m.draw(xy, shape), plain, positions, cutoff=cell_map.cutoff, clock=clock)
    if choose_device().type != "cuda":
        print("no GPU here: batches on one are not compared")
        return
    print(device_description(choose_device()))
    for title, name, settings in CASES:
        _compare_batch(title, make_map(name, **settings), positions[: arguments.batch], shape)


def _straightforward(cell_map: AnyCellMap, shape: tuple[int, int]) -> Callable[[Floats], Raster]:
    """Return the drawing of a map as its equation says, in the single precision of OpenCV's distances."""

    def draw(xy: Floats) -> Raster:
        background = np.ones(shape, np.uint8)
        columns, rows = np.floor(xy).astype(int).T
        background[rows, columns] = 0
        distance = cv2.distanceTransform(background, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        slope, offset = getattr(cell_map, "slope", None), getattr(cell_map, "offset", None)
        if slope is None:
            values = 1 / (distance + cell_map.constant)
        else:
            reach = getattr(cell_map, "reach_px", 1.0) or float(distance.max())
            with np.errstate(over="ignore"):
                values = 1 / (distance ** (slope * distance / reach + offset) + cell_map.constant)
        return np.where(values < cell_map.cutoff, 0, values).astype(np.float32)

    return draw


def _compare(
    title: str,
    ours: Callable[[Floats], Raster],
    plain: Callable[[Floats], Raster],
    positions: list[Floats],
    *,
    cutoff: float,
    clock: Callable[[], float],
) -> None:
    ours(positions[0]), plain(positions[0])
    seconds: dict[str, list[float]] = {"plain": [], "cellweave": []}
    differences, at_cutoff = [], 0
    for xy in positions:
        expected = _timed(lambda xy=xy: plain(xy), seconds["plain"], clock)
        got = _timed(lambda xy=xy: ours(xy), seconds["cellweave"], clock)
        difference = abs(got - expected)
        jumped = (np.minimum(got, expected) == 0) & (difference > 0) & (difference < cutoff + 1e-4)
        at_cutoff += int(jumped.sum())
        differences.append(float(difference[~jumped].max()))
    print(
        f"{title:18} plain {_spread(seconds['plain'])}  cellweave {_spread(seconds['cellweave'])}  "
        f"ratio {statistics.median(seconds['plain']) / statistics.median(seconds['cellweave']):5.2f}  "
        f"largest difference {max(differences):.1e}, pixels across the cutoff {at_cutoff}"
    )


def _compare_batch(title: str, cell_map: AnyCellMap, positions: list[Floats], shape: tuple[int, int]) -> None:
    one_by_one: list[float] = []
    together: list[float] = []
    for _ in range(6):
        expected = _timed(lambda: draw_batch(cell_map, positions, shape), one_by_one, time.perf_counter)
        got = _timed(lambda: _drawn_on_gpu(cell_map, positions, shape), together, time.perf_counter)
    single, batch = ([s / len(positions) for s in seconds[1:]] for seconds in (one_by_one, together))
    print(
        f"{title:18} one by one {_spread(single)}  {len(positions)} at once {_spread(batch)}  "
        f"ratio {statistics.median(single) / statistics.median(batch):5.2f}  "
        f"largest difference {float((got.cpu() - expected).abs().max()):.1e}"
    )


def _drawn_on_gpu(cell_map: AnyCellMap, positions: list[Floats], shape: tuple[int, int]) -> torch.Tensor:
    drawn = draw_batch(cell_map, positions, shape, device="cuda")
    torch.cuda.synchronize()
    return drawn


def _timed(work: Callable[[], T], seconds: list[float], clock: Callable[[], float]) -> T:
    start = clock()
    result = work()
    seconds.append(clock() - start)
    return result


def _spread(seconds: list[float]) -> str:
    milliseconds = [1e3 * s for s in seconds]
    return f"{statistics.median(milliseconds):6.3f} ({min(milliseconds):.3f} to {max(milliseconds):.3f})"


if __name__ == "__main__":
    main()
