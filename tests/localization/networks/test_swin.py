"""The levels of the Swin Transformer, and how much tiles differ from the whole image."""

import pytest
import torch

from cellweave.core import RecipeError
from cellweave.localization import LocatorRecipe
from cellweave.localization.networks.swin import PatchMerging, SwinRecipe
from cellweave.training import load_recipe


def test_four_tokens_become_one():
    merging = PatchMerging(1)
    with torch.inference_mode():
        merging.norm = torch.nn.Identity()
        merging.reduce.weight.copy_(torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 10.0, 100.0, 1000.0]]))
        merged = merging(torch.arange(16.0).view(1, 4, 4, 1))
    assert merged.shape == (1, 2, 2, 2)
    assert merged[0, :, :, 0].tolist() == [[10.0, 18.0], [42.0, 50.0]]  # 0 + 1 + 4 + 5 and so on
    assert merged[0, 0, 0, 1] == 0 + 4 * 10 + 1 * 100 + 5 * 1000  # down the columns


def test_every_level_has_half_the_resolution_and_twice_the_channels():
    network = SwinRecipe(width=4, layers=(1, 2, 1), heads=(1, 2, 4), window=2, head_width=4).build(1, 0)
    assert network.stride == 16
    shapes = [tuple(level.shape) for level in network.features(torch.zeros(1, 3, 48, 80))]
    assert shapes == [(1, 4, 12, 20), (1, 8, 6, 10), (1, 16, 3, 5)]


def test_crops_that_begin_with_a_window_hold_the_windows_of_the_whole_image():
    network = SwinRecipe(width=4, layers=(2, 2), heads=(1, 2), window=2, head_width=4).build(1, 0).double().eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator).double()
    image = torch.randn(1, 3, 32, 192, generator=generator).double()
    with torch.inference_mode():
        whole, crop, between = (network(image[..., left:])[0] for left in (0, 16, 8))
    # a crop's edge is seen two windows of either level away and less than two tokens in the head
    reach = 2 * 2 * (4 + 8) + 2 * 8
    torch.testing.assert_close(crop[..., reach:], whole[..., 16 + reach :])
    # half a window away the windows of the coarser level are others
    assert (between[..., reach:] - whole[..., 8 + reach :]).abs().max() > 0.01 * whole.abs().max()


def test_the_default_is_swin_t():
    with torch.device("meta"):
        network = SwinRecipe().build(1, 6)
    encoder = sum(value.numel() for name, value in network.named_parameters() if not name.startswith("head"))
    assert encoder == pytest.approx(27.5e6, rel=0.01)  # Swin-T without its classifier; Liu et al.: 28 M (rounded)
    assert network.margin == 256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("layers: [2, 2]", "layers and heads must be equally many positive numbers"),
        ("layers: [], heads: []", "layers and heads must be equally many positive numbers"),
        ("heads: [3, 6, 0, 24]", "layers and heads must be equally many positive numbers"),
        ("width: 32", "heads 3 must divide the 32 channels of their level"),
        ("window: 1", "greater than or equal to 2"),
    ],
)
def test_shapes_that_cannot_be_are_told(change, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(LocatorRecipe, "locator", "default", [f"network={{name: swin, {change}}}"])
