"""Maps of cells: codecs that draw ``Cells`` and read them back, and the spatial densities of their classes."""

from cellweave.maps.codec import MapCodec
from cellweave.maps.densities import DensityMethod, density_constant, density_maps, scale_densities
from cellweave.maps.density_fits import fit_gaussian_mixture, fit_kernel_density
from cellweave.maps.edt import ExponentialDistanceCodec, exponential_distance_map
from cellweave.maps.gaussian_mixture import GaussianMixture2D
from cellweave.maps.markers import MarkerCodec, find_markers, marker_map
from cellweave.maps.peaks import CCLS, PeakFinder, Peaks
from cellweave.maps.shared_peaks import SharedPeakCodec

__all__ = [
    "CCLS",
    "DensityMethod",
    "ExponentialDistanceCodec",
    "GaussianMixture2D",
    "MapCodec",
    "MarkerCodec",
    "PeakFinder",
    "Peaks",
    "SharedPeakCodec",
    "density_constant",
    "density_maps",
    "exponential_distance_map",
    "find_markers",
    "fit_gaussian_mixture",
    "fit_kernel_density",
    "marker_map",
    "scale_densities",
]
