"""The gradient aggregation module, by hand, and in the networks that take it in place of their first stage."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cellweave.core import RecipeError
from cellweave.localization import LocatorRecipe
from cellweave.localization.networks import NETWORKS
from cellweave.localization.networks.difference_convolution import DifferenceConv2d
from cellweave.localization.networks.gradient_aggregation import GradientAggregation
from cellweave.training import load_recipe

from .small import SMALL

WITH_MODULE = ["hrnet", "u-csrnet", "unet"]


def single(theta):
    """Return a module of one channel whose adjusting and fusing pass values on, the fusing times 1, 10, 100, 1000."""
    module = GradientAggregation(1, 1, theta=theta, width=1).double().eval()
    with torch.no_grad():
        module.adjust[0].weight.fill_(1)
        module.fuse[0].weight.copy_(torch.tensor([1.0, 10.0, 100.0, 1000.0]).reshape(1, 4, 1, 1))
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = 0.0
    return module


def kernels(module):
    return [layer.weight for layer in module.modules() if isinstance(layer, DifferenceConv2d)]


def test_branches_add_the_one_before_by_hand():
    module = single(theta=0.0)
    with torch.no_grad():
        for weight in kernels(module):
            weight.zero_()
            weight[..., 1, 1] = 1
    # every branch passes its input on: x, then x + x, x + 2x, x + 3x
    x = torch.rand(1, 1, 4, 5).double()
    assert_close(module(x), 4321 * x)


def test_branches_see_1_2_3_and_4_pixels_far():
    for number, weight in enumerate(kernels(module := single(theta=0.0))):
        with torch.no_grad():
            weight.zero_()
            weight[..., 1, 0] = 1  # the pixel to the left, as far as the dilation
        assert module.branches[number][0].dilation == (number + 1, number + 1)
    x = torch.zeros(1, 1, 1, 12).double()
    x[..., 0] = 1
    # b1 = x moved by 1; b2 = x + b1 moved by 2, so at 2 and 3; b3 at 3, 5 and 6; b4 at 4, 7, 9 and 10
    expected = torch.zeros(12).double()
    for factor, places in ((1, [1]), (10, [2, 3]), (100, [3, 5, 6]), (1000, [4, 7, 9, 10])):
        expected[places] += factor
    assert_close(module(x)[0, 0, 0], expected)


def test_theta_1_makes_it_blind_to_brightness():
    module, x = single(theta=1.0), torch.rand(1, 1, 30, 30).double()
    inner = (..., slice(10, -10), slice(10, -10))
    assert module(x)[inner].std() > 0
    assert_close(module(x + 3)[inner], module(x)[inner])


def test_a_pixel_sees_ten_pixels_far():
    module = GradientAggregation(3, 6, theta=0.0).double().eval()
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 0.1)
    x = torch.rand(1, 3, 31, 31, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(module(x)[0, 0, 15, 15], x)
    seen = gradient[0, 0].nonzero()
    assert (seen.amin(dim=0) == 15 - module.reach).all()
    assert (seen.amax(dim=0) == 15 + module.reach).all()


def test_width_is_half_of_the_outputs_and_64_channels_come_of_3():
    module = GradientAggregation(3, 64)
    assert [tuple(weight.shape) for weight in kernels(module)] == 4 * [(32, 32, 3, 3)]
    assert module(torch.zeros(1, 3, 5, 6)).shape == (1, 64, 5, 6)


@pytest.mark.parametrize("name", WITH_MODULE)
def test_networks_put_it_in_place_of_their_first_stage(name):
    plain, with_module = (
        NETWORKS[name].model_validate({**SMALL[name], "mga": mga, "theta": 0.3}).build(1, 0) for mga in (False, True)
    )
    assert not kernels(plain)
    assert {layer.theta for layer in with_module.modules() if isinstance(layer, DifferenceConv2d)} == {0.3}
    (module,) = [layer for layer in with_module.modules() if isinstance(layer, GradientAggregation)]
    assert module.adjust[0].in_channels == 3
    # all that comes later is as it was
    shapes = [value.shape for value in plain.parameters()]
    own = {id(value) for value in module.parameters()}
    kept = [value.shape for value in with_module.parameters() if id(value) not in own]
    assert kept == shapes[len(shapes) - len(kept) :]
    assert 0 < len(kept) < len(shapes)


def test_default_networks_get_64_channels():
    for name in WITH_MODULE:
        with torch.device("meta"):
            network = NETWORKS[name](mga=True).build(1, 0)
        (module,) = [layer for layer in network.modules() if isinstance(layer, GradientAggregation)]
        assert module.fuse[0].out_channels == 64
        assert {layer.theta for layer in module.modules() if isinstance(layer, DifferenceConv2d)} == {0.7}


@pytest.mark.parametrize("name", WITH_MODULE)
@pytest.mark.parametrize("theta", [-0.1, 1.1])
def test_a_theta_that_cannot_be_is_told(name, theta, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"network: {{name: {name}, mga: true}}\n")
    with pytest.raises(RecipeError, match=rf"network.theta = {theta} does not fit: .*(greater|less) than or equal"):
        load_recipe(LocatorRecipe, "locator", recipe, [f"network.theta={theta}"])
