"""Maps that cells are drawn as and read back from: every codec encodes ``Cells`` and decodes to ``Cells``."""

from cellweave.maps.codec import MapCodec
from cellweave.maps.edt import ExponentialDistanceCodec, exponential_distance_map
from cellweave.maps.markers import MarkerCodec, find_markers, marker_map
from cellweave.maps.peaks import CCLS, PeakFinder, Peaks

__all__ = [
    "CCLS",
    "ExponentialDistanceCodec",
    "MapCodec",
    "MarkerCodec",
    "PeakFinder",
    "Peaks",
    "exponential_distance_map",
    "find_markers",
    "marker_map",
]
