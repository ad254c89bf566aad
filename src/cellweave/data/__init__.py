"""Annotated images on disk: the format, readers, writers, checks and phantom tissue."""

from cellweave.data.checking import CheckReport, Finding, check_dataset
from cellweave.data.dataset import SPLITS, CellClass, CellDataset
from cellweave.data.dataset_writer import DatasetWriter
from cellweave.data.images import IMAGE_SUFFIXES, RgbImage, image_size, read_image, write_png
from cellweave.data.patches import Patch, PatchPlan, cut_patch, plan_patches
from cellweave.data.semantic_masks import SemanticMask
from cellweave.data.statistics import CellStatistics, dataset_statistics, nearest_neighbour_distances
from cellweave.data.wording import counted
from cellweave.data.writers import cells_table, write_cells_table, write_geojson

__all__ = [
    "IMAGE_SUFFIXES",
    "SPLITS",
    "CellClass",
    "CellDataset",
    "CellStatistics",
    "CheckReport",
    "DatasetWriter",
    "Finding",
    "Patch",
    "PatchPlan",
    "RgbImage",
    "SemanticMask",
    "cells_table",
    "check_dataset",
    "counted",
    "cut_patch",
    "dataset_statistics",
    "image_size",
    "nearest_neighbour_distances",
    "plan_patches",
    "read_image",
    "write_cells_table",
    "write_geojson",
    "write_png",
]
