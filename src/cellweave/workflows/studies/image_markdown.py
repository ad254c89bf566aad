"""The tables of a study of image models, written in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.image_measures import FID_POSITION, KID_POSITION, SECONDS
from cellweave.workflows.studies.image_tables import ImageTables, reference_of
from cellweave.workflows.studies.image_units import GROUPS, groups_in_words, missing_in_words
from cellweave.workflows.studies.markdown_parts import (
    CLAIMS_IN_WORDS,
    cell_text,
    claim_text,
    failed_section,
    markdown_table,
    plain,
)
from cellweave.workflows.studies.table_rows import titles_of

HOW_TO_READ = (
    "Mean over seeds ± their standard deviation; in brackets its 95 % bootstrap interval, for which {units} and the "
    "seeds are drawn with replacement, the same for all arms. With few of either it is too narrow."
)
MEASURES_IN_WORDS = (
    "KID, FID and IS of squares of 32 µm ({tiles} on either side), features by the {encoder}. Seconds are medians, "
    "beside whatever else ran."
)
POSITIONS_IN_WORDS = (
    "Positions: 0 is the distance of other real patches, of the images learnt from; 1 that of flat dots in the real "
    "colours at the real cells. Where dots are hardly farther than real patches there is no position."
)
CLAIM_COLUMNS = ("claim", "measure", "difference", "verdict")

_REFERENCES = {"real": "the real patches themselves", "learnt": "other real patches", "dots": "flat dots"}
_DIGITS = {"KID": 4, "FID": 2, SECONDS: 2}


def image_markdown(
    design: Design, tables: ImageTables, *, about: Sequence[str], encoder: str, fidelity: str = ""
) -> str:
    """Return all tables of a study as one Markdown text.

    Args:
        design: Of the study.
        tables: Its tables.
        about: Facts to begin with, one sentence each.
        encoder: What features are of.
        fidelity: What F1 is, one sentence; empty where it is not measured.
    """
    counts = sorted(set(tables.tiles.values()))
    words = MEASURES_IN_WORDS.format(tiles=" or ".join(str(count) for count in counts) or "none", encoder=encoder)
    drawn = groups_in_words(tables.group_counts())
    facts = [*about, HOW_TO_READ.format(units=drawn), *filter(None, [missing(tables), words, fidelity])]
    if {KID_POSITION, FID_POSITION} & {*tables.measures()}:
        facts.append(POSITIONS_IN_WORDS)
    if counts and counts[0] <= tables.features:
        facts.append(f"No FID: {counts[0]} squares do not fix the covariance of {tables.features} features.")
    parts = [f"# {design.title}", "\n".join(f"- {fact}" for fact in facts)]
    if not tables.scores.empty:
        parts += ["## Scores", markdown_table(score_columns(tables), score_rows(tables))]
    rows = claim_rows(tables)
    if rows:
        parts += ["## Differences", CLAIMS_IN_WORDS.format(units=GROUPS), markdown_table(CLAIM_COLUMNS, rows)]
    return "\n\n".join([*parts, *failed_section(tables.arms)]) + "\n"


def missing(tables: ImageTables) -> str:
    """Return what cannot be told because there are too few groups, one sentence; empty where nothing is missing."""
    return missing_in_words(tables.group_counts(), tables.without_interval())


def score_columns(tables: ImageTables) -> tuple[str, ...]:
    """Return the names of the columns of :func:`score_rows`."""
    return ("arm", "seeds", *tables.measures())


def score_rows(tables: ImageTables) -> list[tuple[str, ...]]:
    """Return the measures of every arm, then those of real patches and of dots, as text."""
    measures = tables.measures()
    rows = [
        (
            str(one["title"]),
            str(one["seeds"]),
            *(cell_text(tables.row(one["arm"], measure), digits=_DIGITS.get(measure, 3)) for measure in measures),
        )
        for one in tables.arms.to_dict("records")
    ]
    # arms of one magnification share their references; those of others have their own
    groups = {"": list(tables.tiles)} if tables.alike else {f", {t}": [a] for a, t in titles_of(tables.arms).items()}
    for suffix, arms in groups.items():
        for kind, words in _REFERENCES.items():
            values = [reference_of(tables, kind, measure, arms) for measure in measures]
            if not all(map(math.isnan, values)):
                cells = (plain(value, _DIGITS.get(m, 3)) for value, m in zip(values, measures, strict=True))
                rows.append((f"{words}{suffix}", "", *cells))
    return rows


def claim_rows(tables: ImageTables, measures: Sequence[str] | None = None) -> list[tuple[str, ...]]:
    """Return the differences of all pairs, as text.

    Args:
        tables: Of the study.
        measures: Those that are wanted; all that are defined when None.
    """
    titles = titles_of(tables.arms)
    rows: list[tuple[str, ...]] = []
    for one in tables.differences.to_dict("records"):
        measure = str(one["measure"])
        if math.isnan(one["mean"]) or (measures is not None and measure not in measures):
            continue
        if not tables.alike and measure in ("KID", "FID", "IS"):
            continue  # of images of different scales, distances do not compare, positions do
        claim = claim_text(one, titles)
        text = cell_text(one, signed=True, digits=_DIGITS.get(measure, 3))
        rows.append((claim, measure, text, str(one["verdict"])))
    return rows
