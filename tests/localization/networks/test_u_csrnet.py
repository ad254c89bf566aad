"""U-CSRNet: CSRNet's weights, and maps of the image's size."""

import torch
from torch import nn

from cellweave.localization.networks import NETWORKS


def test_front_and_back_end_are_those_of_csrnet():
    with torch.device("meta"):
        network = NETWORKS["u-csrnet"]().build(1, 0)

    def convolutions(part):
        return [layer for layer in part.modules() if isinstance(layer, nn.Conv2d)]

    front, back = convolutions(network.front), convolutions(network.back)
    assert [layer.out_channels for layer in front] == [64, 64, 128, 128, 256, 256, 256, 512, 512, 512]
    assert [layer.out_channels for layer in back] == [512, 512, 512, 256, 128, 64]
    assert {layer.dilation for layer in back} == {(2, 2)}
    # CSRNet has 16,263,489 parameters: these weights, a bias for each of 4672 channels, and 65 of its last layer
    assert sum(layer.weight.numel() for layer in front + back) + 4672 + 65 == 16_263_489


def test_three_transposed_convolutions_undo_three_poolings():
    with torch.device("meta"):
        network = NETWORKS["u-csrnet"]().build(1, 0)
    doubling = [layer for layer in network.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert [layer.stride for layer in doubling] == 3 * [(2, 2)]
    assert network.stride == 8
