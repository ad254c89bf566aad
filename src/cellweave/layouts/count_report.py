"""How many cells were asked for and how many were made, in a whole run, before any correction and after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellweave.core import InvalidInputError
from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.corrections import Correction, CountRecord
from cellweave.layouts.training_counts import TrainingCounts


def count_report(
    records: Sequence[CountRecord],
    *,
    classes: Sequence[str],
    categories: CountingCategories,
    training_counts: TrainingCounts | None = None,
    asked: Mapping[str, int] | None = None,
    correction: Correction | None = None,
) -> dict[str, Any]:
    """Return the counts of a run for ``counts.json``.

    Args:
        records: Of all layouts of the run.
        classes: Names of the classes.
        categories: Of the model.
        training_counts: Of the model, if it is told counts.
        asked: Counts that the user asked for; those of the other classes were lent by training crops.
        correction: How the layouts were corrected.

    Returns:
        ``before_correction``: mean cells made, the share of layouts that meet their request (``met``; null where
        nothing is asked for), and, by what the model is told, ``categories`` with one entry a category, or ``counts``
        with mean absolute errors in cells and relative to the mean count asked for, of classes and of all cells, and
        for all cells the share of layouts in the same fifth of the training crops as the number asked for
        (``in_fifth``), by ``fifth_bounds``; both null where the crops' numbers of cells do not tell fifths apart.
        ``after_correction``: null, or the share that meets its request after it, with what the correction did.
        ``notes``: sentences to know.

    Raises:
        InvalidInputError: There are no records.
    """
    if not records:
        raise InvalidInputError("a report on counts needs at least one layout.")
    made = np.array([one.made for one in records])
    before: dict[str, Any] = {
        "mean_cells": float(made.sum(axis=1).mean()),
        "mean_cells_by_class": dict(zip(classes, made.mean(axis=0).tolist(), strict=True)),
        "met": _share_met(records, categories),
    }
    request = records[0].request
    if request.category is not None:
        before["categories"] = _by_category(records, categories)
    if request.counts is not None:
        fifths = None if training_counts is None else training_counts.fifths()
        before["counts"] = _by_class(records, classes, asked or {}, fifths)
    return {
        "layouts": len(records),
        "windows": request.windows,
        "before_correction": before,
        "after_correction": None if correction is None else _after(records, correction),
        "notes": _notes(records, classes, training_counts, asked),
    }


def count_line(report: Mapping[str, Any]) -> str:
    """Return a report in one line."""
    before, after = report["before_correction"], report["after_correction"]
    parts = [f"{before['mean_cells']:.1f} cells on average"]
    if "categories" in before:
        parts.append(f"{before['met']:.0%} in the counting category asked for")
    if "counts" in before:
        error, relative = before["counts"]["mean_absolute_error"], before["counts"]["relative_error"]
        share = "" if relative is None else f" ({relative:.1%})"
        whole = before["counts"]["all_cells"]["relative_error"]
        total = "" if whole is None else f", all cells together by {whole:.1%}"
        in_fifth = before["counts"]["all_cells"]["in_fifth"]
        fifth = "" if in_fifth is None else f", {in_fifth:.0%} have a total in the fifth asked for"
        parts.append(
            f"a class misses its count by {error:.1f} cells{share}{total}{fifth}, {before['met']:.0%} meet all counts"
        )
    line = "counts before correction: " + ", ".join(parts)
    if after is None:
        return line
    done = (
        f"{after['cells_removed']} cells trimmed"
        if after["kind"] == "trim"
        else f"acceptance rate {after['acceptance_rate']:.0%} of {after['tries']} tries"
    )
    met = "" if after["met"] is None else f", {after['met']:.0%} meet the request"
    return f"{line}; after it: {done}{met}"


def _share_met(records: Sequence[CountRecord], categories: CountingCategories) -> float | None:
    if not records[0].request.asks:
        return None
    return float(np.mean([one.request.is_met(one.made, categories) for one in records]))


def _by_category(records: Sequence[CountRecord], categories: CountingCategories) -> dict[str, Any]:
    each = []
    for category in range(categories.number):
        chosen = [one for one in records if one.request.category == category]
        if chosen:
            totals = [sum(one.made) for one in chosen]
            met = sum(one.request.is_met(one.made, categories) for one in chosen)
            each.append(
                {
                    "category": category,
                    "asked": len(chosen),
                    "met": met,
                    "share": met / len(chosen),
                    "mean_cells": float(np.mean(totals)),
                }
            )
    return {"bounds": list(categories.bounds), "each": each}


def _by_class(
    records: Sequence[CountRecord],
    classes: Sequence[str],
    asked: Mapping[str, int],
    fifths: CountingCategories | None,
) -> dict[str, Any]:
    wanted = np.array([one.request.counts for one in records], float)
    missed = np.array([one.request.misses(one.made) for one in records], float)
    total = np.abs(np.array([one.made for one in records], float).sum(axis=1) - wanted.sum(axis=1))
    each = {
        name: {
            "asked_by": "user" if name in asked else "training crop",
            "mean_asked": float(wanted[:, label].mean()),
            "mean_absolute_error": float(missed[:, label].mean()),
            "relative_error": _relative(missed[:, label].sum(), wanted[:, label].sum()),
        }
        for label, name in enumerate(classes)
    }
    return {
        "mean_absolute_error": float(missed.mean()),
        "relative_error": _relative(missed.sum(), wanted.sum()),
        "all_cells": {
            "mean_absolute_error": float(total.mean()),
            "relative_error": _relative(total.sum(), wanted.sum()),
            "in_fifth": None if fifths is None else _share_in_bin(records, fifths),
            "fifth_bounds": None if fifths is None else list(fifths.bounds),
        },
        "each": each,
    }


def _share_in_bin(records: Sequence[CountRecord], bins: CountingCategories) -> float:
    """Return the share of layouts with as many cells, on the area of a training crop, as the bin asked for holds."""
    windows = np.array([one.request.windows for one in records])
    asked = np.array([sum(one.request.counts or ()) for one in records])
    made = np.array([sum(one.made) for one in records])
    return float(np.mean(bins.of(made / windows) == bins.of(asked / windows)))


def _relative(missed: float, wanted: float) -> float | None:
    return float(missed / wanted) if wanted else None


def _after(records: Sequence[CountRecord], correction: Correction) -> dict[str, Any]:
    tries = sum(one.tries for one in records)
    accepted = sum(one.met for one in records)
    kept = np.array([one.kept for one in records])
    said: dict[str, Any] = {
        "kind": correction,
        "mean_cells": float(kept.sum(axis=1).mean()),
        "met": accepted / len(records) if records[0].request.asks else None,
    }
    if correction == "trim":
        return {**said, "cells_removed": int(sum(sum(one.made) - sum(one.kept) for one in records))}
    return {**said, "tries": tries, "acceptance_rate": accepted / tries, "given_up": len(records) - accepted}


def _notes(
    records: Sequence[CountRecord],
    classes: Sequence[str],
    training_counts: TrainingCounts | None,
    asked: Mapping[str, int] | None,
) -> list[str]:
    notes = []
    if training_counts is not None:
        lent = [name for name in classes if name not in (asked or {})]
        if lent:
            near = "similar counts of the classes asked for" if asked else "counts as they come"
            notes.append(f"counts of {', '.join(lent)} are those of training crops with {near}.")
        if asked:
            found = (training_counts.unusual(one.request.counts or (), windows=one.request.windows) for one in records)
            notes += list(dict.fromkeys(one for one in found if one))[:1]
    if records[0].request.windows != 1:
        told = "the category is that of every window" if records[0].request.category is not None else None
        if records[0].request.counts is not None:
            told = "every window is told its share of the counts by area"
        if told:
            notes.append(f"layouts are {records[0].request.windows:g} times the training crop: {told}.")
    return notes
