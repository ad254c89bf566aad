"""Pictures as data URIs, so that a report is one file."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import cv2
import matplotlib
import numpy as np
from matplotlib.figure import Figure

from cellweave.core import InvalidImageError
from cellweave.data import RgbImage
from cellweave.report.overlay import enlarged

JPEG_QUALITY = 88


def figure_uri(figure: Figure) -> str:
    """Return a figure as an SVG data URI; equal figures give equal bytes."""
    stream = BytesIO()
    # Text becomes outlines: a reader may lack the typeface. Without salt and date two runs would differ.
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "cellweave"}):
        figure.savefig(stream, format="svg", dpi=150, metadata={"Date": None})
    return _data_uri("image/svg+xml", stream.getvalue())


def image_uri(pixels: RgbImage, *, max_width_px: int) -> str:
    """Return an image as a data URI: JPEG without colour subsampling, or PNG where that is no larger.

    Args:
        pixels: uint8 (H, W, 3).
        max_width_px: A wider image is reduced to this width.

    Raises:
        InvalidImageError: ``pixels`` is not such an image.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InvalidImageError(f"an image in a report is uint8 (H, W, 3), got {pixels.dtype} {pixels.shape}.")
    if pixels.shape[1] > max_width_px:
        pixels, _ = enlarged(pixels, max_width_px / pixels.shape[1])
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    # Subsampled colour would blur the thin rings.
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, *sampling])
    _, png = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if png.size <= jpeg.size:
        return _data_uri("image/png", png.tobytes())
    return _data_uri("image/jpeg", jpeg.tobytes())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode('ascii')}"
