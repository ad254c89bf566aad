"""Point processes: random positions of cells."""

from cellweave.patterns.exclusion import inhibit
from cellweave.patterns.point_processes import Points, poisson_points, thin_by_map, thomas_points

__all__ = ["Points", "inhibit", "poisson_points", "thin_by_map", "thomas_points"]
