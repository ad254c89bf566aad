"""Whole slides: which files are slides, reading their levels tile by tile, and writing pyramids."""

from cellweave.slides.formats import SLIDE_SUFFIXES, is_slide
from cellweave.slides.pyramid import write_pyramid
from cellweave.slides.slide import Level, Slide
from cellweave.slides.tile_encoding import COMPRESSIONS
from cellweave.slides.tile_work import in_order
from cellweave.slides.tiling import TILE_PX, Tile, tiles_of

__all__ = [
    "COMPRESSIONS",
    "SLIDE_SUFFIXES",
    "TILE_PX",
    "Level",
    "Slide",
    "Tile",
    "in_order",
    "is_slide",
    "tiles_of",
    "write_pyramid",
]
