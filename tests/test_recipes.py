"""Every shipped recipe is valid, and makes a network that takes a step's worth of data."""

import numpy as np
import pytest
import torch

from cellweave.core import Cells
from cellweave.images import ImageRecipe
from cellweave.images.condition import draw_condition
from cellweave.images.network import build_network as build_image_network
from cellweave.images.patch_basis import PatchBasis, fold_condition
from cellweave.layouts import LayoutRecipe
from cellweave.layouts.network import build_network as build_layout_network
from cellweave.layouts.raster import raster_channels
from cellweave.localization import LocatorRecipe
from cellweave.training import list_recipes, load_recipe

KINDS = {"locator": LocatorRecipe, "layouts": LayoutRecipe, "images": ImageRecipe}


@pytest.mark.parametrize("kind", KINDS)
def test_every_shipped_recipe_is_valid(kind):
    names = list_recipes(kind)
    assert "default" in names
    for name in names:
        assert load_recipe(KINDS[kind], kind, name).fit.batch_size >= 1


def test_the_default_generators_fit_their_data():
    layouts = load_recipe(LayoutRecipe, "layouts", "default")
    side, channels = layouts.frame.raster_px, raster_channels(layouts, 3)
    network = build_layout_network(layouts, 3)
    with torch.inference_mode():
        output = network(torch.zeros(1, channels, side, side), torch.tensor([5]), condition=torch.zeros(1, 5, 1, 1))
    assert output.shape == (1, channels, side, side)
    images = load_recipe(ImageRecipe, "images", "default")
    crop = np.random.default_rng(0).integers(0, 256, (2 * images.crop_px, images.crop_px, 3), dtype=np.uint8)
    codec = PatchBasis.fit([crop], **images.basis.model_dump())
    x_t = torch.from_numpy(codec.encode(crop[: images.crop_px]))[None]
    layout = Cells([[5.0, 7.0]], [1], classes=("a", "b", "c"), shape=crop[: images.crop_px].shape[:2])
    condition = torch.from_numpy(fold_condition(draw_condition(layout, images.condition), codec.side))[None]
    with torch.inference_mode():
        output = build_image_network(images, 3)(x_t, torch.tensor([5]), condition=condition)
    assert output.shape == x_t.shape
