"""Point patterns: random positions of cells, and how positions lie to one another."""

from cellweave.patterns.exclusion import inhibit
from cellweave.patterns.hard_core_clusters import CrowdedPoints, hard_core_clusters
from cellweave.patterns.minimum_contrast import ThomasFit, fit_thomas, thomas_k
from cellweave.patterns.nearest_neighbours import (
    border_distances,
    nearest_neighbour_distances,
    nearest_neighbour_distribution,
)
from cellweave.patterns.pairs import PairCounts, pair_counts, pool_pairs
from cellweave.patterns.persistence import BettiCurves, betti_curves, homology_is_installed
from cellweave.patterns.point_processes import Points, poisson_points, thin_by_map, thomas_points
from cellweave.patterns.second_order import pair_correlation, ripley_k, ripley_l

__all__ = [
    "BettiCurves",
    "CrowdedPoints",
    "PairCounts",
    "Points",
    "ThomasFit",
    "betti_curves",
    "border_distances",
    "fit_thomas",
    "hard_core_clusters",
    "homology_is_installed",
    "inhibit",
    "nearest_neighbour_distances",
    "nearest_neighbour_distribution",
    "pair_correlation",
    "pair_counts",
    "poisson_points",
    "pool_pairs",
    "ripley_k",
    "ripley_l",
    "thin_by_map",
    "thomas_k",
    "thomas_points",
]
