"""The localiser that users hold: from an image to its cells."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from cellweave import __version__
from cellweave.core import Cells, InvalidImageError
from cellweave.core.devices import choose_device
from cellweave.data import CellClass, RgbImage
from cellweave.localization.class_reading import ClassReading
from cellweave.localization.inference import TILE_PX, Predictor
from cellweave.localization.networks import LocatorNetwork
from cellweave.localization.peak_reading import AnyPeakFinder, finder_config, finder_from_config, locate_peaks
from cellweave.localization.recipe import LocatorRecipe
from cellweave.localization.samples import resized
from cellweave.training.model_folder import (
    classes_and_scale,
    config_values,
    find_model_folder,
    load_weights,
    read_config,
)

FORMAT = "cellweave-locator"
VERSION = 1


class Locator:
    """A trained localiser with its peak finder: the calibrated one, or that of a paper.

    Args:
        network: The trained network.
        recipe: What it was trained by.
        classes: The classes of its logits.
        mpp: Scale that it works at, µm per pixel; None where unknown.
        finder: Reads cells off its map.
        class_reading: How classes are told from their probabilities; None: the highest wins.
        device: Where to run.
        precision: ``fp32``, ``bf16`` or ``auto``: bf16 where it is faster.
        tile_px: Larger images are cut into tiles of this side; the result is the same.

    Example::

        locator = Locator.from_pretrained("runs/loc")
        cells = locator.locate(image, mpp=0.5)
    """

    def __init__(
        self,
        network: LocatorNetwork,
        recipe: LocatorRecipe,
        *,
        classes: Sequence[CellClass],
        mpp: float | None,
        finder: AnyPeakFinder,
        class_reading: ClassReading | None = None,
        device: torch.device | None = None,
        precision: str = "auto",
        tile_px: int = TILE_PX,
    ) -> None:
        self.recipe, self.classes, self.mpp, self.finder = recipe, tuple(classes), mpp, finder
        self.class_reading = class_reading
        self.predictor = Predictor(network, device or choose_device(), precision=precision, tile_px=tile_px)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in label order."""
        return tuple(one.name for one in self.classes)

    @property
    def colours(self) -> dict[str, str]:
        """Colour of every class, ``#rrggbb``."""
        return {one.name: one.colour for one in self.classes}

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        device: str | None = "auto",
        precision: str = "auto",
        tile_px: int = TILE_PX,
    ) -> Locator:
        """Load a model folder: a local path, a shipped model's name, or ``owner/name`` on the hub with a revision.

        Raises:
            ModelFolderError: There is no such model, or its files are missing, damaged or of another kind.
            InvalidInputError: The device cannot be used.
        """
        folder = find_model_folder(name_or_path, revision=revision)
        config = read_config(folder, kind=FORMAT, version=VERSION)
        with config_values(folder):
            recipe = LocatorRecipe.model_validate(config["recipe"])
            classes, mpp = classes_and_scale(config)
            finder = finder_from_config(config["peak_finder"])
            reading = ClassReading.from_config(config, len(classes))
            Cells.empty(classes=[one.name for one in classes], shape=(1, 1), mpp=mpp)  # refuses what no cells have
        network = recipe.network.build(*recipe.target.outputs(len(classes)))
        load_weights(network, folder)
        return cls(
            network,
            recipe,
            classes=classes,
            mpp=mpp,
            finder=finder,
            class_reading=reading,
            device=choose_device(device),
            precision=precision,
            tile_px=tile_px,
        )

    def locate(self, image: RgbImage, *, mpp: float | None = None, turns: int | None = None) -> Cells:
        """Return the cells of an image, in the image's own frame, with scores in [0, 1] and classes.

        Args:
            image: uint8 (H, W, 3).
            mpp: Scale of the image, µm per pixel. Where it differs from the model's, the image is resized for the
                network and the cells are moved back; None takes it to be the model's.
            turns: Orientations to average the network over, 1, 2, 4 or 8: slower, a little better; None: as many
                as it was calibrated with.

        Raises:
            InvalidImageError: The image is empty or not uint8 (H, W, 3), or its scale is far from the model's.
            InvalidCellsError: ``mpp`` is not a positive number.
            InvalidInputError: ``turns`` is none of these.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise InvalidImageError(
                f"an image is uint8 (H, W, 3) with at least one pixel, got {image.dtype} {image.shape}."
            )
        frame = Cells.empty(classes=self.class_names, shape=image.shape[:2], mpp=self.mpp if mpp is None else mpp)
        scaled, inner = resized(image, frame, self.mpp)
        prediction = self.predictor(scaled, turns=self.recipe.turns if turns is None else turns)
        found = locate_peaks(
            prediction, self.finder, classes=self.class_names, mpp=inner.mpp, class_reading=self.class_reading
        )
        if scaled is image:
            return found
        back = found.xy * (np.array(image.shape[1::-1]) / np.array(scaled.shape[1::-1]))
        xy = np.minimum(back, np.nextafter(np.array(image.shape[1::-1], float), 0.0))
        return Cells(xy, found.labels, classes=self.class_names, shape=frame.shape, mpp=frame.mpp, scores=found.scores)


def locator_config(
    recipe: LocatorRecipe,
    *,
    classes: Sequence[CellClass],
    mpp: float | None,
    finder: AnyPeakFinder,
    class_reading: ClassReading | None = None,
    training: dict[str, Any],
) -> dict[str, Any]:
    """Return the ``config.json`` of a localiser."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "code_version": __version__,
        "classes": [{"name": one.name, "colour": one.colour} for one in classes],
        "mpp": mpp,
        "peak_finder": finder_config(finder, mpp),
        **(class_reading.to_config() if class_reading else {"class_factors": None}),
        "recipe": recipe.model_dump(mode="json"),
        "training": training,
    }
