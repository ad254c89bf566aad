"""Pairing of true and predicted cells of many images beside a matcher in plain Python, in one run, with equal counts.

    python benchmarks/scoring.py [--images 402] [--cells 260] [--radius 6] [--repeats 5] [--seed 0]

Points are drawn at random: true cells uniformly, predictions from them with 15 % missed, jitter of 2.5 px, and
15 % false alarms. Every matcher gets the same coordinates and finds neighbours itself. Times are of the whole set:

- `cellweave matching` and `cellweave greedy`: `tally_images`, all images, one radius, the counts of cells and of three
  classes, which the plain matchers do not even make;
- `plain, neighbour lists`: Kuhn's augmenting paths over lists of neighbours, read once from a matrix of distances
  that numpy computes: the quickest of the plain ones;
- `plain, matrix`: the same, looking through the row of the matrix of every cell that it visits, as it is written
  down most often;
- `plain greedy`: true cells row by row, each the nearest free one of the matrix.

Printed are medians of the repeats (lowest to highest) and the ratios to cellweave, the repeats of all taken in turn.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt
import scipy

from cellweave.core import Cells, Length, numpy_generator
from cellweave.metrics.tally import tally_images

Xy = npt.NDArray[np.float64]
SIDE = 512
CLASSES = ("lymphocyte", "tumor", "stromal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=402)
    parser.add_argument("--cells", type=int, default=260)
    parser.add_argument("--radius", type=float, default=6.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    truth, found = _points(arguments.images, arguments.cells, arguments.seed)
    radius = arguments.radius
    print(
        f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    )
    print(
        f"{arguments.images} images, {sum(map(len, truth.values())):,} true and {sum(map(len, found.values())):,} "
        f"predicted cells, radius {radius:g} px, seed {arguments.seed}; "
        f"seconds, median of {arguments.repeats} (lowest to highest)"
    )
    pairs = [(truth[name].xy, found[name].xy) for name in truth]
    works: dict[str, Callable[[], int]] = {
        "cellweave matching": partial(_tallied, truth, found, radius, "matching"),
        "plain, neighbour lists": lambda: sum(_by_lists(*pair, radius) for pair in pairs),
        "plain, matrix": lambda: sum(_by_matrix(*pair, radius) for pair in pairs),
        "cellweave greedy": partial(_tallied, truth, found, radius, "greedy"),
        "plain greedy": lambda: sum(_plain_greedy(*pair, radius) for pair in pairs),
    }
    seconds, counts = _measured(works, arguments.repeats)
    for protocol, others in (("matching", ("plain, neighbour lists", "plain, matrix")), ("greedy", ("plain greedy",))):
        ours = f"cellweave {protocol}"
        _print(ours, seconds[ours], counts[ours], "")
        for other in others:
            ratios = [theirs / own for theirs, own in zip(seconds[other], seconds[ours], strict=True)]
            spread = f"({min(ratios):.1f} to {max(ratios):.1f})"
            _print(other, seconds[other], counts[other], f"ratio {statistics.median(ratios):5.1f} {spread}")
            if counts[other] != counts[ours]:
                sys.exit(f"{other} makes {counts[other]:,} pairs, {ours} {counts[ours]:,}: they must be equal")


def _points(images: int, cells: int, seed: int) -> tuple[dict[str, Cells], dict[str, Cells]]:
    truth, found = {}, {}
    for i in range(images):
        generator = numpy_generator(seed, "benchmark of scoring", i)
        xy = generator.uniform(0, SIDE, (cells, 2))
        near = xy[generator.random(cells) >= 0.15]
        near = near + generator.normal(0, 2.5, near.shape)
        false = generator.uniform(0, SIDE, (round(0.15 * cells), 2))
        for side, points in ((truth, xy), (found, np.concatenate([near, false]).clip(0, SIDE - 0.01))):
            labels = generator.integers(0, len(CLASSES), len(points))
            side[f"{i:05}"] = Cells(points, labels, classes=CLASSES, shape=(SIDE, SIDE))
    return truth, found


def _tallied(truth: Mapping[str, Cells], found: Mapping[str, Cells], radius: float, protocol: str) -> int:
    return int(tally_images(truth, found, protocol=protocol, radii=[Length(radius)]).counts[:, 0, 0, 0].sum())


def _distances(truth: Xy, found: Xy) -> Xy:
    return np.hypot(truth[:, None, 0] - found[None, :, 0], truth[:, None, 1] - found[None, :, 1])


def _by_lists(truth: Xy, found: Xy, radius: float) -> int:
    neighbours = [np.flatnonzero(row).tolist() for row in _distances(truth, found) <= radius]
    owner: dict[int, int] = {}

    def augment(t: int, seen: set[int]) -> bool:
        for p in neighbours[t]:
            if p not in seen:
                seen.add(p)
                if p not in owner or augment(owner[p], seen):
                    owner[p] = t
                    return True
        return False

    return sum(augment(t, set()) for t in range(len(truth)))


def _by_matrix(truth: Xy, found: Xy, radius: float) -> int:
    near = (_distances(truth, found) <= radius).tolist()
    owner: dict[int, int] = {}

    def augment(t: int, seen: set[int]) -> bool:
        for p, reachable in enumerate(near[t]):
            if reachable and p not in seen:
                seen.add(p)
                if p not in owner or augment(owner[p], seen):
                    owner[p] = t
                    return True
        return False

    return sum(augment(t, set()) for t in range(len(truth)))


def _plain_greedy(truth: Xy, found: Xy, radius: float) -> int:
    distances = _distances(truth, found)
    pairs = 0
    for t in np.lexsort((truth[:, 0], truth[:, 1], np.floor(truth[:, 0]), np.floor(truth[:, 1]))):
        nearest = int(distances[t].argmin())
        if distances[t, nearest] < radius:
            distances[:, nearest] = np.inf
            pairs += 1
    return pairs


def _measured(works: Mapping[str, Callable[[], int]], repeats: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    counts = {name: work() for name, work in works.items()}
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    return seconds, counts


def _print(name: str, seconds: list[float], pairs: int, ratio: str) -> None:
    spread = f"({min(seconds):.3f} to {max(seconds):.3f})"
    print(f"{name:24} {statistics.median(seconds):7.3f} {spread:18} {pairs:,} pairs  {ratio}".rstrip())


if __name__ == "__main__":
    main()
