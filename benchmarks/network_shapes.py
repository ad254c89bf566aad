"""Training steps and inference of the localiser's U-Net in several shapes, side by side in one run.

    python benchmarks/network_shapes.py

Prints, for each shape: parameters, seconds a training step (eight 192-px crops), megapixels a second of inference, and
both as ratios to the default shape. bf16 where it is faster, channels_last.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from cellweave.core.devices import bf16_is_fast, choose_device, device_description
from cellweave.localization.inference import folded
from cellweave.localization.networks import HalfUNet, HalfUNetRecipe

SHAPES = {
    "default": HalfUNetRecipe(),
    "full resolution": HalfUNetRecipe(widths=(24, 48, 96, 192, 256), unshuffle=1),
    "full, 4 levels": HalfUNetRecipe(widths=(24, 48, 96, 192), unshuffle=1),
    "wide": HalfUNetRecipe(widths=(48, 96, 192, 256), unshuffle=2),
}
REPEATS = 7


def main() -> None:
    device = choose_device("cpu")
    half = bf16_is_fast(device)
    print(f"{device_description(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}, bf16 {half}")
    rows = {name: _measure(recipe, half=half) for name, recipe in SHAPES.items()}
    step, rate = rows["default"][1:]
    print(f"{'shape':16} {'parameters':>12} {'s a step':>9} {'ratio':>6} {'MP/s':>6} {'ratio':>6}")
    for name, (parameters, seconds, megapixels) in rows.items():
        ratios = f"{seconds / step:6.2f} {megapixels:6.2f} {megapixels / rate:6.2f}"
        print(f"{name:16} {parameters:12,} {seconds:9.3f} {ratios}")


def _measure(recipe: HalfUNetRecipe, *, half: bool) -> tuple[int, float, float]:
    network = HalfUNet(recipe, map_count=1, class_count=3).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters())
    images = torch.rand(8, 3, 192, 192).to(memory_format=torch.channels_last)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            heights, logits = network(images)
            loss = heights.float().square().mean() + logits.float().square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    seconds = _median(step)
    dtype = torch.bfloat16 if half else torch.float32
    ready = folded(network).to(dtype, memory_format=torch.channels_last)
    image = torch.rand(1, 3, 512, 512).to(dtype, memory_format=torch.channels_last)
    with torch.inference_mode():
        rate = 0.512**2 / _median(lambda: ready(image))
    return sum(p.numel() for p in network.parameters()), seconds, rate


def _median(work: Callable[[], object]) -> float:
    durations = []
    for _ in range(REPEATS + 2):
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations[2:])


if __name__ == "__main__":
    main()
