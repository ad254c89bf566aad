"""Initial weights that depend on a generator alone."""

from __future__ import annotations

import torch
from torch import nn


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of every convolution and linear layer anew: He et al. 2015 for ReLU, biases 0.

    Args:
        network: On the CPU; changed in place. Normalisation layers keep their ones and zeros.
        generator: Where the weights come from.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
