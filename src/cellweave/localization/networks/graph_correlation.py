"""Graph correlation attention: channels weighed by what they have in common with the others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

HIDDEN = 8
SMALLEST_VARIANCE = 1e-5


class GraphCorrelationAttention(nn.Module):
    """Features times a coefficient between 0 and 1 of their channel, found by a graph network over the channels.

    Every channel is a node, with its mean and its maximum over the image; the weight between two nodes is the
    absolute correlation of the two channels over the pixels. Two graph convolutions, so that a channel hears of what
    is correlated with what it is correlated with, and a sigmoid make the coefficients. It has as many parameters for
    any number of channels, and treats all channels alike.

    Source:
        Li et al. 2024 (Lite-UNet) name such a module, which encodes "higher-order feature associations", in their
        abstract; what is inside is ours, after the graph convolution of Kipf and Welling 2017.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, HIDDEN)
        self.second = nn.Linear(HIDDEN, 1)

    def coefficients(self, x: Tensor) -> Tensor:
        """Return the coefficients of the channels of x (N, C, H, W), (N, C, 1, 1)."""
        weights = correlation_graph(x)
        nodes = torch.stack([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=2)
        hidden = torch.relu(weights @ self.first(nodes))
        return torch.sigmoid(weights @ self.second(hidden))[..., None]

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighed features, (N, C, H, W)."""
        return x * self.coefficients(x)


def correlation_graph(x: Tensor) -> Tensor:
    """Return what every channel takes from every other, (N, C, C): rows are at least 0 and sum to 1.

    A row is the absolute correlations of a channel with all channels, with 1 added for itself, over their sum; a
    channel that is constant takes from itself alone.

    Args:
        x: Features, (N, C, H, W).
    """
    pixels = x.flatten(2).float()
    pixels = pixels - pixels.mean(dim=2, keepdim=True)
    pixels = pixels * torch.rsqrt(pixels.square().mean(dim=2, keepdim=True) + SMALLEST_VARIANCE)
    correlation = (pixels @ pixels.mT).abs() / pixels.shape[2]
    linked = correlation + torch.eye(x.shape[1], device=x.device)
    return (linked / linked.sum(dim=2, keepdim=True)).to(x.dtype)
