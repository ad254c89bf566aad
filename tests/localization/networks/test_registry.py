"""What every registered network keeps to: shapes, sizes, repeatable weights, learning, tiles, storage."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from torch import nn

from cellweave.core import torch_generator
from cellweave.data import CellClass
from cellweave.localization import NETWORKS, Locator, LocatorRecipe
from cellweave.localization.inference import Predictor, folded
from cellweave.localization.locator import locator_config
from cellweave.localization.loss import LocatorLoss
from cellweave.localization.recipe import LossRecipe
from cellweave.maps import PeakFinder
from cellweave.training import initialise, write_model_folder

from .small import SMALL

CPU = torch.device("cpu")

CASES = {name: {"name": name, **SMALL[name]} for name in NETWORKS}
CASES |= {
    f"{name} with mga": settings | {"mga": True}
    for name, settings in CASES.items()
    if "mga" in NETWORKS[name].model_fields
}


def recipe_of(case):
    return NETWORKS[CASES[case]["name"]].model_validate(CASES[case])


def network_of(case, map_count=1, class_count=3, *, seed=0):
    network = recipe_of(case).build(map_count, class_count)
    initialise(network, torch_generator(seed, "test"))
    return network


def settled(network):
    """Return the network in evaluation mode, with batch statistics and weights of norms as if trained."""
    generator = torch_generator(0, "settle")
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for layer in norms:
        layer.momentum = None  # the statistics are those of the pass below
        nn.init.uniform_(layer.weight, 0.8, 1.2, generator=generator)
        nn.init.uniform_(layer.bias, 0.4, 0.6, generator=generator)  # so that few ReLUs shut a narrow network
    with torch.no_grad():
        network.train()(images_of(2, 3, 2 * network.stride, 2 * network.stride, seed=4))
    return network.eval()


def images_of(*shape, seed=1):
    return torch.rand(*shape, generator=torch_generator(seed, "images")) * 2 - 1


EXACT = [case for case in CASES if network_of(case).exact_tiles]


def test_every_network_has_small_settings():
    assert set(SMALL) == set(NETWORKS)


@pytest.mark.parametrize("case", CASES)
def test_settings_are_stored_and_read_back(case):
    recipe = LocatorRecipe.model_validate({"network": CASES[case], "augmentation": {"crop_px": 32 * 9}})
    assert type(recipe.network) is NETWORKS[CASES[case]["name"]]
    assert LocatorRecipe.model_validate(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("map_count", "class_count"), [(1, 3), (1, 0), (2, 0)])
def test_maps_and_logits_have_the_size_of_the_image(case, map_count, class_count):
    network = network_of(case, map_count, class_count).eval()
    stride = recipe_of(case).stride
    assert network.stride == stride
    assert network.margin > 0
    assert network.margin % stride == 0
    for height, width in ((2 * stride, 2 * stride), (stride, 3 * stride)):
        with torch.inference_mode():
            heights, logits = network(images_of(2, 3, height, width))
        assert heights.shape == (2, map_count, height, width)
        assert logits.shape == (2, class_count, height, width)


@pytest.mark.parametrize("case", CASES)
def test_weights_depend_on_the_seed_alone(case):
    torch.manual_seed(1)
    one = network_of(case).state_dict()
    torch.manual_seed(2)
    same, other = network_of(case).state_dict(), network_of(case, seed=1).state_dict()
    assert one.keys() == same.keys()
    for name, value in one.items():
        assert torch.equal(value, same[name]), name
    assert any(not torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("case", CASES)
def test_three_steps_lower_the_loss_and_move_every_weight(case):
    network = network_of(case)
    side = 2 * network.stride
    square = torch.zeros(2, 1, side, side)
    square[:, :, side // 4 : side // 2, side // 4 : side // 2] = 1
    images = images_of(2, 3, side, side) + square  # what is to be found is brighter
    labels = square[:, 0].long() - 1 + torch.arange(2)[:, None, None] * square[:, 0].long()
    batch = {"image": images, "heights": square, "labels": torch.where(labels < 0, -100, labels)}
    loss = LocatorLoss(LossRecipe(), torch.ones(3))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0)
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    losses = []
    for _ in range(4):
        value = loss(network, batch, torch_generator(0, "loss"))["loss"]
        losses.append(float(value.detach()))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    still = [name for name, value in network.named_parameters() if torch.equal(value, before[name])]
    assert still == []


@pytest.mark.parametrize("case", CASES)
def test_folding_changes_nothing(case):
    network = settled(network_of(case))
    images = images_of(1, 3, 2 * network.stride, network.stride)
    with torch.inference_mode():
        for got, expected in zip(folded(network)(images), network(images), strict=True):
            # float32 rounding, over some tens of layers
            assert float((got - expected).abs().max()) < 1e-4 * float(expected.abs().max())


@pytest.mark.parametrize("case", EXACT)
def test_no_pixel_sees_beyond_the_margin(case):
    network = settled(network_of(case)).double()
    stride, margin = network.stride, network.margin
    side = 2 * margin + 3 * stride
    first = margin // stride * stride + stride  # of a stride in the middle
    for shape in ((side, stride), (stride, side)):
        image = images_of(1, 3, *shape).double().requires_grad_()
        maps = torch.cat(network(image), dim=1)
        along = 2 if shape[0] == side else 3
        rows = maps.movedim(along, 0).flatten(1)
        farthest = 0
        for place in {first + offset for offset in (0, stride // 4, stride // 2 - 1, stride // 2, stride - 1)}:
            row = rows[place]
            # random factors, so that no two outputs' gradients cancel
            factors = torch.rand(row.shape, generator=torch_generator(place, "factors"), dtype=torch.float64)
            (gradient,) = torch.autograd.grad((row * factors).sum(), image, retain_graph=True)
            seen = gradient.movedim(along, 0).flatten(1).abs().sum(dim=1).nonzero()
            farthest = max(farthest, place - int(seen.min()), int(seen.max()) - place)
        assert 0 < farthest <= margin
        assert margin <= 2 * (farthest + stride)  # nor is it much wider, for every tile computes it


@pytest.mark.parametrize("case", EXACT)
def test_tiles_give_what_the_whole_image_gives(case):
    network = settled(network_of(case))
    stride = network.stride
    shape = (2 * network.margin + 3 * stride, stride + 1)
    image = np.random.default_rng(2).integers(0, 256, (*shape, 3), dtype=np.uint8)
    with torch.inference_mode():
        largest = float(torch.cat(network(images_of(1, 3, 2 * stride, 2 * stride)), dim=1).abs().max())
    # random networks give logits of hundreds, whose rounding alone would show in their probabilities
    network.register_forward_hook(lambda _network, _inputs, outputs: tuple(one / largest for one in outputs))
    whole = Predictor(network, CPU, precision="fp32", tile_px=10**6)(image)
    tiled = Predictor(network, CPU, precision="fp32", tile_px=network.margin // 2)(image)
    # the same sums in another order: float32 rounding of values as large as the random network's
    assert abs(tiled.heights - whole.heights).max() < 1e-4 * np.ptp(whole.heights)
    assert abs(tiled.classes - whole.classes).max() < 1e-3


@pytest.mark.parametrize("case", CASES)
def test_half_precision_is_finite_and_near(case):
    network = settled(network_of(case))
    images = images_of(1, 3, 2 * network.stride, 2 * network.stride)
    with torch.inference_mode():
        exact = torch.cat(network(images), dim=1)
        with torch.autocast("cpu", torch.bfloat16):
            autocast = torch.cat(network(images), dim=1).float()
        cast = torch.cat(folded(network).bfloat16()(images.bfloat16()), dim=1).float()
    for half in (autocast, cast):
        assert half.isfinite().all()
        # random weights amplify the rounding, most in the deepest network (0.93); a mistake leaves no correlation
        assert float(torch.corrcoef(torch.stack([half.flatten(), exact.flatten()]))[0, 1]) > 0.9


@pytest.mark.parametrize("case", CASES)
def test_a_model_folder_gives_back_the_network(case, tmp_path):
    recipe = LocatorRecipe.model_validate({"network": CASES[case], "augmentation": {"crop_px": 32 * 9}})
    network = settled(network_of(case, class_count=2))
    classes = (CellClass("blue", "#0000ff"), CellClass("red", "#ff0000"))
    finder = PeakFinder(9, 0.2, subpixel=True)
    config = locator_config(recipe, classes=classes, mpp=0.5, finder=finder, training={"steps": 0})
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    write_model_folder(tmp_path / "model", weights=weights, config=config, metrics={}, card="# Random\n")
    loaded = Locator.from_pretrained(tmp_path / "model", device="cpu", precision="fp32")
    assert loaded.recipe == recipe
    image = np.random.default_rng(3).integers(0, 256, (network.stride + 1, 37, 3), dtype=np.uint8)
    got, expected = loaded.predictor(image), Predictor(network, CPU, precision="fp32")(image)
    assert_array_equal(got.heights, expected.heights)
    assert_array_equal(got.classes, expected.classes)


@pytest.mark.parametrize("name", NETWORKS)
def test_defaults_can_be_built_without_memory(name):
    with torch.device("meta"):
        network = NETWORKS[name]().build(1, 3)
    assert sum(value.numel() for value in network.parameters()) > 10_000


@given(st.text(max_size=12).filter(lambda name: name not in NETWORKS))
def test_an_unknown_name_is_told_with_the_known_ones(name):
    with pytest.raises(ValueError, match=r"there is no network .*; there are half-unet, "):
        LocatorRecipe.model_validate({"network": {"name": name}})


def test_settings_of_no_name_are_those_of_the_half_unet():
    recipe = LocatorRecipe.model_validate({"network": {"widths": [8], "unshuffle": 1}})
    assert recipe.network.model_dump() == {"name": "half-unet", "widths": (8,), "unshuffle": 1}
