"""Attention within windows against its definition, written down pair by pair."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cellweave.localization.networks.shifted_windows import WindowAttention

WIDTH, HEADS = 6, 2


def drawn(window, *, shifted, seed=0):
    """Return an attention all of whose parameters matter."""
    attention = WindowAttention(WIDTH, HEADS, window, shifted=shifted).double()
    generator = torch.Generator().manual_seed(seed)
    for parameter in attention.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return attention


def image_of_tokens(height, width, images=2):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(images, height, width, WIDTH, generator=generator, dtype=torch.float64)


def by_definition(attention, tokens):
    """Return the attention with every token's window counted in the plane, so that there is nothing to wrap around."""
    images, height, width, channels = tokens.shape
    window, depth = attention.window, channels // HEADS
    down, right = (attention.shift if side > window else 0 for side in (height, width))
    places = [(row, column) for row in range(height) for column in range(width)]
    home = [((row - down) // window, (column - right) // window) for row, column in places]
    query, key, value = attention.project_in(tokens.reshape(images, -1, channels)).chunk(3, dim=-1)
    result = torch.zeros_like(value)
    for head in range(HEADS):
        part = slice(head * depth, (head + 1) * depth)
        scores = query[..., part] @ key[..., part].transpose(1, 2) / math.sqrt(depth)
        for i, (row, column) in enumerate(places):
            for j, (other_row, other_column) in enumerate(places):
                if home[i] == home[j]:
                    entry = (row - other_row + window - 1) * (2 * window - 1) + column - other_column + window - 1
                    scores[:, i, j] += attention.position_bias[entry, head]
                else:
                    scores[:, i, j] = -math.inf
        result[..., part] = scores.softmax(dim=-1) @ value[..., part]
    return attention.project_out(result).view(tokens.shape)


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize(
    ("window", "height", "width"),
    [(2, 4, 4), (2, 4, 6), (4, 8, 8), (4, 4, 8), (4, 7, 9), (3, 5, 7), (4, 3, 2), (4, 2, 9), (2, 1, 1)],
)
def test_attention_is_what_its_definition_says(window, height, width, shifted):
    attention, tokens = drawn(window, shifted=shifted), image_of_tokens(height, width)
    with torch.inference_mode():
        torch.testing.assert_close(attention(tokens), by_definition(attention, tokens))


def seen_by(attention, row, column, height, width):
    """Return the places, as (row, column), that change what a token gets."""
    tokens = image_of_tokens(height, width, images=1).requires_grad_()
    (gradient,) = torch.autograd.grad(attention(tokens)[0, row, column].sum(), tokens)
    return {(int(r), int(c)) for r, c in gradient[0].abs().sum(dim=-1).nonzero()}


def test_no_token_sees_across_the_wrap_around():
    attention = drawn(4, shifted=True)
    # shifted by two, the first and the last two rows and columns would share windows of the rolled image
    assert seen_by(attention, 0, 0, 8, 8) == {(r, c) for r in (0, 1) for c in (0, 1)}
    assert seen_by(attention, 7, 0, 8, 8) == {(r, c) for r in (6, 7) for c in (0, 1)}
    assert seen_by(attention, 7, 3, 8, 8) == {(r, c) for r in (6, 7) for c in (2, 3, 4, 5)}
    assert seen_by(attention, 3, 3, 8, 8) == {(r, c) for r in (2, 3, 4, 5) for c in (2, 3, 4, 5)}


def test_a_side_of_one_window_is_not_shifted():
    seen = seen_by(drawn(4, shifted=True), 0, 0, 4, 8)
    assert seen == {(r, c) for r in (0, 1, 2, 3) for c in (0, 1)}


@given(st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_padding_is_never_seen(height, width, shifted):
    attention, tokens = drawn(4, shifted=shifted), image_of_tokens(height, width, images=1)
    with torch.inference_mode():
        attention.project_in.weight.zero_()
        attention.project_in.bias[2 * WIDTH :] = 0  # padding has the values 0 + bias; so have all tokens
        attention.project_in.weight[2 * WIDTH :] = torch.eye(WIDTH)
        attention.position_bias.zero_()  # everyone alike: the mean over the window
        attention.project_out.weight.copy_(torch.eye(WIDTH))
        attention.project_out.bias.zero_()
        ones = torch.ones_like(tokens)
        torch.testing.assert_close(attention(ones), ones)  # a 0 of the padding would lower the mean


def test_in_bfloat16_it_is_nearly_the_same():
    attention, tokens = drawn(4, shifted=True).float(), image_of_tokens(7, 9).float()
    with torch.inference_mode():
        exact = attention(tokens)
        half = attention.bfloat16()(tokens.bfloat16()).float()
    assert (half - exact).abs().mean() < 0.02 * exact.abs().mean()  # bfloat16 has 8 bits: 0.4 % a number
