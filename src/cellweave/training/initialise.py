"""Initial weights that depend on a generator alone."""

from __future__ import annotations

import torch
from torch import nn


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of every convolution, linear layer and embedding anew.

    Weights are those of He et al. 2015 for ReLU, biases 0, embeddings standard normal. Layers whose weights are all 0
    were made so on purpose, to begin as the identity, and stay so; normalisation layers keep their ones and zeros.

    Args:
        network: On the CPU; changed in place.
        generator: Where the weights come from.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Embedding):
            nn.init.normal_(layer.weight, generator=generator)
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and bool(layer.weight.any()):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
