"""Densities of the training images of a data set, batched, beside one scikit-learn fit after another, in one run.

    python benchmarks/densities.py [--data DATASET] [--images 80] [--clock wall] [--repeats 3] [--threads 1] [--seed 0]

Every class with three or more cells of every image, at half resolution, gets the Gaussian mixture of 1 to 10 components
of the smallest BIC, drawn on every pixel; without --data of phantom tissue. Rows of the tables:

- `whole`: fits and maps, plain and ours (`draw_densities`);
- `fits`: of them the fits alone; `fits, one by one` are ours without batches, one set of points after another;
- `maps`: of them drawing alone, the same mixtures on both sides: `score_samples` of every pixel against `on_grid`;
- `kde`, `gmcm`: the other densities, whole; `gmm, written` and `gmm, stored`: whole with an empty cache and a full one.

Both sides get the same points, the same number of components to choose from and the same least spread (`reg_covar`).
Their BIC is worked out here, from the density of the points under the chosen mixture, in one way for both; the lower is
the better. Seconds are medians of the repeats (lowest to highest), the sides in turn; ratios are plain to ours.
"""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from cellweave.core import Cells
from cellweave.data import CellDataset
from cellweave.data.phantom import phantom_patch
from cellweave.maps import (
    DensityCache,
    DensitySettings,
    GaussianMixture2D,
    draw_densities,
    fit_gaussian_mixture,
    fit_gaussian_mixtures,
)
from cellweave.maps.densities import LEAST_CELLS
from cellweave.maps.density_fits import LEAST_SPREAD_PX, MOST_COMPONENTS, POINTS_PER_COMPONENT

T = TypeVar("T")
Xy = npt.NDArray[np.float64]
GMM = DensitySettings("gmm")
OTHERS = ("kde", "gmcm", "gmm, written", "gmm, stored")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--images", type=int, default=80, help="at most")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only-mixtures", action="store_true", help="leave out kde, gmcm and the cache")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)  # scikit-learn's EM may end at its limit of 100 steps
    images = _images(arguments.data, arguments.images, arguments.seed)
    with threadpool_limits(arguments.threads):
        _compare(images, arguments)


def _images(data: Path | None, most: int, seed: int) -> list[Cells]:
    if data is None:
        return [phantom_patch(i, seed=seed, size=464).cells.scaled(0.5) for i in range(most)]
    dataset = CellDataset.open(data)
    return [dataset.read_cells(name).scaled(0.5) for name in dataset.names("training")[:most]]


def _compare(images: list[Cells], arguments: argparse.Namespace) -> None:
    places = [(cells, cells.xy[cells.labels == i]) for cells in images for i in range(len(cells.classes))]
    places = [(cells, xy) for cells, xy in places if len(xy) >= LEAST_CELLS]
    sets, shapes = [xy for _, xy in places], [cells.shape for cells, _ in places]
    print(
        f"{platform.machine()}, {arguments.threads} thread(s), Python {platform.python_version()}, "
        f"numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    )
    print(
        f"{len(images)} images of about {images[0].shape[1]}×{images[0].shape[0]} px, {len(sets)} densities of "
        f"{sum(map(len, sets)):,} cells, seed {arguments.seed}; {arguments.clock} seconds, median of "
        f"{arguments.repeats} (lowest to highest)",
        flush=True,
    )
    watch = Stopwatch(time.process_time if arguments.clock == "cpu" else time.perf_counter)
    fit_gaussian_mixtures(sets[:5]), _plain_fit(sets[0], arguments.seed)
    for _ in range(arguments.repeats):
        plain, ours, difference = _one_round(watch, images, sets, shapes, arguments.seed)
        if not arguments.only_mixtures:
            _other_densities(watch, images, arguments.seed)
    watch.print_ratio("whole", "plain whole", "our whole")
    watch.print_ratio("fits", "plain fits", "our fits")
    watch.print_ratio("fits, one by one", "plain fits", "our fits, one by one")
    watch.print_ratio("maps", "plain maps", "our maps")
    for side in ("plain whole", "our whole"):
        print(f"{side:18} {1e3 * statistics.median(watch.seconds[side]) / len(images):6.1f} ms an image")
    for name in OTHERS:
        if name in watch.seconds:
            print(f"{name:18} {watch.spread(name)}")
    print(f"largest difference of maps of the same mixtures, as a share of the peak: {difference:.1e}")
    bics = [np.array([_bic(fit, xy) for fit, xy in zip(fits, sets, strict=True)]) for fits in (plain, ours)]
    lower, higher = (bics[1] < bics[0] - 1e-6).mean(), (bics[1] > bics[0] + 1e-6).mean()
    print(
        f"mean BIC: plain {bics[0].mean():.2f}, ours {bics[1].mean():.2f}; ours is the lower in {lower:.0%}, "
        f"the higher in {higher:.0%} of the densities"
    )


class Stopwatch:
    """Seconds of named works, repeat by repeat."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._clock = clock

    def time(self, name: str, work: Callable[[], T]) -> T:
        """Return what a work returns."""
        start = self._clock()
        result = work()
        self.seconds.setdefault(name, []).append(self._clock() - start)
        return result

    def spread(self, name: str) -> str:
        """Return the median, the least and the most."""
        seconds = self.seconds[name]
        return f"{statistics.median(seconds):7.3f} ({min(seconds):.3f} to {max(seconds):.3f})"

    def print_ratio(self, title: str, plain: str, ours: str) -> None:
        """Print two works beside one another."""
        ratios = [a / b for a, b in zip(self.seconds[plain], self.seconds[ours], strict=True)]
        print(
            f"{title:18} plain {self.spread(plain)}  ours {self.spread(ours)}  "
            f"ratio {statistics.median(ratios):5.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
        )


def _one_round(
    watch: Stopwatch, images: list[Cells], sets: list[Xy], shapes: list[tuple[int, int]], seed: int
) -> tuple[list[GaussianMixture2D], list[GaussianMixture2D], float]:
    """Return the mixtures of both sides, and the largest difference of their maps of the same mixtures."""
    plain = watch.time("plain fits", lambda: [_plain_fit(xy, seed) for xy in sets])
    ours = watch.time("our fits", lambda: fit_gaussian_mixtures(sets, seed=seed))
    watch.time("our fits, one by one", lambda: [fit_gaussian_mixture(xy, seed=seed) for xy in sets])
    same = [GaussianMixture2D(fit.weights_, fit.means_, fit.covariances_) for fit in plain]
    expected = watch.time("plain maps", lambda: list(map(_plain_map, plain, shapes)))
    drawn = watch.time("our maps", lambda: list(map(GaussianMixture2D.on_grid, same, shapes)))
    watch.seconds.setdefault("plain whole", []).append(
        watch.seconds["plain fits"][-1] + watch.seconds["plain maps"][-1]
    )
    watch.time("our whole", lambda: draw_densities(images, GMM, seed=seed))
    difference = max(float(abs(a - b).max() / b.max()) for a, b in zip(drawn, expected, strict=True))
    return same, ours, difference


def _other_densities(watch: Stopwatch, images: list[Cells], seed: int) -> None:
    for settings in (DensitySettings("kde"), DensitySettings("gmcm")):
        watch.time(settings.method, lambda settings=settings: draw_densities(images, settings, seed=seed))
    with tempfile.TemporaryDirectory() as folder:
        cache = DensityCache(Path(folder))
        for name in ("gmm, written", "gmm, stored"):
            watch.time(name, lambda: draw_densities(images, GMM, seed=seed, cache=cache))


def _plain_fit(xy: Xy, seed: int) -> GaussianMixture:
    affordable = max(1, len(np.unique(xy, axis=0)) // POINTS_PER_COMPONENT)
    fits = [
        GaussianMixture(size, reg_covar=LEAST_SPREAD_PX**2, random_state=seed).fit(xy)
        for size in range(1, min(MOST_COMPONENTS, affordable) + 1)
    ]
    return min(fits, key=lambda fit: float(fit.bic(xy)))


def _plain_map(fit: GaussianMixture, shape: tuple[int, int]) -> Xy:
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return np.exp(fit.score_samples(np.stack([columns.ravel(), rows.ravel()], axis=1))).reshape(shape)


def _bic(mixture: GaussianMixture2D, xy: Xy) -> float:
    parameters = 6 * len(mixture.weights) - 1
    return parameters * math.log(len(xy)) - 2 * float(np.log(mixture.density(xy)).sum())


if __name__ == "__main__":
    main()
