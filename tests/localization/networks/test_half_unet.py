"""The U-Net's shapes, its stride, and how far it sees."""

import pytest
import torch
from torch import nn

from cellweave.core import RecipeError
from cellweave.localization import HalfUNet, LocatorRecipe
from cellweave.localization.networks import HalfUNetRecipe
from cellweave.training import load_recipe

SHAPES = [
    ({"widths": (4,), "unshuffle": 1}, 1),
    ({"widths": (4,), "unshuffle": 2}, 2),
    ({"widths": (4, 5), "unshuffle": 1}, 2),
    ({"widths": (4, 5, 6), "unshuffle": 2}, 8),
    ({"widths": (4, 5, 6, 7), "unshuffle": 4}, 32),
]


def transparent(recipe):
    """Return a network of positive weights, so that whatever can pass through it does."""
    network = HalfUNet(HalfUNetRecipe(**recipe), 1, 1).double().eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
            if layer.bias is not None:  # a random one, low enough, would close the ReLU that follows
                nn.init.zeros_(layer.bias)
    return network


@pytest.mark.parametrize(("recipe", "stride"), SHAPES)
@pytest.mark.parametrize("class_count", [0, 3])
def test_maps_have_the_size_of_the_image(recipe, stride, class_count):
    network = HalfUNet(HalfUNetRecipe(**recipe), 1, class_count)
    assert network.stride == stride
    heights, logits = network(torch.zeros(2, 3, 2 * stride, 3 * stride))
    assert heights.shape == (2, 1, 2 * stride, 3 * stride)
    assert logits.shape == (2, class_count, 2 * stride, 3 * stride)


@pytest.mark.parametrize(("recipe", "stride"), SHAPES)
def test_the_margin_covers_what_a_pixel_sees(recipe, stride):
    network = transparent(recipe)
    assert network.margin % stride == 0
    side = (2 * network.margin // stride + 3) * stride
    image = torch.rand(1, 3, side, stride, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    image.requires_grad_()
    heights = network(image)[0][0, 0]
    farthest = 0
    for row in range(side // 2, side // 2 + stride):  # every place of a pixel within a stride
        (gradient,) = torch.autograd.grad(heights[row, 0], image, retain_graph=True)
        seen = gradient[0].abs().sum(dim=(0, 2)).nonzero()
        farthest = max(farthest, row - int(seen.min()), int(seen.max()) - row)
    assert farthest <= network.margin
    assert network.margin <= 2 * (farthest + stride)  # and is not much wider, for it is computed in every tile


def test_two_convolutions_see_two_pixels():
    network = transparent({"widths": (4,), "unshuffle": 1})
    image = torch.rand(1, 3, 11, 11, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(image)[0][0, 0, 5, 5], image)
    seen = gradient[0, 0] != 0
    assert seen[3:8, 3:8].all()
    assert seen.sum() == 25


def test_moving_the_image_by_a_stride_moves_the_maps():
    network = transparent({"widths": (4, 5, 6), "unshuffle": 2})
    image = torch.rand(1, 3, 160, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        still, moved, moved_less = (network(image.roll(rows, dims=2))[0] for rows in (0, 8, 4))
    inner = slice(network.margin + 8, -network.margin - 8)  # out of sight of the edges
    torch.testing.assert_close(moved.roll(-8, dims=2)[:, :, inner], still[:, :, inner])
    # half a stride pools other pixels
    assert (moved_less.roll(-4, dims=2)[:, :, inner] - still[:, :, inner]).abs().max() > 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("network.widths=[]", "widths must be one or more positive numbers"),
        ("network.widths=[8, 0]", "widths must be one or more positive numbers"),
        ("network.unshuffle=5", "less than or equal to 4"),
        ("augmentation.crop_px=100", "augmentation.crop_px 100 must be a multiple of 32, the network's stride"),
    ],
)
def test_networks_that_cannot_be_are_told(change, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(LocatorRecipe, "locator", "default", [change])
