"""Scores of predicted cells against annotated ones, of synthetic layouts and of images; takes cells, knows no model."""

from cellweave.metrics.cell_scores import ALL, CellScores, ImageScore, ScoreIntervals, ScoreRow, radius_key
from cellweave.metrics.colours import ImageColours, measure_colours
from cellweave.metrics.confusion import Confusion
from cellweave.metrics.fidelity import Fidelity, score_fidelity
from cellweave.metrics.frame_radius import FrameRadius, Radius
from cellweave.metrics.greedy import match_greedily
from cellweave.metrics.image_scores import ImageScores
from cellweave.metrics.layout_arms import RoundTrip, raster_round_trip
from cellweave.metrics.layout_copies import CopySearch
from cellweave.metrics.layout_memorisation import Memorisation
from cellweave.metrics.layout_scores import CountRow, LayoutRow, LayoutScores, Level
from cellweave.metrics.layout_set_scores import LayoutSetScores
from cellweave.metrics.layouts import score_layout_sets, score_layouts
from cellweave.metrics.matching import match_maximum
from cellweave.metrics.protocols import PROTOCOLS, ScoringProtocol, count_matches, match_cells
from cellweave.metrics.scoring import score_cells

__all__ = [
    "ALL",
    "PROTOCOLS",
    "CellScores",
    "Confusion",
    "CopySearch",
    "CountRow",
    "Fidelity",
    "FrameRadius",
    "ImageColours",
    "ImageScore",
    "ImageScores",
    "LayoutRow",
    "LayoutScores",
    "LayoutSetScores",
    "Level",
    "Memorisation",
    "Radius",
    "RoundTrip",
    "ScoreIntervals",
    "ScoreRow",
    "ScoringProtocol",
    "count_matches",
    "match_cells",
    "match_greedily",
    "match_maximum",
    "measure_colours",
    "radius_key",
    "raster_round_trip",
    "score_cells",
    "score_fidelity",
    "score_layout_sets",
    "score_layouts",
]
