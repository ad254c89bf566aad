"""Stain normalisation: its seconds beside scikit-learn's, and how near it brings stain-shifted copies of an image.

    OMP_NUM_THREADS=2 python benchmarks/stain.py [--images FOLDER] [--only speed|copies]

Speed is that of a phantom image of --side pixels: fit of the source and transform, the target being fitted. The
reference separates a part of it, of --reference-side pixels, as the library offers it: dictionary learning on all
pixels, then a lasso of each; ours is measured on that part, too.

Copies of an image differ as slides of other laboratories do (`jitter_stains`: stain vectors, strengths and light): its
haematoxylin and eosin, by the mean of the reference stains, are exchanged for jittered ones, what they do not explain
stays. Shrinkage is 1 - after / before of the mean distance between corresponding pixels of two copies in CIE L*a*b*,
over all pairs. Structure is the correlation of the haematoxylin channel (scikit-image's `rgb2hed`) of the image as it
was with that of each normalised copy. The target is another image, the first; it is not scored. With --keep-white, what
is pure white stays so in the copies, as a fill does, and is not scored.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sklearn
from skimage.color import rgb2hed, rgb2lab
from sklearn.decomposition import MiniBatchDictionaryLearning

from cellweave.core import numpy_generator
from cellweave.core.devices import choose_device, device_description
from cellweave.data import IMAGE_SUFFIXES, RgbImage, read_image
from cellweave.data.phantom import phantom_patch
from cellweave.stain import (
    MACENKO_HE,
    METHODS,
    RUIFROK_HE,
    StainNormaliser,
    density_to_rgb,
    jitter_stains,
    rgb_to_density,
    unit_stains,
)
from cellweave.stain.separation import unmix

HE = unit_stains(RUIFROK_HE + MACENKO_HE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of images for the copies; phantom tissue without")
    parser.add_argument("--only", choices=("speed", "copies"))
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--reference-side", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--count", type=int, default=9, help="images, the target among them")
    parser.add_argument("--crop", type=int, default=512, help="side of the part of every image, from its middle")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep-white", action="store_true", help="pure white is no glass but a fill, in copies too")
    arguments = parser.parse_args()
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(f"{device_description(choose_device())}, {threads} threads, numpy {np.__version__}")
    if arguments.only != "copies":
        _speed(arguments.side, arguments.reference_side, arguments.repeats)
    if arguments.only != "speed":
        images = _images(arguments.images, arguments.count, arguments.crop)
        for seed in range(arguments.seeds):
            _copies(images, arguments.copies, seed, keep_white=arguments.keep_white)


def _speed(side: int, reference_side: int, repeats: int) -> None:
    image = phantom_patch(0, seed=0, size=side).pixels
    target = phantom_patch(4, seed=0, size=512).pixels
    part = np.ascontiguousarray(image[:reference_side, :reference_side])
    print(f"seconds, median of {repeats} (lowest to highest)")
    for method in METHODS:
        normaliser = StainNormaliser.fit(target, method=method)
        _print_seconds(f"{method} {side}×{side}", _seconds(lambda n=normaliser: n.transform(image), repeats))
    vahadane = StainNormaliser.fit(target)
    ours = _seconds(lambda: vahadane.transform(part), repeats)
    theirs = _seconds(lambda: _dictionary_learning(part), 1)
    _print_seconds(f"vahadane {reference_side}×{reference_side}", ours)
    _print_seconds(f"scikit-learn {sklearn.__version__} {reference_side}×{reference_side}", theirs)
    print(f"scikit-learn / vahadane = {statistics.median(theirs) / statistics.median(ours):.0f}")


def _dictionary_learning(image: RgbImage) -> npt.NDArray[np.float64]:
    model = MiniBatchDictionaryLearning(
        n_components=2,
        alpha=0.1 / np.log(10),
        fit_algorithm="cd",
        transform_algorithm="lasso_cd",
        positive_code=True,
        positive_dict=True,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its convergence, which is not what is timed
        return np.asarray(model.fit_transform(rgb_to_density(image).reshape(-1, 3).astype(np.float64)))


def _seconds(work: Callable[[], object], repeats: int) -> list[float]:
    if repeats > 1:
        work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def _print_seconds(name: str, seconds: Sequence[float]) -> None:
    print(f"  {name:32} {statistics.median(seconds):8.3f} ({min(seconds):.3f} to {max(seconds):.3f})", flush=True)


def _images(folder: Path | None, count: int, crop: int) -> list[RgbImage]:
    if folder is None:
        return [phantom_patch(2 * i, seed=0, size=crop).pixels for i in range(count)]
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    paths = [paths[i] for i in np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int)]
    return [_middle(read_image(path), crop) for path in paths]


def _middle(image: RgbImage, side: int) -> RgbImage:
    top, left = (max(0, (extent - side) // 2) for extent in image.shape[:2])
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def _copies(images: Sequence[RgbImage], count: int, seed: int, *, keep_white: bool) -> None:
    target, *sources = images
    print(f"seed {seed}: {count} copies of each of {len(sources)} images; shrinkage (lowest) and structure (lowest)")
    for method in METHODS:
        normaliser = StainNormaliser.fit(target, method=method)
        shrunk, structure = [], []
        for number, image in enumerate(sources):
            fill = (image == 255).all(axis=-1) & keep_white
            copies = [_restained(image, numpy_generator(seed, "copy", number, i)) for i in range(count)]
            for copy in copies:
                copy[fill] = 255
            after = [normaliser.transform(copy) for copy in copies]
            shrunk.append(1 - _distance(after, ~fill) / _distance(copies, ~fill))
            channel = rgb2hed(image)[~fill, 0]
            structure += [np.corrcoef(channel, rgb2hed(one)[~fill, 0])[0, 1] for one in after]
        print(
            f"  {method:10} shrinkage {np.mean(shrunk):6.1%} ({min(shrunk):6.1%})"
            f"   structure {np.mean(structure):.3f} ({min(structure):.3f})",
            flush=True,
        )


def _restained(image: RgbImage, rng: np.random.Generator) -> RgbImage:
    slide = jitter_stains(HE, rng)
    densities = rgb_to_density(image).reshape(-1, 3).astype(np.float64)
    amounts = unmix(densities, HE)
    exchanged = densities + (amounts * slide.strengths) @ slide.stains - amounts @ HE
    return density_to_rgb((exchanged - np.log10((slide.background + 1) / 256)).reshape(image.shape))


def _distance(images: Sequence[RgbImage], scored: npt.NDArray[np.bool_]) -> float:
    lab = [rgb2lab(image)[scored] for image in images]
    return float(np.mean([np.linalg.norm(a - b, axis=-1).mean() for a, b in itertools.combinations(lab, 2)]))


if __name__ == "__main__":
    main()
