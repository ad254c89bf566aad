"""How fast a network is by itself."""

from __future__ import annotations

import time
from typing import NamedTuple

import torch

from cellweave.localization.inference import Predictor

SIDE_PX = 512
REPEATS = 3


class Speeds(NamedTuple):
    """Speed of a network, measured several times.

    Attributes:
        per_second: Megapixels a second, by the clock.
        per_core_second: Megapixels a second of work of a core, which hardly depends on what else the machine does;
            empty where the work is not a CPU's.
    """

    per_second: list[float]
    per_core_second: list[float]


@torch.inference_mode()
def measure_speeds(predictor: Predictor) -> Speeds:
    """Return the speed of a network on one square of random pixels.

    The network alone, as the predictor runs it: no reading, no tiles, no peaks. The first run, which warms up, is not
    counted.
    """
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((1, 3, SIDE_PX, SIDE_PX), generator=generator).to(predictor.device, predictor.dtype)
    image = image.contiguous(memory_format=torch.channels_last)
    megapixels = SIDE_PX**2 / 1e6
    speeds = Speeds([], [])
    for repeat in range(1 + REPEATS):
        start, worked = time.perf_counter(), time.process_time()
        heights, _ = predictor.network(image)
        heights.float().sum().item()  # waits for a device that works on its own
        if repeat > 0:
            speeds.per_second.append(round(megapixels / (time.perf_counter() - start), 4))
            if predictor.device.type == "cpu":
                speeds.per_core_second.append(round(megapixels / (time.process_time() - worked), 4))
    return speeds
