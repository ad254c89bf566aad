"""The figures of a study of localisers, drawn from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cellweave.metrics.rates import Floats
from cellweave.report.study_figures import interval_chart, interval_curves, speed_chart
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.files import write_figure
from cellweave.workflows.studies.held_out import CALIBRATED, STUDY_DECODERS
from cellweave.workflows.studies.markdown import costs_differ, speed_column
from cellweave.workflows.studies.tables import StudyTables


def draw_study(design: Design, tables: StudyTables, out: Path, *, protocol: str, radius_px: float) -> tuple[Path, ...]:
    """Write the figures of a study as PNG files and return where they are; none where no arm has scores.

    ``f1.png``: arms side by side, or along the study's axis. ``differences.png``: the pairs. ``speed.png``: score
    against speed, where arms differ in it.

    Args:
        design: Of the study.
        tables: Its tables.
        out: Folder.
        protocol: Scoring protocol.
        radius_px: Radius.

    Raises:
        OutputError: A file cannot be written.
    """
    if tables.scores.empty:
        return ()
    what = f"F1 of all cells within {radius_px:g} px, protocol {protocol}"
    at = (tables.scores["protocol"] == protocol) & (tables.scores["radius_px"] == radius_px)
    scores = tables.scores[at & (tables.scores["measure"] == "f1")].set_index(["arm", "decoder"])
    arms = [arm for arm in design.arms if arm.name in scores.index.get_level_values("arm")]
    values, ends = _arrays(scores.to_dict("index"), [(arm.name,) for arm in arms])
    figures: dict[str, Figure] = {}
    if design.axis is None:
        figures["f1"] = interval_chart([arm.title for arm in arms], STUDY_DECODERS, values, ends, xlabel=what)
    else:
        x = [float(arm.value) for arm in arms if arm.value is not None]
        figures["f1"] = interval_curves(x, STUDY_DECODERS, values, ends, xlabel=design.axis, ylabel=what)
    if not tables.differences.empty:
        figures["differences"] = _pairs(tables, protocol=protocol, radius_px=radius_px, xlabel=f"Difference in {what}")
    if costs_differ(tables):
        column, unit = speed_column(tables)
        speeds = tables.arms.set_index("arm")[column]
        calibrated = values[:, STUDY_DECODERS.index(CALIBRATED)]
        figures["speed"] = speed_chart(
            [arm.title for arm in arms], [speeds[arm.name] for arm in arms], calibrated, xlabel=unit, ylabel=what
        )
    return tuple(write_figure(figure, out / f"{name}.png") for name, figure in figures.items())


def _pairs(tables: StudyTables, *, protocol: str, radius_px: float, xlabel: str) -> Figure:
    titles = dict(zip(tables.arms["arm"], tables.arms["title"], strict=True))
    all_rows = tables.differences
    at = (all_rows["protocol"] == protocol) & (all_rows["radius_px"] == radius_px) & (all_rows["measure"] == "f1")
    rows = all_rows[at].set_index(["better", "other", "decoder"])
    pairs = list(dict.fromkeys((better, other) for better, other, _ in rows.index))
    values, ends = _arrays(rows.to_dict("index"), pairs)
    names = [f"{titles[better]}\nminus {titles[other]}" for better, other in pairs]
    return interval_chart(names, STUDY_DECODERS, values, ends, xlabel=xlabel, zero=True)


def _arrays(rows: Mapping[Any, Mapping[Any, Any]], keys: Sequence[tuple[str, ...]]) -> tuple[Floats, Floats]:
    """Return the means (keys, decoders) and ends of intervals (keys, decoders, 2) of rows by key and decoder."""
    picked = [[rows[(*key, decoder)] for decoder in STUDY_DECODERS] for key in keys]
    values = np.array([[row["mean"] for row in of_key] for of_key in picked], float)
    ends = np.array([[(row["low"], row["high"]) for row in of_key] for of_key in picked], float)
    return values, ends
