"""The tables of a study of localisers, written in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.held_out import CALIBRATED, STUDY_DECODERS
from cellweave.workflows.studies.markdown_parts import (
    CLAIMS_IN_WORDS,
    cell_text,
    claim_text,
    failed_section,
    markdown_table,
    plain,
)
from cellweave.workflows.studies.scores import CLASS_RATES
from cellweave.workflows.studies.table_rows import titles_of
from cellweave.workflows.studies.tables import StudyTables

DETAILS = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "mean_class_f1": "mean class F1",
    "mae": "MAE",
    "rmse": "RMSE",
}
MEASURES_IN_WORDS = {"f1": "F1 of all cells", "mean_class_f1": "mean F1 of the classes"}
CLAIMED = {"f1": "F1", "mean_class_f1": "mean class F1", "mae": "MAE"}
COUNTED = ("mae", "rmse")

HOW_TO_READ = (
    "Mean over seeds ± their standard deviation; in brackets its 95 % bootstrap interval, for which both patients (or "
    "slides) and seeds are drawn with replacement. With few of either it is too narrow."
)
DECODERS_IN_WORDS = (
    f"`ccls` and `lmds` read cells with the settings of their sources; `{CALIBRATED}` with a window and threshold that "
    "were chosen, by F1, on held-out images of other patients than those that they are scored on."
)


def markdown(
    design: Design,
    tables: StudyTables,
    *,
    about: Sequence[str],
    radii_px: Sequence[float],
    radius_px: float,
    protocol: str,
) -> str:
    """Return all tables of a study as one Markdown text.

    Args:
        design: Of the study.
        tables: Its tables.
        about: Facts to begin with, one sentence each.
        radii_px: All radii.
        radius_px: The one of the overview.
        protocol: Scoring protocol.
    """
    parts = [f"# {design.title}", "\n".join(f"- {fact}" for fact in (*about, HOW_TO_READ, DECODERS_IN_WORDS))]
    if not tables.scores.empty:
        parts += [
            f"## {overview_title(design, radius_px=radius_px)}, protocol {protocol}",
            markdown_table(
                overview_columns(design, tables),
                overview_rows(design, tables, radius_px=radius_px, protocol=protocol),
            ),
        ]
    if not tables.differences.empty:
        parts += [
            "## Claims",
            CLAIMS_IN_WORDS.format(units="images"),
            markdown_table(
                CLAIM_COLUMNS,
                claim_rows(tables, protocol=protocol, radii_px=radii_px, decoders=shown_decoders(design)),
            ),
        ]
    if not tables.scores.empty:
        for decoder in shown_decoders(design):
            for radius in radii_px:
                parts += [
                    f"## Read by `{decoder}`, within {radius:g} px",
                    markdown_table(("arm", *DETAILS.values()), _details(tables, decoder, radius, protocol)),
                ]
        if len(tables.labels) > 1:
            decoder = shown_decoders(design)[-1]
            parts += [
                f"## Classes, read by `{decoder}`, within {radius_px:g} px",
                markdown_table(
                    ("arm", "class", *(DETAILS[rate] for rate in CLASS_RATES)),
                    _classes(tables, decoder, radius_px, protocol),
                ),
            ]
    return "\n\n".join([*parts, *failed_section(tables.arms)]) + "\n"


def speed_column(tables: StudyTables) -> tuple[str, str]:
    """Return the column of the speeds, and what to call it: per second of a core where all are known."""
    per_core = "megapixels_per_core_second"
    known = tables.arms.loc[tables.arms["failed"] == "", per_core].notna().all()
    return (per_core, "MP/s a core") if known else ("megapixels_per_second", "MP/s")


def costs_differ(tables: StudyTables) -> bool:
    """Return whether the arms' networks differ in size."""
    return len(tables.arms) > 0 and tables.arms["parameters"].nunique() > 1


def shown_decoders(design: Design) -> tuple[str, ...]:
    """Return the decoders that tables and figures of a study are of."""
    return design.decoders or STUDY_DECODERS


def overview_title(design: Design, *, radius_px: float) -> str:
    """Return what :func:`overview_rows` are, in words."""
    what = " and ".join(MEASURES_IN_WORDS[measure] for measure in design.measures)
    decoders = shown_decoders(design)
    by = f", read by `{decoders[0]}`" if len(decoders) == 1 else ""
    return f"{what} within {radius_px:g} px{by}"


def overview_columns(design: Design, tables: StudyTables) -> tuple[str, ...]:
    """Return the names of the columns of :func:`overview_rows`: of the decoders, of the measures, or of both."""
    cost = ("parameters", speed_column(tables)[1], "s a step") if costs_differ(tables) else ()
    decoders = shown_decoders(design)
    if len(design.measures) == 1:
        return ("arm", "seeds", *cost, *decoders)
    names = [DETAILS[measure] for measure in design.measures]
    if len(decoders) > 1:
        names = [f"{name}, {decoder}" for decoder in decoders for name in names]
    return ("arm", "seeds", *cost, *names)


def overview_rows(design: Design, tables: StudyTables, *, radius_px: float, protocol: str) -> list[tuple[str, ...]]:
    """Return the scores of every arm by the study's decoders and measures, with the cost of the arms where it differs.

    Without more said, the scores are F1 of all cells by every decoder.
    """
    rows = []
    for one in tables.arms.to_dict("records"):
        cost: tuple[str, ...] = ()
        if costs_differ(tables):
            millions = f"{one['parameters'] / 1e6:.2f} M"
            cost = (millions, plain(one[speed_column(tables)[0]], 2), plain(one["seconds_per_step"], 3))
        scores = (
            _cell(tables.row(one["arm"], decoder=decoder, protocol=protocol, radius_px=radius_px, measure=measure))
            for decoder in shown_decoders(design)
            for measure in design.measures
        )
        rows.append((str(one["title"]), str(one["seeds"]), *cost, *scores))
    return rows


CLAIM_COLUMNS = ("claim", "decoder", "radius", "measure", "difference", "verdict")


def claim_rows(
    tables: StudyTables,
    *,
    protocol: str,
    radii_px: Sequence[float],
    measures: Sequence[str] = tuple(CLAIMED),
    decoders: Sequence[str] = STUDY_DECODERS,
) -> list[tuple[str, ...]]:
    """Return the differences of all pairs, as text; errors of counts are those at the first radius."""
    titles = titles_of(tables.arms)
    rows: list[tuple[str, ...]] = []
    for one in tables.differences.to_dict("records"):
        counted = one["measure"] in COUNTED
        wanted = one["measure"] in measures and one["decoder"] in decoders and one["radius_px"] in radii_px
        if not wanted or one["protocol"] != protocol or (counted and one["radius_px"] != radii_px[0]):
            continue
        claim = claim_text(one, titles)
        radius = "" if counted else f"{one['radius_px']:g} px"
        verdict = str(one["verdict"])
        rows.append((claim, str(one["decoder"]), radius, CLAIMED[one["measure"]], _cell(one, signed=True), verdict))
    return rows


def _details(tables: StudyTables, decoder: str, radius_px: float, protocol: str) -> list[tuple[str, ...]]:
    rows = []
    for arm, title in zip(tables.arms["arm"], tables.arms["title"], strict=True):
        cells = (
            _cell(tables.row(arm, decoder=decoder, protocol=protocol, radius_px=radius_px, measure=measure))
            for measure in DETAILS
        )
        rows.append((str(title), *cells))
    return rows


def _classes(tables: StudyTables, decoder: str, radius_px: float, protocol: str) -> list[tuple[str, ...]]:
    """Return F1, precision and recall of every class, a row for every arm that has scores and class."""
    return [
        (
            str(title),
            label,
            *(
                _cell(
                    tables.row(arm, decoder=decoder, protocol=protocol, radius_px=radius_px, measure=f"{rate}:{label}")
                )
                for rate in CLASS_RATES
            ),
        )
        for arm, title in zip(tables.arms["arm"], tables.arms["title"], strict=True)
        if arm in set(tables.scores["arm"])
        for label in tables.labels[1:]
    ]


def _cell(row: pd.Series[Any] | Mapping[Any, Any] | None, *, signed: bool = False) -> str:
    """Return mean ± sd [low, high] of a row as text; a dash where there is none."""
    counted = row is not None and row["measure"] in COUNTED
    return cell_text(row, signed=signed, digits=1 if counted else 3)
