"""``config.json`` of an image model: what it says, and that it agrees with itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cellweave import __version__
from cellweave.core import Cells, InvalidInputError
from cellweave.data import CellClass
from cellweave.images.patch_basis import ImageCodec, PatchBasis
from cellweave.images.recipe import ImageRecipe
from cellweave.stain import BetweenNucleiStyle, Style

FORMAT = "cellweave-images"
VERSION = 1


def refuse_misfits(recipe: ImageRecipe, classes: Sequence[CellClass], mpp: float | None, codec: ImageCodec) -> None:
    """Make sure that what a model folder says agrees with itself, in classes and a scale that layouts can have.

    Raises:
        InvalidInputError: It does not.
    """
    if not classes:
        raise InvalidInputError("an image model needs at least one class.")
    Cells.empty(classes=[one.name for one in classes], shape=(1, 1), mpp=mpp)
    if recipe.basis is not None and (codec.side, codec.channels) != (recipe.basis.side, recipe.basis.components):
        raise InvalidInputError(
            f"the basis has {codec.channels} components of patches of {codec.side} px, the recipe "
            f"{recipe.basis.components} of {recipe.basis.side}."
        )


def image_config(
    recipe: ImageRecipe,
    *,
    codec: ImageCodec,
    classes: Sequence[CellClass],
    mpp: float | None,
    style: Style | BetweenNucleiStyle | None,
    training: dict[str, Any],
) -> dict[str, Any]:
    """Return the ``config.json`` of an image model."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "code_version": __version__,
        "classes": [{"name": one.name, "colour": one.colour} for one in classes],
        "mpp": mpp,
        "basis": codec.to_json() if isinstance(codec, PatchBasis) else None,
        "stain": None if style is None else style.to_json(),
        "recipe": recipe.model_dump(mode="json"),
        "training": training,
    }
