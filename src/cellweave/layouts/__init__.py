"""Layouts of cells: the diffusion model that learns and generates them."""

from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.corrections import Correction, CountRecord, corrected_layouts
from cellweave.layouts.count_report import count_line, count_report
from cellweave.layouts.generator import GeneratedLayout, LayoutGenerator
from cellweave.layouts.recipe import LayoutRecipe, LayoutSamplerRecipe
from cellweave.layouts.requests import CountRequest, parse_counts
from cellweave.layouts.training import LayoutTraining
from cellweave.layouts.training_counts import TrainingCounts
from cellweave.layouts.windows import WindowedNetwork

__all__ = [
    "Correction",
    "CountRecord",
    "CountRequest",
    "CountingCategories",
    "GeneratedLayout",
    "LayoutGenerator",
    "LayoutRecipe",
    "LayoutSamplerRecipe",
    "LayoutTraining",
    "TrainingCounts",
    "WindowedNetwork",
    "corrected_layouts",
    "count_line",
    "count_report",
    "parse_counts",
]
