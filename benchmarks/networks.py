"""All localiser networks at their default settings, side by side in one run: size, training, inference.

    python benchmarks/networks.py [--networks unet hrnet] [--device cpu] [--repeats 3] [--markdown]

Prints, for each network and for those with the gradient aggregation module in their first stage (M_): parameters,
seconds a training step (four 128-px crops, AdamW), megapixels a second at inference (one 512-px image, batch
normalisation folded), and both as ratios to the default network. Medians, with the lowest and highest; bf16 where it is
faster, channels_last, random weights.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from cellweave.core import torch_generator
from cellweave.core.devices import bf16_is_fast, choose_device, device_description
from cellweave.localization import NETWORKS, LocatorNetwork
from cellweave.localization.inference import folded
from cellweave.localization.networks import HalfUNetRecipe, NetworkRecipe
from cellweave.training import initialise

DEFAULT = HalfUNetRecipe().name
BATCH, CROP_PX, IMAGE_PX = 4, 128, 512
HEADER = ("network", "parameters", "s a step", "ratio", "MP/s", "ratio")


class Times(NamedTuple):
    """Seconds of the repeats: their median, the least and the most."""

    median: float
    least: float
    most: float


class Measured(NamedTuple):
    """What one network costs."""

    parameters: int
    step: Times
    inference: Times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--markdown", action="store_true", help="print a table for the docs")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    half = bf16_is_fast(device)
    print(
        f"{device_description(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{'bf16' if half else 'fp32'}; a step of {BATCH} crops of {CROP_PX} px, inference of {IMAGE_PX} px, "
        f"median of {arguments.repeats} (lowest to highest)\n"
    )
    write = _markdown if arguments.markdown else _columns
    write(HEADER)
    if arguments.markdown:
        write(("---", *5 * ("---:",)))
    default = _measure(HalfUNetRecipe(), device, half=half, repeats=arguments.repeats)
    for name, recipe in _recipes(arguments.networks).items():
        measured = default
        if name != DEFAULT:
            measured = _measure(recipe, device, half=half, repeats=arguments.repeats)
        write(_row(name, measured, default))


def _recipes(names: list[str]) -> dict[str, NetworkRecipe]:
    recipes: dict[str, NetworkRecipe] = {}
    for name in [DEFAULT, *(name for name in names if name != DEFAULT)]:
        recipes[name] = NETWORKS[name]()
        if "mga" in NETWORKS[name].model_fields:
            recipes[f"{name}, M_"] = NETWORKS[name].model_validate({"mga": True})
    return recipes


def _measure(recipe: NetworkRecipe, device: torch.device, *, half: bool, repeats: int) -> Measured:
    network = recipe.build(1, 3)
    initialise(network, torch_generator(0, "benchmark"))
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters())
    images = _images(BATCH, CROP_PX, recipe.stride, device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            heights, logits = network(images)
            loss = heights.float().square().mean() + logits.float().square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    step_times = _timed(step, device, repeats)
    inference = _inference(network, recipe, device, half=half, repeats=repeats)
    return Measured(sum(value.numel() for value in network.parameters()), step_times, inference)


@torch.inference_mode()
def _inference(
    network: LocatorNetwork, recipe: NetworkRecipe, device: torch.device, *, half: bool, repeats: int
) -> Times:
    dtype = torch.bfloat16 if half else torch.float32
    ready = folded(network).to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = _images(1, IMAGE_PX, recipe.stride, device).to(dtype)
    return _timed(lambda: ready(image), device, repeats)


def _images(count: int, side: int, stride: int, device: torch.device) -> torch.Tensor:
    if side % stride:
        raise SystemExit(f"images of {side} px are no multiple of the network's stride {stride}")
    images = torch.rand(count, 3, side, side, generator=torch_generator(0, "images"))
    return images.to(device, memory_format=torch.channels_last)


def _timed(work: Callable[[], object], device: torch.device, repeats: int) -> Times:
    durations = []
    for _ in range(repeats + 1):  # the first prepares kernels
        _finish(device)
        start = time.perf_counter()
        work()
        _finish(device)
        durations.append(time.perf_counter() - start)
    return Times(statistics.median(durations[1:]), min(durations[1:]), max(durations[1:]))


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _row(name: str, measured: Measured, default: Measured) -> tuple[str, ...]:
    megapixels = IMAGE_PX**2 / 1e6
    step, inference = measured.step, measured.inference
    return (
        name,
        f"{measured.parameters:,}",
        f"{step.median:.3g} ({step.least:.3g}–{step.most:.3g})",
        f"{step.median / default.step.median:.2f}",
        f"{megapixels / inference.median:.3g} ({megapixels / inference.most:.3g}–{megapixels / inference.least:.3g})",
        f"{default.inference.median / inference.median:.2f}",
    )


def _columns(cells: tuple[str, ...]) -> None:
    name, parameters, step, slower, rate, faster = cells
    print(f"{name:18} {parameters:>12} {step:>22} {slower:>6} {rate:>22} {faster:>6}", flush=True)


def _markdown(cells: tuple[str, ...]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
