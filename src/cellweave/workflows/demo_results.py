"""Everything that a demonstration made, as its report takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellweave.core import Cells, Length
from cellweave.data import CellDataset, RgbImage
from cellweave.metrics import CellScores, ImageScores, LayoutScores, match_cells
from cellweave.report import draw_comparison
from cellweave.workflows.demo_comparison import Comparison
from cellweave.workflows.demo_plan import DemoPlan
from cellweave.workflows.demo_record import DemoRecord, Part
from cellweave.workflows.locate import LocateSummary
from cellweave.workflows.train import TrainingSummary


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

    def compared(self, radius: Length, *, scale: float = 1.0, legend: bool = True) -> RgbImage:
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
            legend=legend,
        )


@dataclass(frozen=True, slots=True, eq=False)
class LocatorArm:
    """One of the two localisers: its training, what it found, and how good that is.

    Attributes:
        name: What it has learnt from, in words.
        short: The same in a word or two, for tables.
        trained: Its training.
        located: How it went through the images.
        scores: Of what it found.
        images: The images, with the cells that it found.
    """

    name: str
    short: str
    trained: TrainingSummary
    located: LocateSummary
    scores: CellScores
    images: Sequence[LocatedImage]

    @property
    def steps(self) -> int:
        """Steps of its final network."""
        return int(self.trained.metrics["training"]["steps"])


@dataclass(frozen=True, slots=True, eq=False)
class DemoResults:
    """What a demonstration made.

    Attributes:
        out: Its folder.
        real: The real data set.
        phantom: Whether it is phantom tissue that the demonstration made.
        split: Split that the localisers are scored on.
        radius: Of the scores.
        seed: Of everything random.
        minutes: Asked for, for everything.
        plan: How they were divided.
        changes: Changes of the recipes, by kind of model.
        record: Parts and their times.
        layouts: Training of the layout model.
        images: Training of the image model.
        synthetic: The synthetic data set.
        layout_scores: Of the synthetic layouts; in words why there are none, where they cannot be scored.
        image_scores: Of the synthetic images.
        arms: The localiser trained on real images only, and that trained on synthetic ones as well.
        comparison: Of the two.
    """

    out: Path
    real: CellDataset
    phantom: bool
    split: str
    radius: Length
    seed: int
    minutes: float
    plan: DemoPlan
    changes: dict[str, tuple[str, ...]]
    record: DemoRecord
    layouts: TrainingSummary
    images: TrainingSummary
    synthetic: CellDataset
    layout_scores: LayoutScores | str
    image_scores: ImageScores
    arms: tuple[LocatorArm, LocatorArm]
    comparison: Comparison

    @property
    def parts(self) -> dict[str, Part]:
        """The parts, by name, but for the report: while it is first written, its time is not known."""
        return {name: part for name, part in self.record.parts.items() if name != "report"}

    @property
    def seconds(self) -> float:
        """Time that they took."""
        return sum(part.seconds for part in self.parts.values())

    @property
    def within(self) -> str:
        """The radius in words."""
        return f"{self.radius.value:g} {'µm' if self.radius.unit == 'um' else 'px'}"
