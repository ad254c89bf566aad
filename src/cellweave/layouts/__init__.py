"""Layouts of cells: the diffusion model that learns and generates them."""

from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.generator import GeneratedLayout, LayoutGenerator
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.layouts.training import LayoutTraining

__all__ = ["CountingCategories", "GeneratedLayout", "LayoutGenerator", "LayoutRecipe", "LayoutTraining"]
