"""Exact counts as a condition: what a network is told of them, and what it does with it."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from cellweave.core import Cells, InvalidInputError, RecipeError, torch_generator
from cellweave.data import CellClass
from cellweave.diffusion import GuidedNetwork
from cellweave.layouts import CountingCategories, LayoutGenerator, LayoutRecipe, TrainingCounts
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.counted_unet import CountEmbedding
from cellweave.layouts.network import build_network
from cellweave.layouts.raster import draw_layouts
from cellweave.layouts.samples import LayoutSamples
from cellweave.maps import PeakFinder
from cellweave.training import load_recipe

CLASSES = ("a", "b")
CROPS = [[0, 4], [2, 4], [9, 20], [10, 30]]


def counted_recipe(**changes):
    values = {
        "frame": {"crop_px": 32, "reduce": 2, "pad_px": 0},
        "channels": {"density": "none"},
        "network": {"widths": [8, 16], "blocks": 1, "attention_levels": [], "fold": 2},
        "condition": "counts",
    }
    return LayoutRecipe.model_validate({**values, **changes})


def counted_network():
    network = build_network(counted_recipe(), 2, torch_generator(0, "test")).eval()
    waken(network)
    return network


def waken(network):
    # layers that begin as zeros hide what is told
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d) and not layer.weight.any():
            torch.nn.init.normal_(layer.weight, std=0.1, generator=torch_generator(0, "awake"))


def test_a_network_is_told_standardised_logarithms_of_the_classes_and_of_all_cells():
    counts = TrainingCounts.of([[0, 0], [3, 0]])
    # log(1 + n) is 0 and log 4 for the first class and for all: mean log 2, spread log 2; the second class never varies
    np.testing.assert_allclose(counts.told([[3, 0], [1, 0]]), [[1, 0, 1, 1], [0, 0, 0, 1]], atol=1e-6)
    assert (counts.lowest, counts.highest) == ((0, 0, 0), (3, 0, 3))


def test_counts_that_nobody_asks_for_are_lent_by_a_similar_crop():
    counts = TrainingCounts.of([[1, 2]] * 16 + [[20, 50]] * 16)
    for seed in range(8):
        assert counts.complete({0: 2}, np.random.default_rng(seed)) == (2, 2)
        assert counts.complete({0: 18}, np.random.default_rng(seed)) == (18, 50)
        # four windows hold four times the cells: 8 in all are 2 in each
        assert counts.complete({0: 8}, np.random.default_rng(seed), windows=4) == (8, 8)
    assert {counts.complete({}, np.random.default_rng(seed)) for seed in range(20)} == {(1, 2), (20, 50)}
    assert counts.complete({0: 5, 1: 6}, np.random.default_rng(0)) == (5, 6)


@pytest.mark.parametrize(
    ("asked", "windows", "message"),
    [
        ({"a": 11}, 1, r"11 cells of class 'a' are asked for; training crops had 0 to 10 on this area"),
        ({"b": 3}, 1, "training crops had 4 to 30"),
        ({"a": 11, "b": 7}, 2, "7 cells of class 'b' are asked for; training crops had 8 to 60"),
        ({"c": 1}, 1, "no class 'c' to count; the classes are a, b"),
    ],
)
def test_counts_that_training_never_saw_are_refused(asked, windows, message):
    with pytest.raises(InvalidInputError, match=message):
        TrainingCounts.of(CROPS).require_seen(asked, CLASSES, windows=windows)


def test_an_unusual_sum_is_told():
    counts = TrainingCounts.of([[0, 30], [30, 0]])
    counts.require_seen({"a": 30, "b": 30}, CLASSES)
    assert "60 cells in all are asked for; training crops had 30 to 30" in counts.unusual((30, 30))
    assert counts.unusual((10, 20)) is None
    assert counts.unusual((30, 30), windows=2) is None


def test_counts_are_stored_as_json_and_refuse_what_is_none():
    counts = TrainingCounts.of(CROPS)
    again = TrainingCounts.from_json(counts.to_json())
    np.testing.assert_array_equal(again.told(CROPS), counts.told(CROPS))
    assert again.complete({}, np.random.default_rng(1)) == counts.complete({}, np.random.default_rng(1))
    for change in ({"crops": []}, {"crops": [[-1, 2]]}, {"mean": [0.0]}, {"spread": [1.0, 0.0, 1.0]}):
        with pytest.raises((InvalidInputError, ValueError)):
            TrainingCounts.from_json({**counts.to_json(), **change})


def test_a_network_answers_to_counts_and_zeros_ask_for_nothing():
    network, counts = counted_network(), TrainingCounts.of(CROPS)
    x, t = torch.randn(1, 3, 16, 16, generator=torch_generator(1, "x")), torch.tensor([400])
    told = torch.from_numpy(counts.told(CROPS))[:, :, None, None]
    with torch.inference_mode():
        nothing, zeros = network(x, t), network(x, t, condition=torch.zeros(1, 4, 1, 1))
        few, many = (network(x, t, condition=told[i : i + 1]) for i in (0, 3))
        close = network(x, t, condition=torch.from_numpy(counts.told([[10, 29]]))[:, :, None, None])
        guided = GuidedNetwork(network, 1.0)(x, t, category=None, condition=told[3:])
    torch.testing.assert_close(nothing, zeros)
    assert not torch.allclose(few, many, atol=1e-3)
    assert 0 < (many - close).abs().max() < (many - few).abs().max()
    torch.testing.assert_close(guided, many + (many - nothing), atol=1e-4, rtol=1e-4)


def test_what_is_no_count_is_refused():
    network, x, t = counted_network(), torch.zeros(2, 3, 16, 16), torch.tensor([4, 4])
    with pytest.raises(InvalidInputError, match=r"the condition must be \(2, 4, 1, 1\), counts, got \(2, 3, 1, 1\)"):
        network(x, t, condition=torch.zeros(2, 3, 1, 1))
    with pytest.raises(InvalidInputError, match="a category is given to a network that is told counts"):
        network(x, t, category=torch.tensor([0, 0]))


def test_counts_that_differ_by_five_percent_are_far_apart_for_the_network():
    embed = CountEmbedding(1, 8)
    features = []
    embed.layers.register_forward_pre_hook(lambda _module, inputs: features.append(inputs[0]))
    embed(torch.tensor([[0.50, 1.0], [0.56, 1.0]]))  # 5 % of a count, where the spread of the logarithms is 0.8
    assert (features[0][0] - features[0][1]).norm() > 0.3


def crops(seed):
    rng = np.random.default_rng(seed)
    cells = Cells(rng.uniform(0, 96, (60, 2)), rng.integers(0, 2, 60), classes=CLASSES, shape=(96, 96), mpp=0.5)
    return cells, draw_layouts([cells], counted_recipe(), seed=0)


def test_samples_tell_the_counts_of_their_crop_or_nothing():
    _, drawn = crops(0)
    samples = LayoutSamples(drawn, counted_recipe(), seed=1)
    counts = samples.count_crops()
    for index in (0, 7):
        batch = samples[index]
        assert set(batch) == {"x0", "condition"}
        expected = samples.training_counts.told(counts[index : index + 1])[0]
        np.testing.assert_allclose(batch["condition"][:, 0, 0].numpy(), expected, rtol=1e-6)
        assert counts[index].tolist() == list(samples.cells(index).counts().values())
    dropping = LayoutSamples(drawn, counted_recipe(drop=0.3), seed=1)
    dropping.count_crops()
    told = [bool(dropping[index]["condition"].any()) for index in range(200)]
    assert 0.6 < np.mean(told) < 0.8
    assert told[:20] == [bool(dropping[index]["condition"].any()) for index in range(20)]


def test_categories_too_can_be_left_unsaid():
    _, drawn = crops(0)
    settings = counted_recipe(condition="categories", categories=2, drop=0.5)
    samples = LayoutSamples(drawn, settings, seed=1)
    samples.count_crops()
    assert {int(samples[index]["category"]) for index in range(40)} == {0, 1, 2}
    assert build_network(settings, 2).categories == 2  # the null category is number 2


@pytest.mark.parametrize(
    ("given", "condition", "told"),
    [
        ({}, "categories", 5),
        ({"categories": 10}, "categories", 10),
        ({"categories": 0}, "none", 0),
        ({"condition": "none"}, "none", 0),
        ({"condition": "counts"}, "counts", 0),
    ],
)
def test_recipes_from_before_there_were_conditions_mean_what_they_meant(given, condition, told):
    recipe = LayoutRecipe.model_validate(given)
    assert (recipe.condition, recipe.told_categories) == (condition, told)
    assert LayoutRecipe.model_validate(recipe.model_dump(mode="json")) == recipe


def test_categories_of_which_there_are_none_are_refused():
    with pytest.raises(ValidationError, match="the condition 'categories' needs at least one"):
        LayoutRecipe.model_validate({"condition": "categories", "categories": 0})


@pytest.mark.parametrize("number", [0, 10])
def test_categories_beside_counts_are_refused(number):
    with pytest.raises(RecipeError, match=f"{number} counting categories beside the condition 'counts'; leave"):
        load_recipe(LayoutRecipe, "layouts", "default", [f"categories={number}"])
    load_recipe(LayoutRecipe, "layouts", "default", ["condition=none", "categories=0"])


def test_the_shipped_model_can_be_asked_for_counts():
    generator = LayoutGenerator.from_pretrained("layouts-brca-m2c", device="cpu")
    assert generator.recipe == load_recipe(LayoutRecipe, "layouts", "default")
    generator.check_counts({"tumor": 3})
    assert generator.channel_means is not None


def test_a_model_of_categories_cannot_be_asked_for_counts():
    recipe = counted_recipe(condition="categories", categories=2)
    generator = LayoutGenerator(
        build_network(recipe, 2, torch_generator(0, "test")),
        recipe,
        classes=[CellClass("a", "#000000"), CellClass("b", "#ffffff")],
        mpp=0.5,
        scale=ChannelScale((0.0,) * 3, (1.0,) * 3),
        finder=PeakFinder(3, 0.5),
        categories=CountingCategories((5.0,)),
        device=torch.device("cpu"),
    )
    with pytest.raises(InvalidInputError, match="this model takes a counting category; leave the counts out, or train"):
        generator.check_counts({"a": 3})
    with pytest.raises(InvalidInputError, match=r"guidance 1\.0 needs a model that was told counts"):
        next(generator.generate([0], seed=0, guidance=1.0))
    with pytest.raises(InvalidInputError, match="guidance is from 0 to 100, got nan"):
        next(generator.generate([0], seed=0, guidance=float("nan")))
    with pytest.raises(InvalidInputError, match="got a batch size of 0"):
        next(generator.generate([0], seed=0, batch_size=0))


def test_the_recipe_of_categories_is_the_default_but_for_its_condition():
    default, told = (load_recipe(LayoutRecipe, "layouts", name) for name in ("default", "categories"))
    assert (default.condition, told.condition, told.categories) == ("counts", "categories", 5)
    # number and spread of the steps were chosen for the model of counts alone
    changes = {"condition": "categories", "drop": 0.0, "sampler": told.sampler}
    assert told == default.model_copy(update=changes)
    assert default.drop > 0
