import pytest

from cellweave.core import InvalidInputError
from cellweave.diffusion import SamplerRecipe
from cellweave.layouts import LayoutSamplerRecipe
from cellweave.workflows.generation_stages import Sampling, joined_licences, training_licences


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"data": {"licence": "CC0-1.0"}}, ["CC0-1.0"]),
        ({"data": [{"licence": "BSD-3-Clause"}, {"licence": "CC-BY-NC-4.0"}]}, ["BSD-3-Clause", "CC-BY-NC-4.0"]),
        ({"data": {}}, ["unknown"]),
        ({}, ["unknown"]),
        (None, ["unknown"]),
    ],
)
def test_licences_are_those_of_all_training_data(training, expected):
    assert training_licences({"training": training}) == expected


def test_no_licence_is_lost_or_said_twice():
    assert joined_licences(["CC0-1.0", "CC-BY-NC-4.0", "CC0-1.0"]) == "CC0-1.0 and CC-BY-NC-4.0"


def test_the_spread_of_levels_is_the_models_own_samplers():
    own = SamplerRecipe(name="dpm-solver++", steps=30, level_power=0.65)
    fewer = Sampling(0, 1, steps=14).sampler(own, levels=1000)
    assert fewer == own.model_copy(update={"steps": 14})
    assert Sampling(0, 1, name="dpm-solver++").sampler(own, levels=1000) == own
    assert Sampling(0, 1, name="ddim", steps=100).sampler(own, levels=1000) == SamplerRecipe(name="ddim", steps=100)


def test_what_a_model_reuses_is_its_own_samplers_and_can_be_left():
    own = LayoutSamplerRecipe(name="dpm-solver++", steps=36, level_power=0.7, reuse_interval=5, reuse_below=0.8)
    fewer = Sampling(0, 1, steps=14).sampler(own, levels=1000)
    assert fewer == own.model_copy(update={"steps": 14, "reuse_interval": 2})  # as much of the noise as 5 of 36
    assert Sampling(0, 1, steps=2).sampler(own, levels=1000).reuse_interval == 1
    assert Sampling(0, 1, reuse=False).sampler(own, levels=1000) == own.model_copy(update={"reuse_interval": 1})
    paper = Sampling(0, 1, name="ddim", steps=100).sampler(own, levels=1000)
    assert paper == LayoutSamplerRecipe(name="ddim", steps=100, reuse_below=0.8)
    with pytest.raises(InvalidInputError, match="sampler: name"):
        Sampling(0, 1, name="euler").sampler(own, levels=1000)
    plain = SamplerRecipe(steps=30)
    assert Sampling(0, 1, reuse=False).sampler(plain, levels=1000) == plain
