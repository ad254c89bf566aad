"""The colours that stain normalisation gives: learnt from an image, or stored."""

from __future__ import annotations

import os
from pathlib import Path

from cellweave.core import CellweaveError, InvalidInputError, OutputError
from cellweave.data import read_image
from cellweave.slides import is_slide
from cellweave.stain import StainNormaliser
from cellweave.workflows.normalise_output import refuse_existing


def fit_target(
    image: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    method: str = "vahadane",
    seed: int = 0,
    overwrite: bool = False,
) -> StainNormaliser:
    """Learn the colours of a target image and store them as JSON.

    Args:
        image: The target.
        out: The file, ``*.json``.
        method: ``vahadane``, ``macenko`` or ``reinhard``.
        seed: Of the sample of its tissue.
        overwrite: Replace the file.

    Raises:
        CellweaveError: The image cannot be read or lacks tissue or a stain, or the file cannot be written.
    """
    out = Path(out)
    if out.suffix.lower() != ".json":
        raise OutputError(f"{out} must end in .json; a fitted target is a JSON file.")
    refuse_existing(out, overwrite=overwrite)
    normaliser = _fitted(Path(image), method=method, seed=seed)
    normaliser.save(out)
    return normaliser


def stain_normaliser(target: Path, *, method: str | None, seed: int | None) -> StainNormaliser:
    """Return what gives images a target's colours.

    Args:
        target: Image, or JSON that :func:`fit_target` wrote.
        method: ``vahadane`` (when None), ``macenko`` or ``reinhard``; a JSON knows its own.
        seed: Of the samples of tissue; the target's own, or 0, when None.

    Raises:
        CellweaveError: The target cannot be used, or is of another method.
    """
    if target.suffix.lower() != ".json":
        return _fitted(target, method=method or "vahadane", seed=seed or 0)
    stored = StainNormaliser.load(target)
    if method not in (None, stored.method):
        raise InvalidInputError(
            f"{target} was fitted by {stored.method}, not {method}; leave --method out, or fit the target again."
        )
    return stored if seed is None else StainNormaliser(stored.method, stored.target, seed)


def _fitted(image: Path, *, method: str, seed: int) -> StainNormaliser:
    if is_slide(image):
        raise InvalidInputError(
            f"{image} is a whole slide, from which no target is learnt; export a region of typical tissue as PNG."
        )
    pixels = read_image(image)
    try:
        return StainNormaliser.fit(pixels, method=method, seed=seed)
    except CellweaveError as error:
        raise InvalidInputError(f"target {image}: {error}") from error
