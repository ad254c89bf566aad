"""What the transformer networks share: layers over tokens that keep their place in the image."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class TransformerLayer(nn.Module):
    """Attention, then a feed-forward part, each normalised before and added to what came in.

    The last weights of both parts are 0 at first, so that the layer begins as the identity: without pretrained weights
    and a long warm-up, that is what lets deep ones learn.

    Args:
        width: Channels of a token.
        attention: From tokens (N, H, W, C) to what is added to them.
        expansion: Channels inside the feed-forward part, as a multiple of ``width``.

    Source:
        Dosovitskiy et al. 2021, Eqs. 2 and 3; the zeros are ours.
    """

    def __init__(self, width: int, attention: nn.Module, *, expansion: int = 4) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = attention
        self.before_feed_forward = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, expansion * width), nn.GELU(), zeroed(nn.Linear(expansion * width, width))
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens (N, H, W, C) after the layer."""
        tokens = tokens + self.attention(self.before_attention(tokens))
        result: Tensor = tokens + self.feed_forward(self.before_feed_forward(tokens))
        return result


class GlobalAttention(nn.Module):
    """Every token attends to every token of its image.

    Args:
        width: Channels of a token, a multiple of ``heads``.
        heads: Number of heads.

    Source:
        Vaswani et al. 2017, section 3.2.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = zeroed(nn.Linear(width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return what is added to tokens (N, H, W, C)."""
        images, height, width, channels = tokens.shape
        parts = self.project_in(tokens).view(images, height * width, 3, self.heads, channels // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.project_out(seen.transpose(1, 2).reshape(tokens.shape))
        return result


def zeroed(layer: nn.Linear) -> nn.Linear:
    """Set a layer's weights and bias to zero, and return it."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def to_tokens(features: Tensor) -> Tensor:
    """Return features (N, C, H, W) as tokens (N, H, W, C); a view where they lie channels last."""
    return features.permute(0, 2, 3, 1).contiguous()


def from_tokens(tokens: Tensor) -> Tensor:
    """Return tokens (N, H, W, C) as features (N, C, H, W), channels last in memory."""
    return tokens.permute(0, 3, 1, 2)
