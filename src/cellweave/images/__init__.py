"""Images of tissue: the diffusion model that paints layouts of cells, or semantic masks."""

from cellweave.images.generator import ImageGenerator
from cellweave.images.recipe import ImageRecipe
from cellweave.images.training import ImageTraining

__all__ = ["ImageGenerator", "ImageRecipe", "ImageTraining"]
