"""Difference convolutions against their definition, Eq. 9 of the paper on exponential distance transform maps."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from cellweave.core import InvalidInputError
from cellweave.localization.inference import folded
from cellweave.localization.networks import NETWORKS
from cellweave.localization.networks.difference_convolution import DifferenceConv2d


def by_definition(x, weight, bias, *, dilation, theta):
    """Return Eq. 9 tap by tap: x is 0 outside the image, and every tap is compared with the centre."""
    height, width = x.shape[-2:]
    around = functional.pad(x, 4 * (dilation,))
    total = torch.zeros(x.shape[0], weight.shape[0], height, width, dtype=x.dtype)
    for row in range(3):
        for column in range(3):
            seen = around[..., row * dilation :, column * dilation :][..., :height, :width]
            total = total + torch.einsum("oi,nihw->nohw", weight[:, :, row, column], seen - theta * x)
    return total if bias is None else total + bias[:, None, None]


def counting(**settings):
    """Return a layer with the kernel 1 to 9, row by row."""
    layer = DifferenceConv2d(1, 1, bias=False, **settings).double()
    with torch.no_grad():
        layer.weight.copy_(torch.arange(1.0, 10.0).reshape(1, 1, 3, 3))
    return layer


def test_a_constant_image_by_hand():
    y = counting(theta=0.5)(torch.ones(1, 1, 4, 4).double())[0, 0]
    assert y[1, 1].item() == pytest.approx(45 - 0.5 * 45)
    assert y[0, 0].item() == pytest.approx(5 + 6 + 8 + 9 - 0.5 * 45)  # taps outside see 0, and count in the sum
    assert y[0, 1].item() == pytest.approx(4 + 5 + 6 + 7 + 8 + 9 - 0.5 * 45)


def test_a_single_pixel_by_hand():
    x = torch.zeros(1, 1, 5, 5).double()
    x[0, 0, 2, 2] = 1
    y = counting(theta=0.7)(x)[0, 0]
    assert y[2, 2].item() == pytest.approx(5 - 0.7 * 45)
    assert y[1, 1].item() == pytest.approx(9)  # the pixel is below and right of this one
    assert y[2, 3].item() == pytest.approx(4)
    assert y[0].abs().max() == 0


@settings(max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
    outputs=st.integers(1, 3),
    dilation=st.integers(1, 4),
    theta=st.floats(0, 1),
    bias=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_value_and_gradients_are_those_of_the_definition(shape, outputs, dilation, theta, bias, seed):
    generator = torch.Generator().manual_seed(seed)
    layer = DifferenceConv2d(shape[1], outputs, dilation=dilation, theta=theta, bias=bias).double()
    x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    nn.init.normal_(layer.weight, generator=generator)
    expected = by_definition(x, layer.weight, layer.bias, dilation=dilation, theta=theta)
    got = layer(x)
    assert_close(got, expected)
    learnt = [x, *layer.parameters()]
    factors = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    for one, other in zip(
        torch.autograd.grad((got * factors).sum(), learnt),
        torch.autograd.grad((expected * factors).sum(), learnt),
        strict=True,
    ):
        assert_close(one, other)
    assert_close(layer.plain()(x), expected)


def test_theta_0_is_a_plain_convolution():
    layer, x = DifferenceConv2d(2, 3, theta=0.0), torch.randn(1, 2, 6, 7)
    assert torch.equal(layer(x), functional.conv2d(x, layer.weight, layer.bias, padding=1))


def test_theta_1_is_blind_to_a_constant_away_from_the_border():
    layer = DifferenceConv2d(2, 3, theta=1.0, dilation=2).double()
    x = torch.randn(1, 2, 12, 12, dtype=torch.float64)
    inner = (..., slice(2, -2), slice(2, -2))
    assert_close(layer(x + 5)[inner], layer(x)[inner])
    assert (layer(x + 5) - layer(x)).abs().max() > 0.1  # outside the image is 0 in both


def test_it_costs_one_convolution():
    x = torch.zeros(1, 4, 32, 32)
    layer = DifferenceConv2d(4, 8)
    counts = []
    for one in (layer, nn.Conv2d(4, 8, 3, padding=1)):
        with FlopCounterMode(display=False) as counter:
            one(x).sum().backward()
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("name", ["hrnet", "u-csrnet", "unet"])
def test_none_is_left_for_inference(name):
    network = NETWORKS[name].model_validate({"width": 4, "mga": True}).build(1, 0)
    assert sum(isinstance(layer, DifferenceConv2d) for layer in network.modules()) == 4
    ready = folded(network)
    assert not any(isinstance(layer, DifferenceConv2d | nn.BatchNorm2d) for layer in ready.modules())
    assert sum(isinstance(layer, DifferenceConv2d) for layer in network.modules()) == 4  # it is a copy


@pytest.mark.parametrize("theta", [-0.1, 1.01, float("nan")])
def test_a_theta_that_cannot_be_is_told(theta):
    with pytest.raises(InvalidInputError, match=r"theta, the share of the differences, must be 0 to 1, got"):
        DifferenceConv2d(1, 1, theta=theta)
