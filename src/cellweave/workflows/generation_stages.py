"""The second stage of a generation, images, and what it shares with the first: how samples are drawn and named."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cellweave.core import InvalidInputError, sha256_of
from cellweave.core.progress import Progress
from cellweave.data import write_png
from cellweave.diffusion import SamplerRecipe, SamplerT
from cellweave.images import ImageGenerator
from cellweave.images.condition import Scene
from cellweave.images.model_config import FORMAT as IMAGES
from cellweave.images.model_config import VERSION as IMAGES_VERSION
from cellweave.training.model_folder import CONFIG, WEIGHTS, find_model_folder, read_config
from cellweave.training.recipe import first_misfit
from cellweave.workflows.staging import Staging

MAX_SAMPLES = 1_000_000
"""Of one data set; the numbers in the names of its samples have six digits."""

MAX_SEED = 2**32 - 1
"""Seeds are stored in tables, and given to libraries that take no larger ones."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How samples are drawn, whatever they are.

    Attributes:
        seed: Of the run.
        batch_size: Samples at a time.
        name: Of the sampler; the model's own when None.
        steps: Of the sampler; the model's own when None.
        reuse: Let the network's coarse levels answer for several steps, where the model's own sampler does.

    Raises:
        InvalidInputError: A number is out of its range.
    """

    seed: int
    batch_size: int
    name: str | None = None
    steps: int | None = None
    reuse: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= MAX_SEED:
            raise InvalidInputError(f"a seed is a number from 0 to {MAX_SEED}, got {self.seed}.")
        if self.batch_size < 1:
            raise InvalidInputError(f"the batch size must be at least 1, got {self.batch_size}.")

    def sampler(self, own: SamplerT, *, levels: int) -> SamplerT:
        """Return the sampler of a model with the changes asked for.

        Args:
            own: The model's own. Its spread of the levels is its alone, and so is what it reuses; a sampler of another
                name spreads them evenly and runs the whole network in every step.
            levels: Noise levels of its process.

        Raises:
            InvalidInputError: There is no such sampler, or its steps are not from 1 to the noise levels.
        """
        changed = own if self.reuse else own.whole()
        if self.name is not None and self.name != own.name:
            changed = changed.named(self.name)
        if self.steps is not None:
            changed = changed.with_steps(self.steps)
        try:
            chosen = type(own).model_validate(changed.model_dump(warnings=False))
        except ValidationError as error:
            raise InvalidInputError(f"sampler: {first_misfit(error)}.") from error
        if chosen.steps > levels:
            raise InvalidInputError(
                f"the sampler would take {chosen.steps} steps, but the model has {levels} noise levels; take at most "
                "as many with --steps."
            )
        return chosen


class ImageStage:
    """Images that a model paints of layouts.

    Args:
        model: Image model: folder, shipped model, or ``owner/name`` on the hub.
        sampling: How they are painted.
        guidance: s of classifier-free guidance; the model's own when None.
        revision: Commit of a model on the hub.
        device: Where to run.
        compile_network: Compile the network, which is worth its minute or so where many images are painted.

    Raises:
        CellweaveError: The model cannot be used or compiled, or an option makes no sense.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        sampling: Sampling,
        guidance: float | None = None,
        revision: str | None = None,
        device: str = "auto",
        compile_network: bool = False,
    ) -> None:
        self.folder = find_model_folder(model, revision=revision)
        self.generator = ImageGenerator.from_pretrained(self.folder, device=device, compile_network=compile_network)
        self.sampling, self.compiled = sampling, compile_network
        self.sampler = sampling.sampler(self.generator.recipe.sampler, levels=self.generator.process.steps)
        self.guidance = self.generator.guidance_scale(guidance)
        self.model, self.config = (sha256_of(self.folder / name) for name in (WEIGHTS, CONFIG))
        self.licences = training_licences(read_config(self.folder, kind=IMAGES, version=IMAGES_VERSION))

    @property
    def facts(self) -> dict[str, Any]:
        """What the images depend on beside their layouts or masks."""
        facts = sampling_facts(self.model, self.sampling, self.sampler)
        if self.compiled:  # it rounds in its own way, as a batch size does
            facts["compiled"] = True
        return {"guidance": self.guidance, "config": self.config, **facts}

    def provenance(self, index: int) -> dict[str, Any]:
        """Return where image ``index`` comes from, its layout or mask left out."""
        return {
            "index": index,
            "seed": self.sampling.seed,
            "image_model": self.model,
            "sampler": self.sampler.name,
            "sampler_steps": self.sampler.steps,
            "guidance": self.guidance,
        }

    def paint(
        self, staging: Staging, indices: Sequence[int], scene_of: Callable[[int], Scene], progress: Progress
    ) -> None:
        """Paint the images that are not there yet; ``scene_of`` returns the layout or mask of a number."""
        size = self.sampling.batch_size
        missing = staging.missing_batches({index: _image_file(index) for index in indices}, size)
        done = len(indices) - sum(map(len, missing))
        if self.compiled:
            progress("generating images", done, len(indices), "compiling the network with the first batch")
        at_once = min(size, len(indices))  # a compiled network fills its batches up
        for batch in missing:
            drawn = [(index, scene_of(index)) for index in batch]
            for index, pixels in self.generator.generate(
                drawn, seed=self.sampling.seed, batch_size=at_once, sampler=self.sampler, guidance=self.guidance
            ):
                write_png(self.file(staging, index), pixels)
            done += len(batch)
            progress("generating images", done, len(indices))

    def file(self, staging: Staging, index: int) -> Path:
        """Return the path of image ``index``, which has been painted."""
        return staging.path(_image_file(index))


def training_licences(config: Mapping[str, Any]) -> list[str]:
    """Return the licences of the data that a model was trained on, as its ``config.json`` says them.

    What a model makes is given them: a licence of training data may bind what is derived from it.
    """
    training = config.get("training")
    data = training.get("data") if isinstance(training, dict) else None
    sets = [one for one in (data if isinstance(data, list) else [data]) if isinstance(one, dict)]
    return [str(one.get("licence") or "unknown") for one in sets] or ["unknown"]


def joined_licences(licences: Iterable[str]) -> str:
    """Return different licences as one text, in the order in which they come."""
    return " and ".join(dict.fromkeys(licences))


def sample_name(index: int) -> str:
    """Return the name of sample ``index`` in a data set."""
    return f"sample-{index:06d}"


def _image_file(index: int) -> str:
    return f"{sample_name(index)}.png"


def sampling_facts(model: str, sampling: Sampling, sampler: SamplerRecipe) -> dict[str, Any]:
    """Return what samples of a model depend on, whatever they are."""
    return {
        "model": model,
        "seed": sampling.seed,
        "batch_size": sampling.batch_size,
        "sampler": sampler.model_dump(mode="json"),
    }
