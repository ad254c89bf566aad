"""Lite-UNet's modules: correlation graph and ghost modules by hand, attention within its bounds."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cellweave.localization.networks.ghost_attention import BlockAttention, GhostBlock, GhostModule
from cellweave.localization.networks.graph_correlation import GraphCorrelationAttention, correlation_graph
from cellweave.localization.networks.lite_unet import LiteUNet, LiteUNetRecipe
from cellweave.localization.networks.unet import UNetRecipe


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_graph_of_correlations_by_hand():
    wave = torch.tensor([1.0, -1, 1, -1])
    other = torch.tensor([1.0, 1, -1, -1])  # uncorrelated with the wave
    x = torch.stack([wave, 3 - 2 * wave, other, torch.full((4,), 7.0)]).reshape(1, 4, 2, 2)
    expected = torch.tensor([[2.0, 1, 0, 0], [1, 2, 0, 0], [0, 0, 3, 0], [0, 0, 0, 3]]) / 3
    torch.testing.assert_close(correlation_graph(x)[0], expected, atol=1e-5, rtol=0)


@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_rows_of_the_graph_are_shares(seed, scale):
    graph = correlation_graph(scale * drawn(seed, 2, 6, 4, 4))
    assert (graph >= 0).all()
    torch.testing.assert_close(graph.sum(dim=2), torch.ones(2, 6))


def test_graph_attention_treats_channels_alike():
    torch.manual_seed(0)
    attention = GraphCorrelationAttention()
    x, order = drawn(0, 2, 7, 4, 4), torch.tensor([3, 1, 6, 0, 2, 5, 4])
    with torch.inference_mode():
        coefficients = attention.coefficients(x)
        torch.testing.assert_close(attention(x[:, order]), attention(x)[:, order])
    assert coefficients.shape == (2, 7, 1, 1)
    assert coefficients.std() > 0
    assert ((coefficients > 0) & (coefficients < 1)).all()


def test_graph_attention_learns_from_dead_channels_too():
    attention = GraphCorrelationAttention()
    x = drawn(0, 1, 4, 4, 4)
    x[:, 2] = 0
    x.requires_grad_()
    attention(x).square().sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad.abs().max() < 1e3


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100))
def test_block_attention_weighs_between_0_and_1(seed, scale):
    torch.manual_seed(seed)
    attention = BlockAttention(6)
    x = scale * drawn(seed, 2, 6, 8, 5)
    with torch.inference_mode():
        channels, pixels = attention.of_channels(x), attention.of_pixels(x)
        assert (attention(x).abs() <= x.abs()).all()
    assert channels.shape == (2, 6, 1, 1)
    assert pixels.shape == (2, 1, 8, 5)
    for coefficients in (channels, pixels):
        assert ((coefficients >= 0) & (coefficients <= 1)).all()


def test_block_attention_by_hand():
    attention = BlockAttention(1)
    for layer in (attention.perceptron[0], attention.perceptron[2]):
        nn.init.constant_(layer.weight, 0.5)
        nn.init.zeros_(layer.bias)
    x = torch.tensor([[0.0, 2.0]])[None, None]
    # the perceptron has 4 channels inside: f(t) = 4 * 0.5 * relu(0.5 t) = t; mean 1 and maximum 2 give sigmoid(3)
    with torch.inference_mode():
        assert attention.of_channels(x).item() == pytest.approx(0.9525741, abs=1e-6)


def test_half_of_a_ghost_modules_channels_are_made_of_the_other_half_one_by_one():
    torch.manual_seed(0)
    module = GhostModule(3, 8).eval()
    primary = drawn(0, 1, 4, 5, 5).requires_grad_()
    for channel in range(4):
        (gradient,) = torch.autograd.grad(module.cheap(primary)[0, channel].sum(), primary)
        assert gradient[0].abs().sum(dim=(1, 2)).nonzero().flatten().tolist() == [channel]
    assert sum(layer.weight.numel() for layer in module.modules() if isinstance(layer, nn.Conv2d)) == 3 * 4 + 4 * 9


def test_it_has_an_eighth_of_a_unets_parameters():
    def count(recipe):
        return sum(parameter.numel() for parameter in recipe.build(1, 3).parameters())

    assert 8 * count(LiteUNetRecipe(width=64)) < count(UNetRecipe(width=64, levels=5))


def test_it_is_made_of_its_three_modules():
    network = LiteUNet(LiteUNetRecipe(width=4, levels=3), 1, 0)
    assert type(network.encoder[0]).__name__ == "GradientAggregation"
    assert sum(isinstance(layer, GhostBlock) for layer in network.modules()) == 4
    assert sum(isinstance(layer, GraphCorrelationAttention) for layer in network.modules()) == 1
    assert not network.exact_tiles  # channel attention looks at the whole image
