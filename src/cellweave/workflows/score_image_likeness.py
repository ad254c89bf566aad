"""Measuring how like real images the images of a data set are, and whether they are copies, image by image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, DatasetError, InvalidInputError, numpy_generator
from cellweave.core.progress import Progress
from cellweave.data import CellDataset, RgbImage, counted
from cellweave.encoders import PatchEncoder
from cellweave.encoders.image_network import PATCH_PX
from cellweave.metrics.image_controls import painted_dots, restained
from cellweave.metrics.image_distances import LEAST_SCORED
from cellweave.metrics.image_likeness import ImageLikeness, ImageSample, Kind, score_likeness
from cellweave.metrics.image_memorisation import PatchMemorisation, PatchQueries, score_patch_memorisation
from cellweave.metrics.image_nuclei import measure_nuclei

MPP = 0.5
"""Scale at which images are compared, µm per pixel."""

PLACE_STEP = 32
"""Pixels between the places of training images that copies are looked for at."""

QUERIES = 150
"""Patches of a side that copies are looked for with."""

SHIFTS_PX = (0, 11, 22)
"""Places, down and across, that a patch is looked at from: one is within 6 px of one of the training images."""

_WINDOW_PX = PATCH_PX + SHIFTS_PX[-1]

SAME_SCALE = 0.01
"""Share that scales may differ by without an image being resized: that blurs it, and sizes hardly change."""

Patches = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of a data set at one scale.

    Attributes:
        kind: What to call them.
        dataset: Where they are.
        names: Which of its images.
        mpp: Scale of images of unknown scale, µm per pixel; None: they are taken as they are.
    """

    kind: str
    dataset: CellDataset
    names: Sequence[str]
    mpp: float | None

    @property
    def groups(self) -> tuple[str, ...]:
        """Group of every image."""
        of = self.dataset.groups()
        return tuple(of[name] for name in self.names)

    def read(self, name: str) -> tuple[RgbImage, Cells]:
        """Return an image and its cells at 0.5 µm per pixel."""
        image, cells = self.dataset.read_image(name), self.dataset.read_cells(name)
        factor = ((self.mpp or MPP) if cells.mpp is None else cells.mpp) / MPP
        if abs(factor - 1) > SAME_SCALE:
            cells = cells.scaled(factor)
            how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, cells.shape[::-1], interpolation=how), np.uint8)
        return image, cells


@dataclass(frozen=True, eq=False)
class LikenessComparison:
    """Synthetic images, and the real ones that they are compared with.

    Attributes:
        synthetic: The synthetic images.
        real: The real ones that are scored beside them; those of other patients than the training images are the
            held-out ones of the search for copies.
        encoder: What patches are compared with.
        split: Of the data set of the real images, for likeness; None for all that have an image.
        splits: Random divisions of the patients.
        seed: Of all that is drawn.
        progress: Called after every image.

    Raises:
        DatasetError: There is no such split.
    """

    synthetic: ImageSet
    real: ImageSet
    encoder: PatchEncoder
    split: str | None
    splits: int
    seed: int
    progress: Progress

    def __post_init__(self) -> None:
        self.real.dataset.names(self.split)

    def measure(self, *, memorisation: bool) -> tuple[ImageLikeness | None, PatchMemorisation | None, list[str]]:
        """Return likeness, whether there are copies (None where not measured), and what to know of both."""
        every = self._of_real("real", self.split)
        likeness, notes = measure_likeness(
            every, self.synthetic, self.encoder, splits=self.splits, seed=self.seed, progress=self.progress
        )
        if not memorisation:
            return likeness, None, notes
        training = self._of_real("training", "training")
        patients = set(training.groups)
        apart = [name for name, group in zip(self.real.names, self.real.groups, strict=True) if group not in patients]
        held_out = ImageSet("held-out", self.real.dataset, apart, self.real.mpp)
        found, more = measure_memorisation(
            training, self.synthetic, held_out, self.encoder, seed=self.seed, progress=self.progress
        )
        return likeness, found, notes + more

    def _of_real(self, kind: str, split: str | None) -> ImageSet:
        """Return the real images of a split that are there, none where there is no such split."""
        images = self.real.dataset.images
        chosen = (images["file"] != "") & ((images["split"] == split) | (split is None))
        return ImageSet(kind, self.real.dataset, images["image"][chosen].astype(str).tolist(), self.real.mpp)


def measure_likeness(
    real: ImageSet, synthetic: ImageSet, encoder: PatchEncoder, *, splits: int, seed: int, progress: Progress
) -> tuple[ImageLikeness | None, list[str]]:
    """Return how like real images synthetic ones are, and notes; None, and why, where that cannot be measured.

    Raises:
        InvalidImageError: An image cannot be read.
        InvalidInputError: The encoder cannot take patches.
    """
    kinds = _sample(real, real, encoder, ("real", "restained", "dots"), seed, progress)
    samples = {**kinds, **_sample(synthetic, real, encoder, ("synthetic",), seed, progress)}
    for one, side in ((kinds["real"], real), (samples["synthetic"], synthetic)):
        if len(one.features) < 2:
            return None, [f"Likeness is not measured: the {side.kind} images are too small for patches of 32 µm."]
    if len(set(real.groups)) < 2:
        return None, ["Likeness is not measured: the real images are of one patient or slide, so there is no floor."]
    ordered: dict[Kind, ImageSample] = {kind: samples[kind] for kind in ("synthetic", "restained", "dots", "real")}
    try:
        likeness = score_likeness(
            ordered,
            encoder=encoder.name,
            classes=real.dataset.class_names,
            splits=splits,
            seed=seed,
            progress=progress,
        )
    except InvalidInputError as error:
        raise DatasetError(f"{synthetic.dataset.root} and {real.dataset.root} cannot be compared: {error}") from error
    if not likeness.inception_scores and ordered["real"].logits is not None:
        fewest = min(len(one.features) for one in ordered.values())
        few = f"No IS: of one kind of images there are {fewest} patches, and {LEAST_SCORED} are needed."
        likeness = replace(likeness, notes=(*likeness.notes, few))
    return likeness, list(likeness.notes)


def measure_memorisation(
    training: ImageSet,
    synthetic: ImageSet,
    held_out: ImageSet,
    encoder: PatchEncoder,
    *,
    seed: int,
    progress: Progress,
) -> tuple[PatchMemorisation | None, list[str]]:
    """Return whether synthetic images are copies of places in training images, and notes; None where not measured."""
    if training.dataset.checksum == synthetic.dataset.checksum and set(training.names) & set(synthetic.names):
        return None, ["Copies are not looked for: the images scored are the training images themselves."]
    if len(training.names) < 3:
        return None, [f"Copies are not looked for: {counted(len(training.names), 'training image')}, and 3 are needed."]
    places, own = [], _Queries(training, seed)
    for number, (image, _) in enumerate(_images(training, "encoding training images", progress)):
        cut = cut_patches(image, PLACE_STEP)
        if len(cut):
            places.append(encoder.encode(cut).features)
            own.add(number=len(places) - 1, index=number, image=image, encoder=encoder)
    queries = [own.result()]
    for side in (synthetic, held_out):
        some = _Queries(side, seed)
        if len(side.names):
            for number, (image, _) in enumerate(_images(side, f"patches of {side.kind} images", progress)):
                some.add(number=number, index=number, image=image, encoder=encoder)
        queries.append(some.result())
    if len(places) < 3 or not len(queries[0].features) or not len(queries[1].features):
        return None, ["Copies are not looked for: images are too small for windows of 43 µm."]
    with_verdict = len(queries[2].features) > 0
    found = score_patch_memorisation(
        places, queries[0], queries[1], queries[2] if with_verdict else None, seed=seed, progress=progress
    )
    return found, [] if with_verdict else ["No held-out images of other patients: shares of copies have no verdict."]


def cut_patches(image: RgbImage, step: int) -> Patches:
    """Return the patches of an image at a grid of places, uint8 (N, 64, 64, 3); none where the image is smaller."""
    height, width = image.shape[:2]
    corners = [
        (row, column)
        for row in range(0, height - PATCH_PX + 1, step)
        for column in range(0, width - PATCH_PX + 1, step)
    ]
    cut = [image[row : row + PATCH_PX, column : column + PATCH_PX] for row, column in corners]
    return np.stack(cut) if cut else np.zeros((0, PATCH_PX, PATCH_PX, 3), np.uint8)


def views_of(windows: Patches) -> Patches:
    """Return patches of windows (N, 86, 86, 3), shifted, flipped and turned in all ways, (N, 72, 64, 64, 3)."""
    cut = [windows[:, row : row + PATCH_PX, column : column + PATCH_PX] for row in SHIFTS_PX for column in SHIFTS_PX]
    turned = [np.rot90(patches, k, axes=(1, 2)) for patches in cut for k in range(4)]
    return np.stack([one for view in turned for one in (view, view[:, :, ::-1])], axis=1)


class _Queries:
    """Patches at random places of a set of images, shifted, flipped and turned."""

    def __init__(self, side: ImageSet, seed: int) -> None:
        self._groups, self._rng = side.groups, numpy_generator(seed, "copies", side.kind)
        count = len(side.names)
        self._counts = self._rng.multinomial(QUERIES, np.full(count, 1 / count)) if count else np.zeros(0, np.int64)
        self._features: list[npt.NDArray[np.float32]] = []
        self._images: list[int] = []
        self._owners: list[str] = []

    def add(self, *, number: int, index: int, image: RgbImage, encoder: PatchEncoder) -> None:
        room = [side - _WINDOW_PX + 1 for side in image.shape[:2]]
        count = int(self._counts[index])
        if min(room) < 1 or count == 0:
            return
        corners = self._rng.integers(0, room, (count, 2))
        windows = np.stack([image[row : row + _WINDOW_PX, column : column + _WINDOW_PX] for row, column in corners])
        views = views_of(windows)
        features = encoder.encode(views.reshape(-1, *views.shape[2:])).features
        self._features.append(features.reshape(count, views.shape[1], -1))
        self._images += [number] * count
        self._owners += [self._groups[index]] * count

    def result(self) -> PatchQueries:
        features = np.concatenate(self._features) if self._features else np.zeros((0, 1, 1), np.float32)
        return PatchQueries(features, np.array(self._images, np.int64), tuple(self._owners))


def _images(side: ImageSet, stage: str, progress: Progress) -> Iterator[tuple[RgbImage, Cells]]:
    for done, name in enumerate(side.names, start=1):
        yield side.read(name)
        progress(stage, done, len(side.names))


def _sample(
    side: ImageSet, real: ImageSet, encoder: PatchEncoder, kinds: Sequence[Kind], seed: int, progress: Progress
) -> dict[Kind, ImageSample]:
    """Return what is measured of images, and of the controls made of them; classes are numbered as the real ones."""
    parts = {kind: _Parts() for kind in kinds}
    names = side.dataset.class_names
    numbers = np.array([*(real.dataset.class_names.index(name) for name in names), -1])
    for number, (image, cells) in enumerate(_images(side, f"encoding {side.kind} images", progress)):
        for kind in kinds:
            shown = image
            if kind == "restained":
                shown = restained(image, numpy_generator(seed, "restained", number))
            elif kind == "dots":
                shown = painted_dots(image, cells)
            parts[kind].add(number, shown, cells, numbers, encoder)
    return {kind: one.result(side.groups) for kind, one in parts.items()}


class _Parts:
    """What is measured of the images of one kind, one after another."""

    def __init__(self) -> None:
        self._features: list[npt.NDArray[np.float32]] = []
        self._logits: list[npt.NDArray[np.float32]] = []
        self._patch_images: list[npt.NDArray[np.int64]] = []
        self._diameters: list[npt.NDArray[np.float64]] = []
        self._labels: list[npt.NDArray[np.int64]] = []
        self._cell_images: list[npt.NDArray[np.int64]] = []

    def add(
        self, number: int, image: RgbImage, cells: Cells, numbers: npt.NDArray[np.int64], encoder: PatchEncoder
    ) -> None:
        encoded = encoder.encode(cut_patches(image, PATCH_PX))
        self._features.append(encoded.features)
        if encoded.logits is not None:
            self._logits.append(encoded.logits)
        self._patch_images.append(np.full(len(encoded.features), number))
        sizes = measure_nuclei(image, cells, mpp=MPP)
        self._diameters.append(sizes.diameters_um)
        self._labels.append(numbers[sizes.labels])
        self._cell_images.append(np.full(len(sizes.labels), number))

    def result(self, groups: tuple[str, ...]) -> ImageSample:
        return ImageSample(
            groups,
            np.concatenate(self._features),
            np.concatenate(self._logits) if self._logits else None,
            np.concatenate(self._patch_images),
            np.concatenate(self._diameters),
            np.concatenate(self._labels),
            np.concatenate(self._cell_images),
        )
