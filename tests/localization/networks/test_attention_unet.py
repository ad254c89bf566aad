"""Attention gates: what they pass, by hand, and where the Attention U-Net has them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cellweave.localization.networks.attention_unet import AttentionGate, AttentionUNet, AttentionUNetRecipe


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100))
def test_coefficients_are_between_0_and_1(seed, scale):
    torch.manual_seed(seed)
    gate = AttentionGate(3, 5, 4)
    with torch.inference_mode():
        coefficients = gate.coefficients(scale * drawn(seed, 2, 3, 8, 6), scale * drawn(seed + 1, 2, 5, 4, 3))
    assert coefficients.shape == (2, 1, 8, 6)
    assert coefficients.min() >= 0
    assert coefficients.max() <= 1


def constant_gate(of_features, of_gating, weight, bias):
    gate = AttentionGate(1, 1, 1)
    for layer, value in ((gate.of_features, of_features), (gate.of_gating, of_gating), (gate.score, weight)):
        nn.init.constant_(layer.weight, value)
    nn.init.zeros_(gate.of_gating.bias)
    nn.init.constant_(gate.score.bias, bias)
    return gate


def test_a_gate_by_hand():
    gate = constant_gate(0.25, 1.0, 2.0, -3.0)
    features = torch.tensor([[1.0, 2.0], [3.0, 6.0]])[None, None]  # their mean is 3
    signal = torch.tensor([[-1.0]])[None, None]
    # relu(3 - 1) = 2; sigmoid(2 * 2 - 3) = sigmoid(1) = 0.731058...
    with torch.inference_mode():
        torch.testing.assert_close(gate(features, signal), features * 0.7310586)
        # relu(3 - 5) = 0; sigmoid(-3) = 0.047425...
        torch.testing.assert_close(gate(features, 5 * signal), features * 0.0474259)


def test_coefficients_are_resampled_bilinearly_to_the_features():
    gate = constant_gate(0.0, 1.0, 1.0, 0.0)
    signal = torch.tensor([[0.0, 2.0]])[None, None]  # sigmoid: 0.5 and 0.880797
    with torch.inference_mode():
        row = gate.coefficients(torch.zeros(1, 1, 2, 4), signal)[0, 0, 0]
    low, high = 0.5, 0.8807971
    expected = torch.tensor([low, 0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high, high])
    torch.testing.assert_close(row, expected)


@pytest.mark.parametrize(("levels", "gates"), [(2, 0), (3, 1), (5, 3)])
def test_every_skip_connection_but_the_finest_has_a_gate(levels, gates):
    assert len(AttentionUNet(AttentionUNetRecipe(width=2, levels=levels), 1, 0).gates) == gates


def test_a_closed_gate_passes_nothing():
    network = AttentionUNet(AttentionUNetRecipe(width=2, levels=3), 1, 0).eval()
    (gate,) = network.gates
    skipped = []
    gate.register_forward_hook(lambda _gate, given, passed: skipped.append((given[0], passed)))
    nn.init.zeros_(gate.score.weight)
    images = drawn(0, 1, 3, 16, 16)
    with torch.inference_mode():
        for bias in (0.0, -200.0):
            nn.init.constant_(gate.score.bias, bias)
            network(images)
    (features, half), (_, nothing) = skipped
    assert features.abs().max() > 0
    torch.testing.assert_close(half, features / 2)
    assert not nothing.any()
