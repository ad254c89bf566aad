"""Every shipped recipe is valid, and makes a network that takes a step's worth of data."""

import pytest
import torch

from cellweave.images import ImageRecipe
from cellweave.images.generator import build_network as build_image_network
from cellweave.layouts import LayoutRecipe
from cellweave.layouts.generator import build_network as build_layout_network
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
        output = network(torch.zeros(1, channels, side, side), torch.tensor([5]), category=torch.tensor([0]))
    assert output.shape == (1, channels, side, side)
    images = load_recipe(ImageRecipe, "images", "default")
    side = images.crop_px
    with torch.inference_mode():
        output = build_image_network(images, 3)(
            torch.zeros(1, 3, side, side), torch.tensor([5]), condition=torch.zeros(1, 3, side, side)
        )
    assert output.shape == (1, 3, side, side)
