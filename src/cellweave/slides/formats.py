"""Which files are whole slides."""

from __future__ import annotations

import os
from pathlib import Path

import openslide

from cellweave.data.images import MAX_PIXELS

SLIDE_SUFFIXES = (".svs", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".bif", ".svslide")
"""Endings of files that can be nothing but slides. TIFF files are told apart by what is in them."""

_TIFF_SUFFIXES = (".tif", ".tiff")


def is_slide(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is a whole slide rather than an image.

    A TIFF is one when OpenSlide opens it and it is of a scanner's make, has several levels, or has more pixels than
    images may have. Files of other endings than those of TIFF and of :data:`SLIDE_SUFFIXES` are not opened.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in SLIDE_SUFFIXES:
        return not path.is_dir()
    if suffix not in _TIFF_SUFFIXES or not path.is_file():
        return False
    try:
        vendor = openslide.OpenSlide.detect_format(path)
        if vendor is None:
            return False
        with openslide.OpenSlide(path) as opened:
            width, height = opened.dimensions
            return vendor != "generic-tiff" or opened.level_count > 1 or width * height > MAX_PIXELS
    except openslide.OpenSlideUnsupportedFormatError:
        return False
    except openslide.OpenSlideError:
        return True  # of a slide's make and damaged, as opening it will say
