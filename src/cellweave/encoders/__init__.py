"""Small shipped feature extractors that measures of layouts and images are taken in."""

from cellweave.encoders.choice import patch_encoder
from cellweave.encoders.image_encoder import ImageEncoder, PatchEncoder, PatchFeatures
from cellweave.encoders.image_inception import InceptionEncoder
from cellweave.encoders.image_torchscript import TorchScriptEncoder
from cellweave.encoders.layout_autoencoder import LayoutAutoencoder
from cellweave.encoders.layout_encoder import LayoutEncoder, fixed_projection

__all__ = [
    "ImageEncoder",
    "InceptionEncoder",
    "LayoutAutoencoder",
    "LayoutEncoder",
    "PatchEncoder",
    "PatchFeatures",
    "TorchScriptEncoder",
    "fixed_projection",
    "patch_encoder",
]
