"""Scores of predicted cells against annotated ones; takes cells and arrays, knows no model."""

from cellweave.metrics.cell_scores import ALL, CellScores, ScoreIntervals, ScoreRow, radius_key
from cellweave.metrics.greedy import match_greedily
from cellweave.metrics.matching import match_maximum
from cellweave.metrics.protocols import PROTOCOLS, ScoringProtocol, count_matches, match_cells
from cellweave.metrics.scoring import score_cells

__all__ = [
    "ALL",
    "PROTOCOLS",
    "CellScores",
    "ScoreIntervals",
    "ScoreRow",
    "ScoringProtocol",
    "count_matches",
    "match_cells",
    "match_greedily",
    "match_maximum",
    "radius_key",
    "score_cells",
]
