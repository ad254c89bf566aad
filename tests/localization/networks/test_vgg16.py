"""VGG16's convolutions, and which of its stages the head takes."""

import pytest
import torch
from torch import nn

from cellweave.localization.networks.vgg16 import Vgg16, Vgg16Recipe

FEATURES = 14_714_688 - 4_224
"""Weights of the convolutions of torchvision's ``vgg16().features``: its parameters less one bias a channel."""


def test_it_has_the_thirteen_convolutions_of_vgg16():
    network = Vgg16(Vgg16Recipe(), 1, 3)
    convolutions = [layer for layer in network.stages.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == 13
    assert [layer.out_channels for layer in convolutions] == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    assert sum(layer.weight.numel() for layer in convolutions) == FEATURES


@pytest.mark.parametrize(("finest_stage", "doublings"), [(1, 0), (2, 1), (5, 4)])
def test_the_head_doubles_the_finest_stage_to_full_resolution(finest_stage, doublings):
    network = Vgg16(Vgg16Recipe(width=2, head_width=4, finest_stage=finest_stage), 1, 3)
    assert sum(isinstance(layer, nn.ConvTranspose2d) for layer in network.head.modules()) == doublings
    assert len(network.head.lateral) == 6 - finest_stage
    maps, logits = network(torch.zeros(2, 3, 32, 48))
    assert maps.shape == (2, 1, 32, 48)
    assert logits.shape == (2, 3, 32, 48)
