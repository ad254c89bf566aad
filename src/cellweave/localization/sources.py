"""What a localiser learns from: real data sets, which it is calibrated on as well, and synthetic ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cellweave.core import Cells, InvalidImageError, InvalidInputError
from cellweave.data import CellDataset, RgbImage
from cellweave.localization.calibration import grouped_folds
from cellweave.localization.provenance import PROVENANCE, generator_facts, is_generated, patients_painted
from cellweave.localization.samples import resized

DEFAULT_SHARE = 0.5
"""Share of the training crops that come from synthetic images, where there are any and nothing else is said."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceImage:
    """One image that a localiser learns from.

    Attributes:
        dataset: Where it is.
        name: Its name there.
        cells: Its cells, in its own frame.
        group: Patient or slide; of a synthetic image that whose layout it was painted from, None where nobody's.
        key: Unique in the run.
    """

    dataset: CellDataset
    name: str
    cells: Cells
    group: str | None
    key: str

    def read(self, mpp: float | None) -> tuple[RgbImage, Cells]:
        """Return its pixels, uint8 (H, W, 3), and its cells at a scale; see :func:`resized`.

        Raises:
            DatasetError: It is not what the data set says.
            InvalidImageError: It cannot be read, or its scale is far from ``mpp``.
        """
        pixels = self.dataset.read_image(self.name)
        try:
            return resized(pixels, self.cells, mpp)
        except InvalidImageError as error:
            raise InvalidImageError(f"{self.dataset.image_path(self.name)}: {error}") from error


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """The images of one network of the cross-validation: real and synthetic ones to train on, real ones to predict."""

    real: list[SourceImage]
    synthetic: list[SourceImage]
    held_out: list[SourceImage]


class LocatorSources:
    """The data sets of one run, checked.

    Groups of the same name are the same patient in all data sets: public collections share their patients, and a
    patient who is held out must be held out everywhere.

    Args:
        data: Real data sets; of each the training split is learnt from and calibrated on.
        synthetic: Generated data sets; of each all images are learnt from, whatever their split.
        share: Share of the training crops that come from ``synthetic``; :data:`DEFAULT_SHARE` when None.

    Raises:
        InvalidInputError: There is no real data set, one is given twice or in the wrong role, classes disagree, there
            are no cells to learn from, the share makes no sense, or a synthetic image shows a patient's layout that is
            kept for validation or test.
        DatasetError: A data set has no training images, or its tables are damaged.
    """

    def __init__(
        self, data: Sequence[CellDataset], synthetic: Sequence[CellDataset] = (), share: float | None = None
    ) -> None:
        if not data:
            raise InvalidInputError("there is no data set to train on; give one with --data.")
        self.data, self.generated = tuple(data), tuple(synthetic)
        self.share = _checked_share(share, given=bool(synthetic))
        for dataset in self.data:
            _require_real(dataset)
        for dataset in self.generated:
            _require_generated(dataset)
        _require_different([*self.data, *self.generated])
        for dataset in [*self.data[1:], *self.generated]:
            _require_same_classes(dataset, self.data[0])
        self.classes = self.data[0].classes
        # of one data set images keep their names, as in the runs of before there could be several
        several = len(self.data) > 1
        self.real: list[SourceImage] = []
        for number, dataset in enumerate(self.data, start=1):
            groups = dataset.groups()
            names = dataset.names("training")
            annotated = _annotated(dataset, names, "training images")
            for name in names:
                key = f"{number}/{name}" if several else name
                self.real.append(SourceImage(dataset, name, annotated[name], groups[name], key))
        self.synthetic: list[SourceImage] = []
        for number, dataset in enumerate(self.generated, start=1):
            annotated = _annotated(dataset, dataset.names(), "images")
            patients = patients_painted(dataset, self.data)
            for name, cells in annotated.items():
                image = SourceImage(dataset, name, cells, patients.get(name), f"synthetic {number}/{name}")
                self.synthetic.append(image)

    def groups(self) -> dict[str, str]:
        """Return the patient or slide of every real image, by key."""
        return {image.key: image.group for image in self.real if image.group is not None}

    def folds(self, count: int) -> list[Fold]:
        """Return the folds of the cross-validation, made of the real images; no fold trains on a held-out patient.

        What is painted from the layouts of held-out patients is left out with them. Synthetic images of a generator
        that was trained on held-out patients stay in: which patients it has seen is not in their provenance.

        Args:
            count: How many; no more than there are groups.

        Raises:
            InvalidInputError: There are fewer than two groups, or a fold is left without synthetic images.
        """
        groups = self.groups()
        folds = []
        for indices in grouped_folds([groups[image.key] for image in self.real], count):
            held_out = [self.real[i] for i in indices]
            patients = {image.group for image in held_out}
            real = [image for image in self.real if image.group not in patients]
            synthetic = [image for image in self.synthetic if image.group is None or image.group not in patients]
            if self.synthetic and not synthetic:
                raise InvalidInputError(
                    f"all synthetic images are painted from the layouts of {sorted(map(str, patients))}, who are held "
                    "out together in a fold of the calibration; generate images of other patients' layouts too."
                )
            folds.append(Fold(real, synthetic, held_out))
        return folds

    def identity(self) -> dict[str, Any]:
        """Return what the synthetic images add to the run's identity; nothing where there are none."""
        if not self.generated:
            return {}
        return {"synthetic_data": [one.checksum for one in self.generated], "synthetic_share": self.share}

    def describe_synthetic(self) -> dict[str, Any] | None:
        """Return share, images, cells and data sets of the synthetic images, for the files of a model folder."""
        if not self.generated:
            return None
        return {
            "share": self.share,
            "images": len(self.synthetic),
            "cells": sum(len(image.cells) for image in self.synthetic),
            "data": [
                {
                    "name": one.name,
                    "checksum": one.checksum,
                    "licence": one.licence,
                    "source": one.source,
                    "generator": generator_facts(one),
                }
                for one in self.generated
            ],
        }


def _checked_share(share: float | None, *, given: bool) -> float:
    if share is None:
        return DEFAULT_SHARE if given else 0.0
    if not given:
        raise InvalidInputError(
            f"--synthetic-share {share:g} is given without synthetic data; name the data set with --synthetic."
        )
    if not 0 < share < 1:
        raise InvalidInputError(
            f"--synthetic-share must lie between 0 and 1, got {share:g}; without synthetic crops leave out --synthetic."
        )
    return float(share)


def _require_real(dataset: CellDataset) -> None:
    if is_generated(dataset):
        raise InvalidInputError(
            f"{dataset.root} was generated ({PROVENANCE} says how), and a localiser is calibrated on real images only; "
            "pass it as --synthetic, beside a real data set as --data."
        )


def _require_generated(dataset: CellDataset) -> None:
    if not is_generated(dataset):
        raise InvalidInputError(
            f"{dataset.root} has no {PROVENANCE}, so no generator made it; pass it as --data, or make synthetic images "
            "with `cellweave generate dataset`."
        )
    without = dataset.images.loc[dataset.images["file"] == "", "image"]
    if len(without):
        raise InvalidInputError(
            f"image {str(without.iloc[0])!r} of {dataset.root} is a layout without an image; paint it with "
            f"`cellweave generate images --layouts {dataset.root}`, and pass the result as --synthetic."
        )


def _require_different(datasets: Sequence[CellDataset]) -> None:
    seen: dict[str, CellDataset] = {}
    for dataset in datasets:
        if dataset.checksum in seen:
            first = seen[dataset.checksum].root
            raise InvalidInputError(f"{dataset.root} holds the same data as {first}; give each data set once.")
        seen[dataset.checksum] = dataset


def _require_same_classes(dataset: CellDataset, first: CellDataset) -> None:
    if dataset.classes != first.classes:
        ours, theirs = ([f"{one.name} {one.colour}" for one in each.classes] for each in (dataset, first))
        raise InvalidInputError(
            f"{dataset.root} has the classes {ours}, but {first.root} has {theirs}; the data sets of a run need the "
            "same names in the same order and colours: correct the classes in dataset.json, or import the data again."
        )


def _annotated(dataset: CellDataset, names: Sequence[str], which: str) -> dict[str, Cells]:
    """Return the cells of images, refusing those that nothing can be learnt from."""
    annotated = {name: dataset.read_cells(name) for name in names}
    if not any(len(cells) for cells in annotated.values()):
        raise InvalidInputError(f"the {which} of {dataset.root} have no cells; nothing can be learnt.")
    if dataset.classes and not any((cells.labels >= 0).any() for cells in annotated.values()):
        raise InvalidInputError(
            f"the {which} of {dataset.root} declare the classes {list(dataset.class_names)}, but "
            "no cell has one; label some cells, or import them without classes."
        )
    return annotated
