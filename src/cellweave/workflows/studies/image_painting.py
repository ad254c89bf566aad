"""Painting the scenes of a trial, batch after batch, so that one that is stopped goes on where it was."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellweave.core import atomic_file
from cellweave.core.progress import Progress
from cellweave.data import RgbImage, write_png
from cellweave.diffusion import SamplerRecipe
from cellweave.images import ImageGenerator
from cellweave.images.condition import Scene

EXAMPLES = "examples.png"
"""Strip of some patches that a trial painted, beside its result."""

SHOWN = 4


@dataclass(frozen=True, slots=True)
class Way:
    """How a model paints.

    Attributes:
        sampler: Sampler and steps.
        guidance: s of classifier-free guidance.
    """

    sampler: SamplerRecipe
    guidance: float

    @property
    def identity(self) -> dict[str, Any]:
        """What a trial depends on, JSON."""
        return {"sampler": self.sampler.model_dump(mode="json"), "guidance": self.guidance}


@dataclass(frozen=True, slots=True)
class PaintedPatches:
    """Patches on disk.

    Attributes:
        files: A batch each.
        seconds_per_image: Median over batches.
    """

    files: tuple[Path, ...]
    seconds_per_image: float

    def __iter__(self) -> Iterator[RgbImage]:
        """Yield the patches, uint8 (H, W, 3), a batch in memory at a time."""
        for file in self.files:
            with np.load(file) as stored:
                yield from stored["images"]


def paint(
    generator: ImageGenerator,
    scenes: Sequence[Scene],
    way: Way,
    folder: Path,
    *,
    seed: int,
    batch_size: int,
    progress: Progress,
) -> PaintedPatches:
    """Paint scenes of one size, the batches that are not there yet; scene ``i`` gets the noise of (seed, ``i``).

    Args:
        generator: The model.
        scenes: Layouts or masks.
        way: Sampler and guidance.
        folder: Where the batches are kept.
        seed: Of the noise.
        batch_size: Scenes at a time.
        progress: Called after every batch.

    Raises:
        TrainingError: The network returns numbers that are not finite.
        OutputError: A batch cannot be written.
    """
    files, seconds, warm = [], [], False
    for first in range(0, len(scenes), batch_size):
        file = folder / f"painted-{first:06d}.npz"
        numbered = list(enumerate(scenes[first : first + batch_size], start=first))
        if not file.is_file():
            if not warm:  # the first call of a network takes longer, and is not to be timed
                hasty = way.sampler.model_copy(update={"steps": 1})
                list(
                    generator.generate(numbered, seed=seed, batch_size=batch_size, sampler=hasty, guidance=way.guidance)
                )
                warm = True
            start = time.perf_counter()
            made = generator.generate(
                numbered, seed=seed, batch_size=batch_size, sampler=way.sampler, guidance=way.guidance
            )
            images = np.stack([image for _, image in made])
            taken = time.perf_counter() - start
            with atomic_file(file) as partial, partial.open("wb") as stream:
                np.savez(stream, images=images, seconds=np.float64(taken))
        with np.load(file) as stored:
            seconds.append(float(stored["seconds"]) / len(numbered))
        files.append(file)
        progress("painting", first + len(numbered), len(scenes))
    return PaintedPatches(tuple(files), statistics.median(seconds))


def shown(count: int) -> list[int]:
    """Return the numbers of the patches that are shown of ``count``, spread evenly."""
    return sorted({round(one) for one in np.linspace(0, count - 1, SHOWN)})


def keep_examples(painted: PaintedPatches, count: int, place: Path) -> None:
    """Write some of ``count`` patches side by side beside the result of a trial.

    Raises:
        OutputError: The place cannot be written.
    """
    wanted = shown(count)
    write_png(place / EXAMPLES, side_by_side([image for number, image in enumerate(painted) if number in wanted]))


def side_by_side(images: Sequence[RgbImage]) -> RgbImage:
    """Return images of one height as a strip, with white between them."""
    gap = np.full((images[0].shape[0], max(2, images[0].shape[1] // 32), 3), 255, np.uint8)
    parts = [part for image in images for part in (image, gap)]
    return np.concatenate(parts[:-1], axis=1)
