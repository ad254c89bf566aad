"""The figures of a study of localisers, drawn from its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cellweave.report.study_figures import interval_chart, interval_curves, speed_chart
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.figure_rows import means_and_ends, rows_of_pairs
from cellweave.workflows.studies.files import write_figure
from cellweave.workflows.studies.held_out import CALIBRATED
from cellweave.workflows.studies.markdown import MEASURES_IN_WORDS, costs_differ, shown_decoders, speed_column
from cellweave.workflows.studies.table_rows import titles_of
from cellweave.workflows.studies.tables import StudyTables


def draw_study(design: Design, tables: StudyTables, out: Path, *, protocol: str, radius_px: float) -> tuple[Path, ...]:
    """Write the figures of a study as PNG files and return where they are; none where no arm has scores.

    ``f1.png``: arms side by side, or along the study's axis. ``differences.png``: the pairs. ``speed.png``: score
    against speed, where arms differ in it. Other measures of the study than F1 have
    figures of their own, named after them.

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
    figures: dict[str, Figure] = {}
    decoders = shown_decoders(design)
    for measure in design.measures:
        what = f"{MEASURES_IN_WORDS[measure]} within {radius_px:g} px, protocol {protocol}"
        scores = _at(tables.scores, measure, protocol, radius_px)
        arms = [arm for arm in design.arms if (scores["arm"] == arm.name).any()]
        by_place = scores.set_index(["arm", "decoder"]).to_dict("index")
        values, ends = means_and_ends([[by_place[arm.name, decoder] for decoder in decoders] for arm in arms])
        if np.isnan(values).all():
            continue  # without classes they have no scores
        if design.axis is None:
            figures[measure] = interval_chart([arm.title for arm in arms], decoders, values, ends, xlabel=what)
        else:
            x = [float(arm.value) for arm in arms if arm.value is not None]
            figures[measure] = interval_curves(x, decoders, values, ends, xlabel=design.axis, ylabel=what)
        if not tables.differences.empty:
            rows = _at(tables.differences, measure, protocol, radius_px)
            name = "differences" if measure == "f1" else f"{measure}_differences"
            figures[name] = _pairs(rows, tables, decoders, xlabel=f"Difference in {what}")
        if measure == "f1" and costs_differ(tables):
            column, unit = speed_column(tables)
            speeds = tables.arms.set_index("arm")[column]
            calibrated = values[:, decoders.index(CALIBRATED)]
            figures["speed"] = speed_chart(
                [arm.title for arm in arms], [speeds[arm.name] for arm in arms], calibrated, xlabel=unit, ylabel=what
            )
    return tuple(write_figure(figure, out / f"{name}.png") for name, figure in figures.items())


def _at(table: pd.DataFrame, measure: str, protocol: str, radius_px: float) -> pd.DataFrame:
    wanted = (table["protocol"] == protocol) & (table["radius_px"] == radius_px) & (table["measure"] == measure)
    return table[wanted]


def _pairs(differences: pd.DataFrame, tables: StudyTables, decoders: Sequence[str], *, xlabel: str) -> Figure:
    names, rows = rows_of_pairs(differences, titles_of(tables.arms), column="decoder", columns=decoders)
    values, ends = means_and_ends(rows)
    return interval_chart(names, decoders, values, ends, xlabel=xlabel, zero=True)
