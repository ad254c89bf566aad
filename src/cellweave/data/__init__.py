"""Annotated images on disk: the format, readers, writers, checks and phantom tissue."""

from cellweave.data.dataset import SPLITS, CellClass, CellDataset
from cellweave.data.dataset_writer import DatasetWriter
from cellweave.data.images import IMAGE_SUFFIXES, RgbImage, image_size, read_image, write_png

__all__ = [
    "IMAGE_SUFFIXES",
    "SPLITS",
    "CellClass",
    "CellDataset",
    "DatasetWriter",
    "RgbImage",
    "image_size",
    "read_image",
    "write_png",
]
