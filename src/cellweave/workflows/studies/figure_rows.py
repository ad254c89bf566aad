"""The numbers that figures of studies are drawn from, picked from the rows of their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cellweave.metrics.rates import Floats


def means_and_ends(rows: Sequence[Sequence[Any]]) -> tuple[Floats, Floats]:
    """Return what a figure of intervals shows of rows of scores or of differences.

    Args:
        rows: For every line of the figure, of which there are L, one row of a table for each of C columns.

    Returns:
        The means (L, C), and the ends of the intervals (L, C, 2).
    """
    values = np.array([[row["mean"] for row in line] for line in rows], np.float64)
    return values, np.array([[(row["low"], row["high"]) for row in line] for line in rows], np.float64)


def rows_of_pairs(
    differences: pd.DataFrame, titles: Mapping[str, str], *, column: str, columns: Sequence[str]
) -> tuple[list[str], list[list[Mapping[Any, Any]]]]:
    """Return the label of every pair, and its rows for :func:`means_and_ends`.

    Args:
        differences: Table of differences, with one row for every pair and value of a column.
        titles: Title of every arm, by name.
        column: Name of that column.
        columns: Its values, in the order wanted.
    """
    by_place = differences.set_index(["better", "other", column]).to_dict("index")
    pairs = list(dict.fromkeys(zip(differences["better"], differences["other"], strict=True)))
    labels = [f"{titles[better]}\nminus {titles[other]}" for better, other in pairs]
    return labels, [[by_place[(*pair, of)] for of in columns] for pair in pairs]
