"""What holds for all networks of convolutions and perceptrons: how far they see, and that folding changes nothing."""

import pytest
import torch
from torch import nn

from cellweave.core import RecipeError, torch_generator
from cellweave.localization import LocatorRecipe
from cellweave.localization.inference import folded
from cellweave.localization.networks import NETWORKS
from cellweave.training import initialise, load_recipe

SHAPES = [
    ("vgg16", {"width": 2, "head_width": 4}),
    ("vgg16", {"width": 2, "head_width": 4, "finest_stage": 1}),
    ("vgg16", {"width": 2, "head_width": 4, "finest_stage": 5}),
    ("attention-unet", {"width": 4, "levels": 2}),
    ("attention-unet", {"width": 4, "levels": 5}),
    ("unext", {"widths": (3, 4, 5, 6, 7)}),
    ("hovernet", {"width": 8, "kernel_px": 3}),
    ("hovernet", {"width": 8, "kernel_px": 5, "units": (1, 1, 2, 1)}),
]
ALL = [*SHAPES, ("lite-unet", {"width": 4, "levels": 4})]


def built(name, settings, map_count=1, class_count=2):
    network = NETWORKS[name](**settings).build(map_count, class_count)
    initialise(network, torch_generator(0, "weights"))
    return network


@pytest.mark.parametrize(("name", "settings"), SHAPES)
def test_the_margin_covers_what_a_pixel_sees(name, settings):
    network = built(name, settings).double().eval()
    stride = network.stride
    assert network.exact_tiles
    assert network.margin % stride == 0
    side = (2 * network.margin // stride + 3) * stride
    image = torch.randn(1, 3, side, stride, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    image.requires_grad_()
    maps, logits = network(image)
    rows = torch.cat([maps, logits], dim=1).sum(dim=(0, 1, 3))
    farthest = 0
    for row in range(side // 2 // stride * stride, side // 2 // stride * stride + stride):
        (gradient,) = torch.autograd.grad(rows[row], image, retain_graph=True)
        seen = gradient[0].abs().sum(dim=(0, 2)).nonzero()
        farthest = max(farthest, row - int(seen.min()), int(seen.max()) - row)
    assert farthest <= network.margin
    assert network.margin <= 2 * (farthest + stride)  # and is not much wider, for it is computed in every tile


@pytest.mark.parametrize(("name", "settings"), ALL)
def test_most_normalisation_folds_into_convolutions(name, settings):
    network = built(name, settings).double().eval()
    generator = torch.Generator().manual_seed(1)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for layer in layers:
        layer.running_mean.normal_(generator=generator)
        layer.running_var.uniform_(0.5, 2, generator=generator)
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64, generator=generator)
    fused = folded(network)
    left = sum(isinstance(layer, nn.BatchNorm2d) for layer in fused.modules())
    assert left <= len(layers) / 2
    with torch.inference_mode():
        for whole, quick in zip(network(image), fused(image), strict=True):
            torch.testing.assert_close(quick, whole)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("vgg16", "network.finest_stage=6", "less than or equal to 5"),
        ("vgg16", "augmentation.crop_px=40", "augmentation.crop_px 40 must be a multiple of 16, the network's stride"),
        ("attention-unet", "network.levels=1", "greater than or equal to 2"),
        ("unext", "network.widths=[4, 5, 6, 7, 4]", "the last three at least 5"),
        ("hovernet", "network.width=12", "multiple of 8"),
        ("hovernet", "network.kernel_px=4", "3 or 5"),
        ("hovernet", "network.units=[3, 4, 0, 3]", "units must be positive numbers"),
        ("lite-unet", "network.width=3", "multiple of 2"),
        ("lite-unet", "network.theta=1.5", "less than or equal to 1"),
    ],
)
def test_networks_that_cannot_be_are_told(name, change, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(LocatorRecipe, "locator", "default", [f"network.name={name}", change])
