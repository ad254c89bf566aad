"""The whole path on one page: a data set, a localiser trained on it, its cells, its scores, a report."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cellweave import __version__
from cellweave.core import Cells
from cellweave.core.devices import choose_device, device_description
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset, RgbImage
from cellweave.data.phantom import write_phantom_dataset
from cellweave.metrics import CellScores
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
from cellweave.workflows.locate import locate_images
from cellweave.workflows.score import read_predictions, score_dataset
from cellweave.workflows.train import TrainingSummary, train_locator

RADIUS_UM = 3.0
"""Radius of the scores, 6 px at 20x."""

SHOWN = 6
"""Images shown."""
