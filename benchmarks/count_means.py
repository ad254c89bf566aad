"""How well the means of a raster's channels and the numbers of cells tell one another, over crops of training images.

    OMP_NUM_THREADS=1 python benchmarks/count_means.py --data DATASET [--recipe default] [--crops 2000] [--seed 0]

Layout models that are told counts are held to them by the means of their channels of cells (`ChannelMeans`: quadratic
functions of the counts, fitted by least squares to the first 512 crops of a training run). The crops are those that a
training of this recipe, data set and seed counts, with their cells and rasters as the network sees them.

The first table is what sampling uses: the means of counts. R² is 1 less the squared error of the means over their
variance: of the crops that were fitted, and of the others, which lie elsewhere in the same images.

The second is the way back, and says what a mean is worth in cells: counts of means, by quadratic functions, too, fitted
to the same crops; R² and mean absolute error, of the crops fitted and of the others. The last line takes all cells from
the mean of the peaks alone, by a straight line, where the recipe has one channel of peaks for all cells.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cellweave import __version__
from cellweave.core.devices import choose_device, device_description
from cellweave.data import CellDataset
from cellweave.layouts import LayoutRecipe
from cellweave.layouts.count_projection import ChannelMeans
from cellweave.layouts.raster import draw_layouts
from cellweave.layouts.samples import COUNTED_CROPS, LayoutSamples
from cellweave.layouts.training import MEASURED_CROPS
from cellweave.training import load_recipe

Floats = npt.NDArray[np.float64]
Measure = Callable[[Floats, Floats], Floats]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a data set; its training split is used")
    parser.add_argument("--recipe", default="default", help="of layouts: a shipped one or a YAML file")
    parser.add_argument("--crops", type=int, default=COUNTED_CROPS, help=f"more than the {MEASURED_CROPS} fitted")
    parser.add_argument("--seed", type=int, default=0, help="of the training whose crops these are")
    arguments = parser.parse_args()
    if arguments.crops <= MEASURED_CROPS:
        parser.error(f"--crops {arguments.crops} leaves none to test on: the first {MEASURED_CROPS} are fitted")
    # densities are no channels of cells, and the slowest part to draw
    recipe = load_recipe(LayoutRecipe, "layouts", arguments.recipe, ["channels.density=none"])
    dataset = CellDataset.open(arguments.data)
    annotated = [dataset.read_cells(name) for name in dataset.names("training")]
    samples = LayoutSamples(draw_layouts(annotated, recipe, seed=arguments.seed), recipe, seed=arguments.seed)
    counts, means = samples.class_counts(arguments.crops).astype(np.float64), samples.cell_means(arguments.crops)
    print(f"{device_description(choose_device('cpu'))}, cellweave {__version__}, numpy {np.__version__}")
    print(
        f"{dataset.name}, {len(annotated)} training images, recipe {arguments.recipe}; {arguments.crops} crops of "
        f"{recipe.frame.crop_px} px, {MEASURED_CROPS} of them fitted; {counts.sum(axis=1).mean():.1f} cells a crop"
    )
    peaks = recipe.channels.cells == "shared"
    channels = (["peaks of all cells"] if peaks else []) + [f"channel of {name}" for name in dataset.class_names]
    print(f"\n{'means of counts':28}{'R² fitted':>12}{'R² others':>12}")
    fitted = ChannelMeans.fit(counts[:MEASURED_CROPS], means[:MEASURED_CROPS])
    for name, *both in zip(channels, *halves(determination, means, fitted(counts).astype(np.float64)), strict=True):
        print(f"{name:28}{both[0]:>12.4f}{both[1]:>12.4f}")

    wanted = np.column_stack([counts, counts.sum(axis=1)])
    read = quadratic(means) @ least_squares(quadratic(means)[:MEASURED_CROPS], wanted[:MEASURED_CROPS])
    print(
        f"\n{'counts of means':28}{'R² fitted':>12}{'R² others':>12}{'cells off, fitted':>20}{'cells off, others':>20}"
    )
    rows = [*dataset.class_names, "all cells"]
    print_counts(rows, wanted, read)
    if peaks:
        line = np.column_stack([np.ones(len(means)), means[:, 0]])
        total = wanted[:, -1:]
        read = line @ least_squares(line[:MEASURED_CROPS], total[:MEASURED_CROPS])
        print_counts(["all cells, by peaks alone"], total, read)


def print_counts(names: list[str], true: Floats, read: Floats) -> None:
    """Print how well some numbers of cells, (crops, names), are read, of the crops fitted and of the others."""
    columns = zip(names, *halves(determination, true, read), *halves(absolute_error, true, read), strict=True)
    for name, *values in columns:
        print(f"{name:28}{values[0]:>12.4f}{values[1]:>12.4f}{values[2]:>20.2f}{values[3]:>20.2f}")


def halves(measure: Measure, true: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    """Return a measure of the crops that were fitted, and of the others."""
    first, rest = slice(MEASURED_CROPS), slice(MEASURED_CROPS, None)
    return measure(true[first], predicted[first]), measure(true[rest], predicted[rest])


def determination(true: Floats, predicted: Floats) -> Floats:
    """Return the coefficient of determination, R², of every column."""
    return np.asarray(1 - np.square(true - predicted).sum(axis=0) / np.square(true - true.mean(axis=0)).sum(axis=0))


def absolute_error(true: Floats, predicted: Floats) -> Floats:
    """Return the mean absolute error of every column."""
    return np.asarray(np.abs(true - predicted).mean(axis=0))


def quadratic(values: Floats) -> Floats:
    """Return 1, values (N, K), and their products in pairs, (N, terms)."""
    first, second = np.triu_indices(values.shape[1])
    return np.concatenate([np.ones((len(values), 1)), values, values[:, first] * values[:, second]], axis=1)


def least_squares(terms: Floats, values: Floats) -> Floats:
    """Return the weights of terms, (terms, columns), that come nearest to values."""
    return np.asarray(np.linalg.lstsq(terms, values, rcond=None)[0])


if __name__ == "__main__":
    main()
