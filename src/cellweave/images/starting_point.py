"""An image model that exists, which another training starts from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cellweave.data import CellClass
from cellweave.images.model_config import FORMAT, VERSION, refuse_misfits
from cellweave.images.network import build_network
from cellweave.images.patch_basis import ImageCodec, PatchBasis, Pixels
from cellweave.images.recipe import ImageRecipe
from cellweave.stain import BetweenNucleiStyle, ReinhardStyle, StainNormaliser, Style
from cellweave.training.model_folder import classes_and_scale, config_values, find_model_folder, read_config
from cellweave.training.starting_point import StartingWeights, data_records, require_agreement

_MUST_AGREE = ("condition", "masks", "conditioning", "basis", "stain", "network", "process")


@dataclass(frozen=True, slots=True, eq=False)
class ImageStart:
    """What a training takes over from an image model: its weights, and what was fitted to its training data.

    Attributes:
        weights: Initial ones of the network.
        codec: Turns images into data.
        style: Colours that training images are given; None: their own.
    """

    weights: StartingWeights
    codec: ImageCodec
    style: Style | BetweenNucleiStyle | None

    @classmethod
    def read(
        cls, name_or_path: str | os.PathLike[str], recipe: ImageRecipe, classes: Sequence[CellClass]
    ) -> ImageStart:
        """Read a model that a training by a recipe, on data of these classes, can start from.

        Args:
            name_or_path: A model folder, or the name of a shipped model.
            recipe: Of the training; crop, weighting, fit, fine-tuning, sampler and guidance may differ from the
                model's, and so may dropout.
            classes: Of the data; names must be the model's, in its order.

        Raises:
            ModelFolderError: There is no such model, or its files are missing, damaged or of another kind.
            InvalidInputError: The model is of other classes, or of another condition, basis, style, network or process.
        """
        folder = find_model_folder(name_or_path)
        config = read_config(folder, kind=FORMAT, version=VERSION)
        with config_values(folder):
            learnt = ImageRecipe.model_validate(config["recipe"])
            known, mpp = classes_and_scale(config)
            codec = Pixels() if learnt.basis is None else PatchBasis.from_json(config["basis"])
            refuse_misfits(learnt, known, mpp, codec)
            style, data = _stored_style(learnt, config.get("stain")), data_records(config)
        require_agreement(str(name_or_path), learnt, recipe, _MUST_AGREE, known=known, classes=classes)
        return cls(StartingWeights.read(folder, build_network(learnt, len(known)), data), codec, style)


def _stored_style(recipe: ImageRecipe, stored: Any) -> Style | BetweenNucleiStyle | None:
    """Return the style that ``config.json`` describes; see :func:`config_values` for what it raises."""
    if recipe.stain == "as-is":
        return None
    if recipe.stain == "reinhard":
        return ReinhardStyle.from_json(stored)
    return (
        BetweenNucleiStyle.from_json(stored) if recipe.stain == "between-nuclei" else StainNormaliser.from_json(stored)
    )
