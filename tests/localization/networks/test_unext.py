"""UNeXt: the shift by hand, the token block's formula, and how far a block sees."""

import pytest
import torch
from torch.nn import functional

from cellweave.localization.networks.unext import TokenBlock, UNeXt, UNeXtRecipe, shifted


def test_every_fifth_of_the_channels_moves_by_its_own_number_of_pixels():
    row = torch.tensor([1.0, 2, 3, 4, 5, 6])
    x = row.expand(1, 5, 1, 6)
    expected = torch.tensor(
        [[3.0, 4, 5, 6, 0, 0], [2, 3, 4, 5, 6, 0], [1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 3, 4]]
    )
    assert shifted(x, 3)[0, :, 0].tolist() == expected.tolist()
    assert shifted(x.mT, 2)[0, :, :, 0].tolist() == expected.tolist()


@pytest.mark.parametrize(("channels", "sizes"), [(5, [1] * 5), (8, [2, 2, 2, 1, 1]), (256, [52] + [51] * 4)])
def test_partitions_are_as_equal_as_can_be(channels, sizes):
    impulse = torch.zeros(1, channels, 1, 5)
    impulse[..., 2] = 1
    places = shifted(impulse, 3)[0, :, 0].argmax(dim=1)
    assert torch.bincount(places).tolist() == sizes
    assert (places.diff() >= 0).all()  # neighbouring channels go together


def test_a_shift_wider_than_the_features_leaves_only_the_middle():
    x = torch.ones(1, 5, 1, 1)
    assert shifted(x, 3).flatten().tolist() == [0, 0, 1, 0, 0]


def test_a_token_block_is_its_formula():
    torch.manual_seed(0)
    block = TokenBlock(5, 10)
    tokens = torch.randn(2, 5, 4, 6)

    def perceptron(layer, x):  # as a 1x1 convolution
        return functional.conv2d(x, layer.weight[:, :, None, None], layer.bias)

    with torch.inference_mode():
        hidden = block.depthwise(perceptron(block.across_width, shifted(tokens, 3)))
        added = tokens + perceptron(block.across_height, shifted(functional.gelu(hidden), 2))
        expected = (added - added.mean(dim=1, keepdim=True)) / (
            added.var(dim=1, keepdim=True, correction=0) + 1e-5
        ).sqrt()
        torch.testing.assert_close(block(tokens), expected)


def test_a_token_block_sees_three_pixels_along_either_axis():
    torch.manual_seed(0)
    block = TokenBlock(10, 10).double()
    tokens = torch.randn(1, 10, 11, 11, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(block(tokens)[0, :, 5, 5].square().sum(), tokens)
    rows, columns = gradient[0].abs().sum(dim=0).nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 8, 2, 8)


def test_it_is_as_small_as_the_paper_says():
    # the 1.47 M of Valanarasu and Patel 2022, Table 1, are those of 16 and 32 channels in the first two levels; the 32
    # and 64 that their text gives, which are the default here, make 1.58 M
    network = UNeXt(UNeXtRecipe(widths=(16, 32, 128, 160, 256)), 1, 0)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == pytest.approx(1.47e6, abs=0.005e6)
    assert sum(isinstance(layer, TokenBlock) for layer in network.modules()) == 4
