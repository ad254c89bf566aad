"""What each study of image models compares: scales of guidance, samplers, magnifications."""

from __future__ import annotations

from collections.abc import Sequence

from cellweave.core import InvalidInputError
from cellweave.diffusion import SamplerRecipe
from cellweave.images import ImageGenerator
from cellweave.workflows.generation_stages import Sampling
from cellweave.workflows.studies.design import Arm, Design, Pair
from cellweave.workflows.studies.image_painting import Way

SCALES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
SAMPLERS = (
    "ddpm:250",
    "ddim:100",
    "ddim:50",
    "dpm-solver++:10",
    "dpm-solver++:20",
    "dpm-solver++:30",
    "unipc:10",
    "unipc:20",
)
REFERENCE = "ddpm:250"
REDUCTIONS = (1, 2)


def guidance_design(
    generator: ImageGenerator, scales: Sequence[float], sampler: str | None
) -> tuple[Design, list[Way]]:
    """Return the study of the scale of guidance, and the ways of its arms.

    Args:
        generator: The model; guided, unless the only scale is 0.
        scales: s of Eq. 7; 0 is no guidance.
        sampler: ``NAME:STEPS``; the model's own when None.

    Raises:
        InvalidInputError: There are no scales, one is given twice, the model cannot be guided so, or there is no such
            sampler.

    Source:
        Shrivastava and Fletcher 2023 (NASDM), section 4.2 and Fig. 2.
    """
    _require_different([f"{scale:g}" for scale in scales], "--scales")
    own = generator.recipe.sampler
    chosen = own if sampler is None else sampler_named(sampler, generator, option="--sampler")
    ordered = sorted(scales)
    ways = [Way(chosen, generator.guidance_scale(scale)) for scale in ordered]
    arms = tuple(
        Arm(f"scale-{scale:g}", f"s = {scale:g}" if scale else "no guidance", value=float(scale)) for scale in ordered
    )
    pairs = tuple(Pair(arm.name, arms[0].name) for arm in arms[1:]) if ordered[0] == 0 else ()
    return Design("guidance", "Scale of guidance of an image model", arms, pairs, axis="scale of guidance s"), ways


def samplers_design(
    generator: ImageGenerator, samplers: Sequence[str], reference: str, guidance: float | None
) -> tuple[Design, list[Way]]:
    """Return the study of samplers and their steps, and the ways of its arms.

    Args:
        generator: The model.
        samplers: ``NAME:STEPS`` each.
        reference: The one of these that the others are compared with.
        guidance: s for all; the model's own when None.

    Raises:
        InvalidInputError: There is no such sampler, it takes too many steps, one is given twice, the reference is none
            of them, or the model cannot be guided so.
    """
    _require_different(samplers, "--samplers")
    if reference not in samplers:
        raise InvalidInputError(
            f"--reference {reference} is none of --samplers {','.join(samplers)}; add it, or name one of them."
        )
    scale = generator.guidance_scale(guidance)
    recipes = [sampler_named(text, generator, option="--samplers") for text in samplers]
    arms = tuple(
        Arm(_arm_name(text), f"{recipe.name}, {recipe.steps} steps", value=float(recipe.steps))
        for text, recipe in zip(samplers, recipes, strict=True)
    )
    pairs = tuple(Pair(arm.name, _arm_name(reference)) for arm in arms if arm.name != _arm_name(reference))
    ways = [Way(recipe, scale) for recipe in recipes]
    return Design("samplers", "Samplers of an image model and their steps", arms, pairs), ways


def magnification_design(reductions: Sequence[int]) -> Design:
    """Return the study of magnification: images as they are, and reduced.

    Args:
        reductions: How many times smaller images become; 2 makes 10x of 20x. The largest is a multiple of all.

    Raises:
        InvalidInputError: There are none, one is below 1, given twice, or no divisor of the largest.

    Source:
        Shrivastava and Fletcher 2023 (NASDM), section 4.3.
    """
    _require_different([f"{one}" for one in reductions], "--reduce")
    shown = ",".join(f"{one}" for one in reductions)
    if min(reductions) < 1 or max(reductions) > 16:
        raise InvalidInputError(f"--reduce are whole numbers from 1 to 16, got {shown}.")
    if any(max(reductions) % one for one in reductions):
        raise InvalidInputError(
            f"--reduce {shown}: the largest must be a multiple of all others, so that all paint the same tissue."
        )
    arms = tuple(
        Arm(f"reduce-{one}", "as they are" if one == 1 else f"reduced {one} times", value=float(one))
        for one in sorted(reductions)
    )
    pairs = tuple(Pair(arms[0].name, arm.name) for arm in arms[1:])
    return Design("magnification", "Magnification that an image model learns", arms, pairs, axis="times reduced")


def sampler_named(text: str, generator: ImageGenerator, *, option: str) -> SamplerRecipe:
    """Return a model's sampler with the name and steps of ``NAME:STEPS``.

    Raises:
        InvalidInputError: The text is of another form, or there is no such sampler, or it takes too many steps.
    """
    name, _, steps = text.partition(":")
    if not (steps.isascii() and steps.isdecimal()) or int(steps) < 1:
        raise InvalidInputError(f"{option} {text!r}: give NAME:STEPS, such as ddim:50.")
    own, levels = generator.recipe.sampler, generator.process.steps
    try:
        return Sampling(0, 1, name, int(steps)).sampler(own, levels=levels)
    except InvalidInputError as error:
        raise InvalidInputError(f"{option} {text!r}: {error}") from error


def _arm_name(text: str) -> str:
    return text.replace(":", "-")


def _require_different(texts: Sequence[str], option: str) -> None:
    if not texts:
        raise InvalidInputError(f"{option} needs at least one value.")
    for number, text in enumerate(texts):
        if text in texts[:number]:
            raise InvalidInputError(f"{text} is given twice in {option}; give each once.")
