"""How dark the cells of training images are as they are, and in every style that an image recipe can give them.

    OMP_NUM_THREADS=1 python benchmarks/image_styles.py --data DATASET [--split training]
        [--styles reinhard ...] [--gains 0.7 1.3]

Every image of the split is given a style as the training of an image model gives it (`stain` of the recipe): learnt
from all images of the split, then applied to each. Optical density is measured as `cellweave score images` does: the
mean of red, green and blue over the pixels within 4 px of a cell, each counted for the nearest one, over all images;
elsewhere is all the rest. A style that makes a class paler than the images as they are hides from a model how dark its
nuclei have to be; the second line of every style is the share of the density as it is. A style is there to make images
alike: the last two columns are the standard deviation, over images, of the mean a* and b* near their cells.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cellweave import __version__
from cellweave.core import Cells
from cellweave.core.devices import choose_device, device_description
from cellweave.data import CellDataset, RgbImage
from cellweave.images.styling import ImageStyle, StyledImages
from cellweave.metrics.colours import ELSEWHERE, RADIUS_PX, ImageColours, measure_colours, nearest_labels
from cellweave.stain import BetweenNucleiStyle
from cellweave.stain.reinhard import rgb_to_lab

STYLES: tuple[ImageStyle, ...] = ("as-is", "reinhard", "macenko", "vahadane", "between-nuclei")

Hue = npt.NDArray[np.float64]
"""Mean a* and b* near the cells of an image, (2,)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a data set")
    parser.add_argument("--split", default="training", help="whose images are styled")
    parser.add_argument("--styles", nargs="+", choices=STYLES[1:], default=STYLES[1:], help="beside the images as-is")
    parser.add_argument(
        "--gains", nargs=2, type=float, metavar=("LEAST", "GREATEST"), help="of between-nuclei, in place of its own"
    )
    parser.add_argument("--radius-px", type=float, default=RADIUS_PX, help="so near is near")
    parser.add_argument("--seed", type=int, default=0, help="of the tissue that stains are learnt from")
    arguments = parser.parse_args()
    dataset = CellDataset.open(arguments.data)
    names = dataset.names(arguments.split)
    print(f"{device_description(choose_device('cpu'))}, cellweave {__version__}, numpy {np.__version__}")
    print(
        f"{dataset.name}, {len(names)} images of split {arguments.split}; "
        f"mean optical density within {arguments.radius_px:g} px of cells"
    )
    columns = ("all", *dataset.class_names, "elsewhere")
    print(f"{'':16}" + "".join(f"{name:>14}" for name in (*columns, "a* of images", "b* of images")))
    plain: dict[str, float | None] = {}
    for style in ("as-is", *arguments.styles):
        painter = StyledImages(dataset, names, style, seed=arguments.seed)
        if arguments.gains is not None and isinstance(painter.style, BetweenNucleiStyle):
            painter.style = replace(painter.style, gains=tuple(arguments.gains))
        hues: list[Hue] = []
        colours = measure_colours(
            pictures(dataset, names, painter, hues, arguments.radius_px),
            classes=dataset.class_names,
            radius_px=arguments.radius_px,
        )
        found = densities(colours)
        spread = np.std(hues, axis=0) if hues else [None, None]
        print(
            f"{style:16}"
            + "".join(f"{number(found[name], '.3f'):>14}" for name in columns)
            + "".join(f"{number(one, '.1f'):>14}" for one in spread),
            flush=True,
        )
        plain = plain or found
        if style != "as-is":
            shares = {name: share(found[name], plain[name]) for name in columns}
            print(f"{'':16}" + "".join(f"{number(shares[name], '.0%'):>14}" for name in columns), flush=True)


def pictures(
    dataset: CellDataset, names: list[str], painter: StyledImages, hues: list[Hue], radius_px: float
) -> Iterator[tuple[RgbImage, Cells]]:
    """Yield every image in its style, and its cells; add the mean a* and b* near its cells, if any, to the hues."""
    for name in names:
        image, cells = painter(name), dataset.read_cells(name)
        near = nearest_labels(cells, radius_px) != ELSEWHERE
        if near.any():
            hues.append(rgb_to_lab(image)[near][:, 1:].mean(axis=0, dtype=float))
        yield image, cells


def densities(colours: ImageColours) -> dict[str, float | None]:
    """Return the densities near all cells, near those of every class, and elsewhere; None where no pixel is."""
    return {**colours.density, "elsewhere": colours.elsewhere}


def share(styled: float | None, plain: float | None) -> float | None:
    """Return a density as a share of that of the images as they are; None without either."""
    return styled / plain if styled is not None and plain else None


def number(value: float | None, form: str) -> str:
    """Return a number as text, a dash for none."""
    return "–" if value is None else format(value, form)


if __name__ == "__main__":
    main()
