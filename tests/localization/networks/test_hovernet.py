"""HoVer-Net: the ResNet-50 inside, its dense decoders, and that its two branches are apart."""

import pytest
import torch
from torch import nn

from cellweave.localization.networks.hovernet import HoverNet, HoverNetRecipe

RESNET50_CONVOLUTIONS = 23_508_032 - 53_120
"""Parameters of torchvision's ``resnet50`` without its last layer, less those of its batch normalisations."""


def weights(module):
    return sum(layer.weight.numel() for layer in module.modules() if isinstance(layer, nn.Conv2d))


def test_the_encoder_has_the_convolutions_of_resnet50():
    network = HoverNet(HoverNetRecipe(), 1, 3)
    assert weights(network.stem) + weights(network.encoder) == RESNET50_CONVOLUTIONS


def test_it_halves_the_resolution_three_times():
    network = HoverNet(HoverNetRecipe(width=8), 1, 0)
    x = network.stem(torch.zeros(1, 3, 16, 24))
    shapes = []
    for level in network.encoder:
        x = level(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(32, 16, 24), (64, 8, 12), (128, 4, 6), (256, 2, 3)]


def test_dense_units_add_half_the_width_each():
    network = HoverNet(HoverNetRecipe(), 1, 0)
    coarse, middle = network.pixels.coarse, network.pixels.middle
    assert coarse[0].out_channels == 256
    assert coarse[-1].in_channels == 256 + 8 * 32
    assert middle[0].out_channels == 128
    assert middle[-1].in_channels == 128 + 4 * 32


@pytest.mark.parametrize(("maps", "classes"), [(1, 3), (1, 0), (2, 0)])
def test_types_are_a_branch_of_their_own_and_absent_without_classes(maps, classes):
    network = HoverNet(HoverNetRecipe(width=8), maps, classes)
    heights, logits = network(torch.zeros(2, 3, 16, 24))
    assert heights.shape == (2, maps, 16, 24)
    assert logits.shape == (2, classes, 16, 24)
    assert (network.types is None) == (classes == 0)


def test_neither_branch_knows_of_the_other():
    network = HoverNet(HoverNetRecipe(width=8), 1, 3)
    heights, logits = network(torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    for output, own, other in ((heights, network.pixels, network.types), (logits, network.types, network.pixels)):
        network.zero_grad()
        output.square().sum().backward(retain_graph=True)
        assert all(parameter.grad is not None for parameter in own.parameters())
        assert all(parameter.grad is None for parameter in other.parameters())
        assert network.bottom.weight.grad.any()
