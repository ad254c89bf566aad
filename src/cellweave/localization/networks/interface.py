"""What every localiser network is: one call from an image to maps of cells and class logits."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from cellweave.training import Recipe


class LocatorNetwork(nn.Module, ABC):
    """Base of all localiser networks.

    Attributes:
        map_count: Number of maps of cells, M: 1, or one a class.
        class_count: Number of class logits, C; 0 where maps alone are learnt.
        stride: Height and width of what :meth:`forward` takes are multiples of it.
        margin: How far, in pixels, what a pixel's output depends on reaches, a multiple of ``stride``: tiles that
            overlap by it give what the whole image gives.
        exact_tiles: Whether that holds exactly. Attention and norms over the whole input see all of it; there the
            margin is what tiles overlap by, and their result differs a little from that of the whole image.
    """

    stride: int
    margin: int
    exact_tiles: bool = True

    def __init__(self, map_count: int, class_count: int) -> None:
        super().__init__()
        self.map_count, self.class_count = map_count, class_count

    @property
    def channels(self) -> int:
        """Number of maps and logits together."""
        return self.map_count + self.class_count

    @abstractmethod
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W), about 0 to 1, and class logits (N, C, H, W).

        Args:
            images: (N, 3, H, W), normalised; H and W are multiples of ``stride``.
        """

    def split(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs (N, M + C, H, W) as maps and logits."""
        return outputs[:, : self.map_count], outputs[:, self.map_count :]


class NetworkRecipe(Recipe, ABC):
    """Base of the recipes of networks; each has a ``name``, by which recipes and studies choose it."""

    @abstractmethod
    def build(self, map_count: int, class_count: int) -> LocatorNetwork:
        """Return the network with random weights.

        Raises:
            InvalidInputError: It needs a package that is not installed.
        """

    @property
    @abstractmethod
    def stride(self) -> int:
        """Stride of the network."""
