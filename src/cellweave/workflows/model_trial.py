"""Running a model of any kind once, on something small, to see that it gives what such a model gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from cellweave.core import Cells, ModelFolderError, numpy_generator
from cellweave.data import SemanticMask
from cellweave.data.phantom import phantom_patch
from cellweave.data.phantom.patch import MPP_RANGE
from cellweave.diffusion import SamplerT
from cellweave.images.generator import ImageGenerator
from cellweave.layouts.generator import LayoutGenerator
from cellweave.localization import Locator
from cellweave.training.model_folder import WEIGHTS

_SIDE, _PAINTED_SIDE = 128, 64
_HALF_NUCLEUS = 5
_STEPS = 2


@dataclass(frozen=True, slots=True)
class Trial:
    """What a model was run on.

    Attributes:
        what: In words.
        cells: Number of cells found, made or painted.
    """

    what: str
    cells: int


def try_model(folder: Path, kind: str, *, device: str = "auto") -> Trial:
    """Load a model and run it once.

    Args:
        folder: The model folder.
        kind: ``locator``, ``layouts`` or ``images``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        ModelFolderError: It cannot be loaded, or its output is not finite or of another shape than it must be.
        InvalidInputError: The device cannot be used.
    """
    return {"locator": _locate, "layouts": _draw, "images": _paint}[kind](folder, device)


def _locate(folder: Path, device: str) -> Trial:
    locator = Locator.from_pretrained(folder, device=device)
    mpp = float(np.clip(locator.mpp or 0.5, *MPP_RANGE))
    pixels = phantom_patch(0, seed=0, size=_SIDE, mpp=mpp).pixels
    prediction, network = locator.predictor(pixels), locator.predictor.network
    classes = network.channels - (1 if network.map_count == 1 else 0)
    for name, found, expected in (
        ("map", prediction.heights, (_SIDE, _SIDE)),
        ("classes", prediction.classes, (classes, _SIDE, _SIDE)),
    ):
        _require(folder, name, found.shape, expected, finite=bool(np.isfinite(found).all()))
    return Trial(f"a phantom patch of {_SIDE}×{_SIDE} px", len(locator.locate(pixels)))


def _draw(folder: Path, device: str) -> Trial:
    generator = LayoutGenerator.from_pretrained(folder, device=device)
    with _watched(generator.network, folder):
        [layout] = generator.generate([0], seed=0, sampler=_quick(generator.recipe.sampler))
    _require(folder, "layout", layout.cells.shape, generator.shape)
    return Trial(f"a layout of {generator.shape[1]}×{generator.shape[0]} px in {_STEPS} steps", len(layout.cells))


def _paint(folder: Path, device: str) -> Trial:
    generator = ImageGenerator.from_pretrained(folder, device=device)
    rng = numpy_generator(0, "model trial")
    labels = np.arange(20) % len(generator.classes)
    xy = rng.uniform(0, _PAINTED_SIDE, (20, 2))
    cells = Cells(xy, labels, classes=generator.class_names, shape=(_PAINTED_SIDE, _PAINTED_SIDE), mpp=generator.mpp)
    scene = cells if generator.recipe.masks is None else _mask_of(cells)
    with _watched(generator.network, folder):
        [(_, pixels)] = generator.generate([(0, scene)], seed=0, sampler=_quick(generator.recipe.sampler))
    _require(folder, "image", pixels.shape, (_PAINTED_SIDE, _PAINTED_SIDE, 3))
    return Trial(f"an image of {_PAINTED_SIDE}×{_PAINTED_SIDE} px in {_STEPS} steps", len(cells))


def _mask_of(cells: Cells) -> SemanticMask:
    """Return a mask with a square nucleus at every cell."""
    classes, instances = np.zeros(cells.shape, np.uint8), np.zeros(cells.shape, np.uint16)
    for number, ((x, y), label) in enumerate(zip(cells.xy.astype(int), cells.labels, strict=True), start=1):
        window = np.s_[max(0, y - _HALF_NUCLEUS) : y + _HALF_NUCLEUS, max(0, x - _HALF_NUCLEUS) : x + _HALF_NUCLEUS]
        classes[window], instances[window] = label + 1, number
    return SemanticMask(classes, instances)


def _quick(sampler: SamplerT) -> SamplerT:
    return sampler.with_steps(min(_STEPS, sampler.steps))


@contextmanager
def _watched(network: nn.Module, folder: Path) -> Iterator[None]:
    """Refuse what a network returns during the block where it is not finite; sampling would clip or hide it."""

    def refuse(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        _require(folder, "output", output.shape[2:], output.shape[2:], finite=bool(output.isfinite().all()))

    handle = network.register_forward_hook(refuse)
    try:
        yield
    finally:
        handle.remove()


def _require(
    folder: Path, name: str, found: tuple[int, ...], expected: tuple[int, ...], *, finite: bool = True
) -> None:
    if tuple(found) != tuple(expected):
        raise ModelFolderError(f"{folder / WEIGHTS}: the {name} has shape {tuple(found)}, not {tuple(expected)}.")
    if not finite:
        raise ModelFolderError(f"{folder / WEIGHTS}: the {name} of a trial run holds NaN or infinity; train again.")
