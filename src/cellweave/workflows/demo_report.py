"""The report of a localiser: its data, training, calibration, cells and scores on one page."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from cellweave import __version__
from cellweave.core import Cells, Length
from cellweave.data import CellDataset, RgbImage
from cellweave.metrics import ALL, CellScores, match_cells, radius_key
from cellweave.report import (
    Headline,
    ImageGrid,
    Listing,
    Paragraph,
    Picture,
    Report,
    Table,
    count_scatter,
    draw_cells,
    draw_comparison,
    learning_curves,
    score_bars,
    threshold_curves,
)
from cellweave.training import read_log
from cellweave.workflows.locate import LocateSummary
from cellweave.workflows.train import TrainingSummary

SHOWN = 6
"""Images shown at most."""


@dataclass(frozen=True, slots=True, eq=False)
class LocatedImage:
    """An image with its annotated and its predicted cells; its pixels are read when they are drawn."""

    dataset: CellDataset
    name: str
    truth: Cells
    predicted: Cells

    @property
    def pixels(self) -> RgbImage:
        """The image, uint8 (H, W, 3)."""
        return self.dataset.read_image(self.name)

    def compared(self, radius: Length, *, scale: float = 1.0) -> RgbImage:
        """Return the image with hits, misses and false alarms drawn."""
        radius_px = radius.to_px(mpp=self.truth.mpp)
        match = match_cells(self.truth, self.predicted, radius_px, "greedy")
        found = np.flatnonzero(match >= 0)
        return draw_comparison(
            self.pixels,
            self.truth,
            self.predicted,
            matched_truth=found,
            matched_predicted=match[found],
            radius_px=radius_px,
            scale=scale,
            legend=True,
        )


def overview(shown: Sequence[LocatedImage], colours: Mapping[str, str], radius: Length) -> RgbImage:
    """Return one picture of up to three images: as they are, with cells by class, compared with the annotation."""
    side = 384
    columns = []
    for one in shown[:3]:
        pixels = one.pixels
        scale = side / pixels.shape[1]
        plain = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        by_class = draw_cells(pixels, one.predicted, colours, scale=scale, legend=True)
        rows = [plain, by_class, one.compared(radius, scale=scale)]
        columns.append(np.vstack([np.asarray(row)[:, :side] for row in rows]))
    height = max(column.shape[0] for column in columns)
    padded = [np.pad(c, ((0, height - len(c)), (4, 4), (0, 0)), constant_values=255) for c in columns]
    return np.asarray(np.hstack(padded), np.uint8)


def localisation_report(
    dataset: CellDataset,
    split: str,
    trained: TrainingSummary,
    located: LocateSummary,
    scores: CellScores,
    *,
    radius: Length,
    shown: Sequence[LocatedImage],
    seed: int,
) -> Report:
    """Return the report of a localiser trained on a data set and scored on one of its splits."""
    key = radius_key(radius)
    whole = scores.row(ALL, radius)
    mean_class = scores.mean_class_f1[key]
    within = f"{radius.value:g} {'µm' if radius.unit == 'um' else 'px'}"
    classes = "" if mean_class is None else f", {mean_class:.3f} on average over the classes"
    f1 = 0.0 if whole.f1 is None else whole.f1
    report = Report(
        f"Cell localiser: {dataset.name}",
        f"On {scores.images} {split} images the localiser finds cells within {within} with F1 {f1:.3f}{classes}.",
        headlines=[
            Headline(f"{f1:.3f}", f"F1 within {within}", "all cells, regardless of class"),
            Headline("–" if mean_class is None else f"{mean_class:.3f}", "mean class F1", "position and class right"),
            Headline(f"{scores.mae:.1f}", "cells miscounted", "mean absolute error an image"),
            Headline(f"{located.megapixels / located.seconds:.1f}", "megapixels a second", "locating"),
        ],
    )
    _add_data(report, dataset)
    _add_training(report, trained)
    _add_cells(report, shown, split, radius)
    _add_scores(report, dataset, scores, radius, shown, split)
    _add_origin(report, dataset, trained, seed, split)
    return report


def _add_data(report: Report, dataset: CellDataset) -> None:
    names = dataset.names("training")[:SHOWN]
    pictures = [
        draw_cells(dataset.read_image(name), dataset.read_cells(name), dataset.colours, legend=True) for name in names
    ]
    rows: list[list[str | int | float | None]] = []
    for split, images in dataset.images.groupby("split", sort=False):
        labels = dataset.cells.loc[dataset.cells["image"].isin(images["image"]), "label"]
        counts = [int((labels == name).sum()) for name in dataset.class_names]
        rows.append([str(split), len(images), images["group"].nunique(), len(labels), *counts])
    header = ["split", "images", "groups", "cells", *dataset.class_names]
    report.add_section(
        "Data",
        Paragraph(f"{dataset.source}. Licence: {dataset.licence}."),
        Table(header, rows, "Images and annotated cells."),
        ImageGrid(pictures, names, caption="Training images with their annotated cells."),
    )


def _add_training(report: Report, trained: TrainingSummary) -> None:
    validated = trained.metrics["cross_validation"]
    log = read_log(trained.model / "training" / "final" / "log.csv")
    parts = [name for name in ("map", "classes") if name in log.columns]
    table = np.array(validated["f1_by_window_and_threshold"])
    curves = {f"{window} px": values for window, values in zip(validated["windows_px"], table, strict=True)}
    chosen = (f"{validated['window_px']} px", float(validated["threshold"]))
    report.add_section(
        "Training and calibration",
        Paragraph(
            f"{trained.metrics['training']['steps']} steps. Window and threshold are chosen by "
            f"{validated['folds']}-fold cross-validation over {validated['groups']} groups, with networks of "
            f"{validated['steps_per_fold']} steps: out of fold F1 {validated['f1']:.3f} within "
            f"{validated['radius_px']:g} px."
        ),
        Picture(learning_curves(log, columns=parts or ["loss"]), "Losses of the final network."),
        Picture(
            threshold_curves(validated["thresholds"], curves, ylabel="F1", chosen=chosen, ordered=True),
            "F1 out of fold for every window and threshold tried.",
        ),
    )


def _add_cells(report: Report, shown: Sequence[LocatedImage], split: str, radius: Length) -> None:
    some = shown[:SHOWN]
    report.add_section(
        "Cells found",
        ImageGrid(
            [one.compared(radius) for one in some],
            [one.name for one in some],
            caption=f"Images of the {split} split: rings are annotated cells, dots predicted ones.",
        ),
    )


def _add_scores(
    report: Report,
    dataset: CellDataset,
    scores: CellScores,
    radius: Length,
    shown: Sequence[LocatedImage],
    split: str,
) -> None:
    rows = [row for row in scores.rows if row.radius == radius]
    values = np.array([[row.precision, row.recall, row.f1] for row in rows], dtype=float)
    ends = np.full((*values.shape, 2), np.nan)
    for i, row in enumerate(rows):
        for j, name in enumerate(("precision", "recall", "f1")):
            if row.intervals is not None and row.intervals[name] is not None:
                ends[i, j] = row.intervals[name]
    counts = {ALL: ([len(one.truth) for one in shown], [len(one.predicted) for one in shown])} | {
        name: ([one.truth.counts()[name] for one in shown], [one.predicted.counts()[name] for one in shown])
        for name in dataset.class_names
    }
    table = [
        [
            row.label,
            *(None if np.isnan(v) else float(v) for v in values[i]),
            _interval(ends[i, 2]),
            row.tp,
            row.fp,
            row.fn,
        ]
        for i, row in enumerate(rows)
    ]
    header = ["label", "precision", "recall", "F1", "95 % interval of F1", "found", "false alarms", "missed"]
    report.add_section(
        "Scores",
        Paragraph(
            f"Protocol {scores.protocol}; intervals by bootstrap over {scores.groups} groups of the {split} split. "
            + " ".join(scores.notes)
        ),
        Table(header, table),
        Picture(
            score_bars([row.label for row in rows], values, intervals=ends, colours=dataset.colours),
            "Precision, recall and F1 with 95 % intervals.",
        ),
        Picture(count_scatter(counts, colours=dataset.colours), "Numbers of cells, true and predicted, an image each."),
    )


def _interval(ends: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str | None:
    return None if np.isnan(ends).any() else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _add_origin(report: Report, dataset: CellDataset, trained: TrainingSummary, seed: int, split: str) -> None:
    rows = [
        ["cellweave", __version__],
        ["Python", platform.python_version()],
        ["torch", torch.__version__],
        ["hardware", trained.metrics["training"]["hardware"]],
        ["seed", str(seed)],
        ["data checksum", dataset.checksum[:16]],
    ]
    steps = trained.metrics["training"]["steps"]
    commands = (
        f"cellweave train locator --data {dataset.root} --out model --steps {steps} --seed {seed}\n"
        f"cellweave locate --data {dataset.root} --split {split} --model model --out predicted\n"
        f"cellweave score cells --truth {dataset.root} --split {split} --pred predicted --protocol greedy --radius-um 3"
    )
    report.add_section("How this was made", Table(["", ""], rows), Listing(commands))
