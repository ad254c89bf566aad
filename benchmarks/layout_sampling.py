"""Layouts a second: ours beside the layout paper's protocol, on the same network, each factor by itself, in one run.

    python benchmarks/layout_sampling.py [--model layouts-brca-m2c] [--layouts 8] [--paper-layouts 2] [--clock cpu]

The paper's protocol: one layout at a time, DDIM with 100 steps, fp32, decoded by a watershed of each class's channel.
Ours: the steps and the sampler of the model's recipe, layouts in batches, bf16 where it is faster, the project's
decoder.

Every factor is changed alone against the paper's protocol, then all of them together. ``--recipe`` takes a network of
random weights of that recipe for three classes in place of a trained one; it takes as long. With ``--steps-run`` fewer
steps of every sampler are run and their time is multiplied; the first line says so. The clock ``cpu`` counts the
processor's time of this program alone, for a machine that is busy with others; it is no measure of a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from skimage.segmentation import watershed

from cellweave.core import torch_generator
from cellweave.core.devices import bf16_is_fast, choose_device, device_description
from cellweave.data import CellClass
from cellweave.diffusion import SamplerRecipe, sample
from cellweave.layouts import CountingCategories, LayoutGenerator, LayoutRecipe
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.network import build_network
from cellweave.layouts.raster import cell_channels, decode_raster, raster_channels
from cellweave.maps import PeakFinder
from cellweave.training import load_recipe

PAPER = SamplerRecipe(name="ddim", steps=100)
CLASSES = tuple(CellClass(name, "#000000") for name in ("lymphocyte", "tumor", "stromal"))

Decode = Callable[[npt.NDArray[np.float32]], int]


@dataclass(frozen=True)
class Way:
    """A way to sample.

    Attributes:
        name: What changes against the paper's protocol.
        sampler: Sampler and steps.
        batch: Layouts at a time.
        decode: Returns the number of cells of a raster.
        bf16: Precision.
    """

    name: str
    sampler: SamplerRecipe
    batch: int
    decode: Decode
    bf16: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="layouts-brca-m2c")
    parser.add_argument("--recipe", help="a network of random weights of this recipe instead")
    parser.add_argument("--layouts", type=int, default=8, help="of a batch")
    parser.add_argument("--paper-layouts", type=int, default=2, help="of every run that takes one at a time")
    parser.add_argument("--steps", type=int, help="of the model's sampler; its recipe's without")
    parser.add_argument("--steps-run", type=int, default=PAPER.steps, help="at most, of every sampler")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    arguments = parser.parse_args()
    device = choose_device()
    if arguments.recipe:
        generator = random_generator(arguments.recipe, device)
    else:
        generator = LayoutGenerator.from_pretrained(arguments.model, device=str(device), precision="fp32")
    parameters = sum(parameter.numel() for parameter in generator.network.parameters())
    print(
        f"{device_description(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"clock {arguments.clock}; {arguments.recipe or arguments.model}, {parameters / 1e6:.1f} M parameters"
    )
    if arguments.steps_run < PAPER.steps:
        print(f"at most {arguments.steps_run} steps of every sampler are run, and their time is multiplied")
    clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    paper = Way("paper: DDIM-100, one at a time, fp32", PAPER, 1, watershed_decoder(generator))
    seconds_of(generator, replace(paper, sampler=SamplerRecipe(name="ddim", steps=2)), 1, 2, clock)  # warming up
    first = 0.0
    for way in (paper, *changes(paper, generator, arguments.layouts, arguments.steps)):
        count = max(way.batch, arguments.paper_layouts)
        run = min(arguments.steps_run, way.sampler.steps)
        seconds = [seconds_of(generator, way, count, run, clock) for _ in range(arguments.repeats)]
        rate = 1 / statistics.median(seconds)
        first = first or rate
        spread = f"({1 / max(seconds):.3f} to {1 / min(seconds):.3f})" if arguments.repeats > 1 else "(one run)"
        print(f"{way.name:46} {rate:8.3f} layouts/s {spread:18} ×{rate / first:6.2f}")


def changes(paper: Way, generator: LayoutGenerator, layouts: int, steps: int | None) -> list[Way]:
    """Return every change of the paper's protocol by itself, then all together."""
    own, mine = generator.recipe.sampler, project_decoder(generator)
    own = own.model_copy(update={"steps": steps or own.steps})
    fast = bf16_is_fast(generator.device)
    result = [
        replace(paper, name=f"steps: {own.name}, {own.steps}", sampler=own),
        replace(paper, name=f"batching: {layouts} at a time", batch=layouts),
        *([replace(paper, name="precision: bf16", bf16=True)] if fast else []),
        replace(paper, name="code: the project's decoder", decode=mine),
    ]
    return [*result, Way("all together", own, layouts, mine, bf16=fast)]


def seconds_of(generator: LayoutGenerator, way: Way, count: int, steps_run: int, clock: Callable[[], float]) -> float:
    """Return the seconds of one layout, decoding included."""
    recipe = generator.recipe
    told = torch.arange(count, device=generator.device) % recipe.told_categories if recipe.told_categories else None
    start = clock()
    rasters = sample(
        generator.network,
        generator.process,
        (raster_channels(recipe, len(generator.classes)), recipe.frame.raster_px, recipe.frame.raster_px),
        seed=0,
        indices=range(count),
        recipe=way.sampler.model_copy(update={"steps": steps_run}),
        device=generator.device,
        batch_size=way.batch,
        category=told,
        bf16=way.bf16,
    )
    sampled = clock()
    for raster in rasters:
        way.decode(raster.numpy())
    return ((sampled - start) * way.sampler.steps / steps_run + clock() - sampled) / count


def project_decoder(generator: LayoutGenerator) -> Decode:
    """Return how this project reads a raster."""

    def decode(raster: npt.NDArray[np.float32]) -> int:
        names, finder = generator.class_names, generator.finder
        return len(decode_raster(raster, generator.recipe, generator.scale, classes=names, mpp=None, finder=finder))

    return decode


def watershed_decoder(generator: LayoutGenerator) -> Decode:
    """Return a reading by threshold, distance transform and watershed of every channel of cells."""
    channels = cell_channels(generator.recipe, len(generator.classes))

    def decode(raster: npt.NDArray[np.float32]) -> int:
        found = 0
        for channel in generator.scale.to_values(raster)[:channels]:
            marked = channel > generator.finder.threshold
            depth = ndimage.distance_transform_edt(marked)
            seeds, _ = ndimage.label((ndimage.maximum_filter(depth, 3) == depth) & marked)
            found += int(watershed(-depth, seeds, mask=marked).max())
        return found

    return decode


def random_generator(name: str, device: torch.device) -> LayoutGenerator:
    """Return a generator of random weights for three classes."""
    recipe = load_recipe(LayoutRecipe, "layouts", name)
    channels, bins = raster_channels(recipe, len(CLASSES)), recipe.told_categories
    if recipe.condition == "counts":
        raise SystemExit("a network that is told counts takes as long as one that is told categories; take default.")
    return LayoutGenerator(
        build_network(recipe, len(CLASSES), torch_generator(0, "benchmark")),
        recipe,
        classes=CLASSES,
        mpp=0.5,
        scale=ChannelScale.range(channels),
        finder=PeakFinder(3, 0.5),
        categories=CountingCategories(tuple(float(bound) for bound in range(10, 10 * bins, 10))),
        device=device,
        precision="fp32",
    )


if __name__ == "__main__":
    main()
