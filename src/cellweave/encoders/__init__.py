"""Small shipped feature extractors that measures of layouts are taken in."""

from cellweave.encoders.layout_autoencoder import LayoutAutoencoder
from cellweave.encoders.layout_encoder import LayoutEncoder, fixed_projection

__all__ = ["LayoutAutoencoder", "LayoutEncoder", "fixed_projection"]
