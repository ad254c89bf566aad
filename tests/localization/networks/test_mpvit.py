"""Factorised attention against its definition, and the paths and levels of MPViT."""

import math

import pytest
import torch
from torch import nn

from cellweave.core import RecipeError
from cellweave.localization import LocatorRecipe
from cellweave.localization.networks.factorised_attention import FactorisedAttention, RelativePosition
from cellweave.localization.networks.mpvit import MPViTRecipe, MultiPathLevel
from cellweave.training import load_recipe


def drawn(module):
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return module.double()


def tokens_of(height, width, channels):
    return torch.randn(2, height, width, channels, generator=torch.Generator().manual_seed(1)).double()


def relative_position(position, values):
    """Return Σ p(offset) v(place + offset) over the neighbourhood of every place, channel by channel."""
    images, height, width, channels = values.shape
    result = torch.zeros_like(values)
    kernels = [(one.weight[i, 0], one.bias[i]) for one in position.convolutions for i in range(one.out_channels)]
    assert len(kernels) == channels
    for channel, (kernel, bias) in enumerate(kernels):
        half = len(kernel) // 2
        for row in range(height):
            for column in range(width):
                total = bias.expand(images)
                for down in range(-half, half + 1):
                    for right in range(-half, half + 1):
                        if 0 <= row + down < height and 0 <= column + right < width:
                            weight = kernel[down + half, right + half]
                            total = total + weight * values[:, row + down, column + right, channel]
                result[:, row, column, channel] = total
    return result


@pytest.mark.parametrize(("height", "width"), [(3, 4), (1, 1), (5, 2)])
def test_factorised_attention_is_what_its_definition_says(height, width):
    channels, heads = 8, 4
    attention, tokens = drawn(FactorisedAttention(channels, heads)), tokens_of(height, width, channels)
    query, key, value = attention.project_in(tokens).chunk(3, dim=-1)
    near = relative_position(attention.position, value)
    flat = [part.reshape(2, height * width, heads, channels // heads) for part in (query, key, value)]
    expected = torch.zeros(2, height * width, heads, channels // heads, dtype=torch.float64)
    for image in range(2):
        for head in range(heads):
            q, k, v = (part[image, :, head] for part in flat)
            weights = k.exp() / k.exp().sum(dim=0, keepdim=True)  # over the tokens, channel by channel
            expected[image, :, head] = q @ (weights.T @ v) / math.sqrt(channels // heads)
    expected = attention.project_out(expected.view(tokens.shape) + query * near)
    torch.testing.assert_close(attention(tokens), expected)


def test_heads_are_split_over_three_neighbourhoods():
    position = FactorisedAttention(64, 8).position  # two, three and three of eight heads
    assert [(one.kernel_size[0], one.out_channels) for one in position.convolutions] == [(3, 16), (5, 24), (7, 24)]
    assert [one.kernel_size[0] for one in FactorisedAttention(4, 1).position.convolutions] == [7]


def test_a_relative_position_sees_its_neighbourhood_alone():
    position = drawn(RelativePosition([1, 1, 1]))
    values = torch.zeros(1, 9, 9, 3, dtype=torch.float64, requires_grad=True)
    for channel, side in enumerate((3, 5, 7)):
        (gradient,) = torch.autograd.grad(position(values)[0, 4, 4, channel], values)
        seen = gradient[0, :, :, channel] != 0
        half = side // 2
        assert seen[4 - half : 5 + half, 4 - half : 5 + half].all()
        assert seen.sum() == side**2
        assert gradient.count_nonzero() == side**2  # and no other channel


def test_paths_see_patches_of_three_five_and_seven_tokens():
    level = drawn(MultiPathLevel(2, 4, layers=1, paths=3, heads=1, stride=1)).eval()
    image = torch.randn(1, 2, 13, 13, generator=torch.Generator().manual_seed(2)).double().requires_grad_()
    x, reached = image, []
    for embedding in level.embeddings:
        x = nn.Sequential(*list(embedding)[:-1])(x)  # without the last nonlinearity, which can be flat
        (gradient,) = torch.autograd.grad(x[0, :, 6, 6].sum(), image, retain_graph=True)
        reached.append(int((gradient[0].abs().sum(dim=0).amax(dim=0) > 0).sum()))
        x = embedding[-1](x)
    assert reached == [3, 5, 7]


@pytest.mark.parametrize("stride", [1, 2])
def test_a_level_brings_its_paths_together(stride):
    level = MultiPathLevel(4, 6, layers=2, paths=3, heads=2, stride=stride)
    assert level(torch.zeros(1, 4, 8, 12)).shape == (1, 6, 8 // stride, 12 // stride)
    assert level.aggregate[0].in_channels == 4 * (3 + 1)  # three paths and the convolution


def test_the_default_is_mpvit_s():
    with torch.device("meta"):
        network = MPViTRecipe().build(1, 6)
    encoder = sum(value.numel() for name, value in network.named_parameters() if not name.startswith("head"))
    # Lee et al.: 22.8 M with the classifier's 288 × 1000; position convolutions of every layer's own add a little
    assert encoder == pytest.approx(22.8e6 - 288e3, rel=0.02)
    assert network.stride == 32
    assert network.margin == 128


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("layers: [1, 3]", "widths, layers and paths must be equally many positive numbers"),
        ("widths: [], layers: [], paths: []", "widths, layers and paths must be equally many positive numbers"),
        ("paths: [2, 3, 3, 0]", "widths, layers and paths must be equally many positive numbers"),
        ("heads: 7", r"heads 7 must divide all widths \[64, 128, 216, 288\]"),
        ("heads: 1, widths: [7, 8, 8, 8]", "the first width must be even, not 7"),
    ],
)
def test_shapes_that_cannot_be_are_told(change, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(LocatorRecipe, "locator", "default", [f"network={{name: mpvit, {change}}}"])
