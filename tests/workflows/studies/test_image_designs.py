"""What studies of image models compare: arms, ways and what is refused."""

import pytest
import torch

from cellweave.core import InvalidInputError
from cellweave.data import CellClass
from cellweave.images import ImageGenerator, ImageRecipe
from cellweave.images.network import build_network
from cellweave.images.patch_basis import Pixels
from cellweave.workflows.studies.design import Pair
from cellweave.workflows.studies.image_designs import guidance_design, magnification_design, samplers_design


def generator_of(**changes):
    small = {"network": {"widths": [8], "blocks": 1, "attention_levels": []}, "basis": None, "crop_px": 32}
    recipe = ImageRecipe.model_validate({**small, **changes})
    return ImageGenerator(
        build_network(recipe, 1),
        recipe,
        codec=Pixels(),
        classes=[CellClass("x", "#000000")],
        mpp=0.5,
        device=torch.device("cpu"),
    )


@pytest.fixture(scope="module")
def plain():
    return generator_of()


@pytest.fixture(scope="module")
def guided():
    return generator_of(fine_tuning={}, guidance=0.5)


def test_scales_of_guidance(guided):
    design, ways = guidance_design(guided, [2.0, 0.0, 0.5], "ddim:4")
    assert [(arm.name, arm.value) for arm in design.arms] == [("scale-0", 0), ("scale-0.5", 0.5), ("scale-2", 2)]
    assert [(way.guidance, way.sampler.name, way.sampler.steps) for way in ways] == [
        (0, "ddim", 4),
        (0.5, "ddim", 4),
        (2, "ddim", 4),
    ]
    assert design.pairs == (Pair("scale-0.5", "scale-0"), Pair("scale-2", "scale-0"))
    assert guidance_design(guided, [1.0, 2.0], None)[0].pairs == ()
    assert guidance_design(guided, [1.0], None)[1][0].sampler == guided.recipe.sampler


def test_samplers(guided):
    design, ways = samplers_design(guided, ["ddpm:9", "dpm-solver++:3", "unipc:3"], "ddpm:9", None)
    assert [arm.name for arm in design.arms] == ["ddpm-9", "dpm-solver++-3", "unipc-3"]
    assert [(way.sampler.name, way.sampler.steps, way.guidance) for way in ways] == [
        ("ddpm", 9, 0.5),
        ("dpm-solver++", 3, 0.5),
        ("unipc", 3, 0.5),
    ]
    assert design.pairs == (Pair("dpm-solver++-3", "ddpm-9"), Pair("unipc-3", "ddpm-9"))


def test_magnifications():
    design = magnification_design([2, 1, 4])
    assert [(arm.name, arm.value) for arm in design.arms] == [("reduce-1", 1), ("reduce-2", 2), ("reduce-4", 4)]
    assert design.pairs == (Pair("reduce-1", "reduce-2"), Pair("reduce-1", "reduce-4"))


def test_what_is_refused(plain, guided):
    with pytest.raises(InvalidInputError, match="the image model cannot be guided"):
        guidance_design(plain, [0.0, 1.0], None)
    with pytest.raises(InvalidInputError, match=r"number from 0 .* to 100, got -1"):
        guidance_design(guided, [-1.0], None)
    with pytest.raises(InvalidInputError, match="1 is given twice in --scales"):
        guidance_design(guided, [1.0, 1.0], None)
    with pytest.raises(InvalidInputError, match="--samplers 'euler:5': sampler: "):
        samplers_design(guided, ["euler:5"], "euler:5", None)
    with pytest.raises(InvalidInputError, match="--samplers 'ddim': give NAME:STEPS"):
        samplers_design(guided, ["ddim"], "ddim", None)
    with pytest.raises(InvalidInputError, match="would take 1001 steps, but the model has 1000"):
        samplers_design(guided, ["ddim:1001"], "ddim:1001", None)
    with pytest.raises(InvalidInputError, match="--reference ddpm:250 is none of --samplers ddim:5"):
        samplers_design(guided, ["ddim:5"], "ddpm:250", None)
    with pytest.raises(InvalidInputError, match="--reduce 2,3: the largest must be a multiple"):
        magnification_design([2, 3])
    with pytest.raises(InvalidInputError, match="from 1 to 16, got 0,1"):
        magnification_design([0, 1])
