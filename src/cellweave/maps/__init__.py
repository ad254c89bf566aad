"""Maps of cells: codecs that draw ``Cells`` and read them back, and the spatial densities of their classes."""

from cellweave.maps.batched import draw_batch
from cellweave.maps.codec import MapCodec
from cellweave.maps.densities import (
    SpatialDensity,
    density_constant,
    density_maps,
    draw_densities,
    fit_densities,
    scale_densities,
)
from cellweave.maps.density_cache import DensityCache
from cellweave.maps.density_fits import (
    fit_gaussian_mixture,
    fit_gaussian_mixture_copulas,
    fit_gaussian_mixtures,
    fit_kernel_density,
)
from cellweave.maps.density_settings import DensityMethod, DensitySettings
from cellweave.maps.edt import ExponentialDistanceCodec, exponential_distance_map
from cellweave.maps.gaussian import (
    GaussianCodec,
    NeighbourGaussianCodec,
    gaussian_density_map,
    gaussian_peak,
    neighbour_sigmas,
)
from cellweave.maps.gaussian_mixture import GaussianMixture2D
from cellweave.maps.gaussian_mixture_copula import GaussianMixtureCopula2D
from cellweave.maps.inverse_distance import (
    FocalInverseDistanceCodec,
    InverseDistanceCodec,
    focal_inverse_distance_map,
    inverse_distance_map,
)
from cellweave.maps.lmds import LMDS, RelativePeakFinder
from cellweave.maps.markers import MarkerCodec, find_markers, marker_map
from cellweave.maps.peak_map import PeakMapCodec, peak_map
from cellweave.maps.peaks import CCLS, Decoder, PeakFinder, Peaks
from cellweave.maps.registry import DECODERS, MAPS, AnyCellMap, CellMap, get_decoder, make_map
from cellweave.maps.shared_peaks import SharedPeakCodec
from cellweave.maps.univariate_mixtures import UnivariateMixture

__all__ = [
    "CCLS",
    "DECODERS",
    "LMDS",
    "MAPS",
    "AnyCellMap",
    "CellMap",
    "Decoder",
    "DensityCache",
    "DensityMethod",
    "DensitySettings",
    "ExponentialDistanceCodec",
    "FocalInverseDistanceCodec",
    "GaussianCodec",
    "GaussianMixture2D",
    "GaussianMixtureCopula2D",
    "InverseDistanceCodec",
    "MapCodec",
    "MarkerCodec",
    "NeighbourGaussianCodec",
    "PeakFinder",
    "PeakMapCodec",
    "Peaks",
    "RelativePeakFinder",
    "SharedPeakCodec",
    "SpatialDensity",
    "UnivariateMixture",
    "density_constant",
    "density_maps",
    "draw_batch",
    "draw_densities",
    "exponential_distance_map",
    "find_markers",
    "fit_densities",
    "fit_gaussian_mixture",
    "fit_gaussian_mixture_copulas",
    "fit_gaussian_mixtures",
    "fit_kernel_density",
    "focal_inverse_distance_map",
    "gaussian_density_map",
    "gaussian_peak",
    "get_decoder",
    "inverse_distance_map",
    "make_map",
    "marker_map",
    "neighbour_sigmas",
    "peak_map",
    "scale_densities",
]
