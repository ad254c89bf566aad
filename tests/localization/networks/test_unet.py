"""The plain U-Net: its size, and what its levels pass on."""

import torch
from torch import nn
from torch.testing import assert_close

from cellweave.localization.networks import NETWORKS


def test_the_default_is_as_large_as_the_original():
    with torch.device("meta"):
        network = NETWORKS["unet"]().build(1, 1)
    weights = sum(value.numel() for name, value in network.named_parameters() if value.ndim == 4 and "up" not in name)
    # two 3×3 convolutions a level, down and up; the last is 1×1
    down = 9 * (3 * 64 + 64**2 + 64 * 128 + 128**2 + 128 * 256 + 256**2 + 256 * 512 + 512**2 + 512 * 1024 + 1024**2)
    up = 9 * (1024 * 512 + 512**2 + 512 * 256 + 256**2 + 256 * 128 + 128**2 + 128 * 64 + 64**2)
    assert weights == down + up + 2 * 64
    doubling = [layer for layer in network.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert [layer.out_channels for layer in doubling] == [512, 256, 128, 64]


def test_what_the_finest_level_passes_on_reaches_the_maps_unmoved():
    network = NETWORKS["unet"](width=2, levels=2).build(1, 0).double().eval()
    with torch.no_grad():
        for value in network.parameters():
            if value.ndim == 4:
                value.zero_()
        for convolution in (*network.encoder[0], *network.decoder[0]):
            if isinstance(convolution, nn.Conv2d):
                convolution.weight[0, 0, 1, 1] = 1  # the first channel goes through, the coarse level gives nothing
        network.head.weight[0, 0] = 1
        network.head.bias.zero_()
        network.up[0].bias.zero_()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = 0.0
    image = torch.rand(1, 3, 4, 6, dtype=torch.float64)
    assert_close(network(image)[0][:, 0], image[:, 0])
