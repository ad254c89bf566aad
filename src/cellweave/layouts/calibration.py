"""Choosing how a layout model's peaks are read: on training crops that the network restores from noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

from cellweave.core import Cells, torch_generator
from cellweave.core.devices import use_bf16
from cellweave.core.progress import Progress, silent
from cellweave.diffusion import DiffusionProcess, DiffusionUNet, restore
from cellweave.layouts.raster import CLEAN_FINDER, decode_raster
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.layouts.samples import LayoutSamples
from cellweave.maps import PeakFinder
from cellweave.metrics import count_matches

WINDOWS_PX = (3, 5, 7)
THRESHOLDS = tuple(round(0.05 + 0.05 * i, 2) for i in range(16))
CROPS = 96
BATCH = 16
LEVELS = (0.4, 0.55, 0.7)
"""Noise levels, as shares of T, that the crops are restored from."""

F1_SPARED = 0.01
"""F1 that may be given up for a smaller window and a middling threshold."""

COUNT_SPARED = 0.05
"""By how much the number of cells may be wrong, as a share."""

HALF_HEIGHT = 0.5
"""Half the height of a peak."""

STEPS = 10
"""Calls of the network for a restoration."""

FIRST_CROP = 10**9
"""Numbers of the crops used here begin where training never comes."""


@dataclass(frozen=True)
class DecoderCalibration:
    """The chosen peak finder.

    Attributes:
        finder: Of the peaks; that of clean maps for markers.
        f1: Of restored against true cells, classes together, within two raster pixels.
        count_ratio: Restored cells for every true one.
    """

    finder: PeakFinder
    f1: float | None
    count_ratio: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the result for ``metrics.json``."""
        return {
            "window_px": self.finder.window_px,
            "threshold": self.finder.threshold,
            "f1": self.f1,
            "count_ratio": self.count_ratio,
        }


@torch.inference_mode()
def calibrate_finder(
    network: DiffusionUNet,
    process: DiffusionProcess,
    samples: LayoutSamples,
    recipe: LayoutRecipe,
    *,
    classes: tuple[str, ...],
    progress: Progress = silent,
) -> DecoderCalibration:
    """Choose window and threshold so that restored training crops have the right cells.

    Crops are noised to some levels, from which their numbers of cells can still be told, and restored by the sampler,
    so that they are nearly as blurred as generated samples. Of the settings whose F1 is within 0.01 of the best and
    whose number of cells is within 5 % of the true one, it is the smallest window, which tells near cells apart, and
    the threshold nearest to half a peak's height, since samples made from noise alone have more peaks that are lower.
    If there is none, it is the setting with the truest number. Generated layouts play no part, so their counts stay a
    fair measure.

    Args:
        network: Trained, in evaluation mode.
        process: Of the model.
        samples: Of the training.
        recipe: Of the model.
        classes: Names of the classes.
        progress: Called after every crop batch.
    """
    if recipe.channels.cells == "marker":
        return DecoderCalibration(CLEAN_FINDER, None, None)
    device = next(network.parameters()).device
    bf16 = use_bf16("auto", device)
    restored: list[np.ndarray[Any, np.dtype[np.float32]]] = []
    truth: list[Cells] = []
    for start in range(0, CROPS, BATCH):
        indices = range(FIRST_CROP + start, FIRST_CROP + start + BATCH)
        batch = default_collate([dict(samples[i]) for i in indices])
        x0 = batch["x0"].to(device)
        level = int(LEVELS[start // BATCH % len(LEVELS)] * process.steps)
        noise = torch.randn(x0.shape, generator=torch_generator(0, "calibration", start)).to(device)
        x_t = process.noisy(x0, torch.full((len(x0),), level, device=device), noise)
        told = {name: batch[name].to(device) for name in recipe.told}
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            clean = restore(network, process, x_t, level=level, steps=min(STEPS, level + 1), **told)
        restored += list(clean.float().cpu().numpy())
        truth += [decode_raster(one.cpu().numpy(), recipe, samples.scale, classes=classes, mpp=None) for one in x0]
        progress("calibrating the decoder", start + BATCH, CROPS)

    def read(raster: np.ndarray[Any, np.dtype[np.float32]], finder: PeakFinder) -> Cells:
        return decode_raster(raster, recipe, samples.scale, classes=classes, mpp=None, finder=finder)

    return _best(restored, truth, read, radius_px=2.0 * recipe.frame.reduce + 0.01)


def _best(
    restored: list[np.ndarray[Any, np.dtype[np.float32]]],
    truth: list[Cells],
    read: Callable[[np.ndarray[Any, np.dtype[np.float32]], PeakFinder], Cells],
    *,
    radius_px: float,
) -> DecoderCalibration:
    tried: list[tuple[float, float, PeakFinder]] = []
    for window in WINDOWS_PX:
        found = [read(one, PeakFinder(window, THRESHOLDS[0])) for one in restored]
        for threshold in THRESHOLDS:
            counts = np.zeros(3)
            for predicted, true in zip(found, truth, strict=True):
                assert predicted.scores is not None
                counts += count_matches(true, predicted.select(predicted.scores > threshold), radius_px, "greedy")
            tp, fp, fn = counts
            f1 = float(2 * tp / max(2 * tp + fp + fn, 1))
            tried.append((f1, float((tp + fp) / max(tp + fn, 1)), PeakFinder(window, threshold)))
    least = max(one[0] for one in tried) - F1_SPARED
    good = [one for one in tried if one[0] >= least and abs(one[1] - 1) <= COUNT_SPARED]
    f1, ratio, finder = (
        min(good, key=lambda one: (one[2].window_px, abs(one[2].threshold - HALF_HEIGHT)))
        if good
        else min(tried, key=lambda one: abs(np.log(one[1] + 1e-9)))
    )
    return DecoderCalibration(finder, round(f1, 4), round(ratio, 4))
