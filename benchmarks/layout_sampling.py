"""Layouts a second: ours beside the layout paper's protocol, on the same network, each factor by itself, in one run.

    python benchmarks/layout_sampling.py [--model layouts-brca-m2c] [--layouts 8] [--paper-layouts 2] [--clock wall]

The paper's protocol: one layout at a time, DDIM with 100 even steps, fp32, weights in torch's usual order, counts not
held, decoded by a watershed of each class's channel. Ours: the steps, levels and sampler of the model's recipe, coarse
levels of the network that answer for several steps where the recipe says so, channels last, layouts in batches, bf16
where it is faster, counts held as `cellweave generate layouts` holds them, the project's decoder. Either way the
network is told its condition, the counts or the category of each layout, as that command tells it.

Every factor is changed alone against the paper's protocol, then all of them together, with ``--steps`` where given;
the last row is the model's own default, whose steps are its recipe's. ``--recipe`` takes a network of random weights of
that recipe, one that tells categories or nothing, for three classes in place of a trained one; it takes as long. With
``--steps-run`` fewer steps are run and their time is multiplied, what a run costs once included, which flatters the
rest; not where counts are held or coarse levels answer for several steps: not every step costs the same there, so these
rows are run whole. One clock measures all rows: ``cpu``, the processor's time of this program alone, for machines that
are busy with others (no measure of a GPU, nor of several threads); or ``wall``.
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
from torch import Tensor

from cellweave.core import Cells, torch_generator
from cellweave.core.devices import bf16_is_fast, choose_device, device_description
from cellweave.data import CellClass
from cellweave.layouts import CountingCategories, LayoutGenerator, LayoutRecipe, LayoutSamplerRecipe
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.network import build_network
from cellweave.layouts.raster import cell_channels, raster_channels
from cellweave.maps import PeakFinder
from cellweave.training import load_recipe

PAPER = LayoutSamplerRecipe(name="ddim", steps=100)
CLOCKS = {"cpu": "processor time", "wall": "wall time"}
CLASSES = tuple(CellClass(name, "#000000") for name in ("lymphocyte", "tumor", "stromal"))

Clock = Callable[[], float]
Decode = Callable[[npt.NDArray[np.float32]], int]


@dataclass(frozen=True)
class Way:
    """A way to sample.

    Attributes:
        name: What changes against the paper's protocol.
        sampler: Sampler and steps.
        batch: Layouts at a time.
        decode: Returns the number of cells of a raster; None: the project's own reading.
        bf16: Precision.
        held: Whether layouts are held to their counts.
        channels_last: Memory format of the network's weights, and so of its features.
    """

    name: str
    sampler: LayoutSamplerRecipe
    batch: int = 1
    decode: Decode | None = None
    bf16: bool = False
    held: bool = False
    channels_last: bool = False


class TimedGenerator(LayoutGenerator):
    """The generator that users hold, whose rasters can be read in another way, and whose reading is timed."""

    decode: Decode | None = None
    clock: Clock = time.process_time
    seconds_decoding = 0.0

    def _decoded(self, raster: Tensor, size: tuple[int, int] | None) -> Cells:
        start = self.clock()
        if self.decode is None:
            cells = super()._decoded(raster, size)
        else:
            self.decode(raster.numpy())
            cells = Cells([], classes=self.class_names, shape=self.shape, mpp=self.mpp)
        self.seconds_decoding += self.clock() - start
        return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="layouts-brca-m2c")
    parser.add_argument("--recipe", help="a network of random weights of this recipe instead")
    parser.add_argument("--layouts", type=int, default=8, help="of a batch")
    parser.add_argument("--paper-layouts", type=int, default=2, help="of every run that takes one at a time")
    parser.add_argument("--steps", type=int, help="of the model's sampler; its recipe's without")
    parser.add_argument("--steps-run", type=int, default=PAPER.steps, help="at most, where every step costs the same")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--clock", choices=("cpu", "wall"), default="cpu")
    arguments = parser.parse_args()
    device = choose_device()
    if arguments.recipe:
        generator = random_generator(arguments.recipe, device)
    else:
        generator = TimedGenerator.from_pretrained(arguments.model, device=str(device), precision="fp32")
    parameters = sum(parameter.numel() for parameter in generator.network.parameters())
    print(
        f"{device_description(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"clock: {CLOCKS[arguments.clock]}; {arguments.recipe or arguments.model}, {parameters / 1e6:.1f} M parameters"
    )
    if arguments.steps_run < PAPER.steps:
        print(
            f"at most {arguments.steps_run} steps of every sampler are run, and their time is multiplied; all of them "
            "where counts are held or coarse levels reused"
        )
    generator.clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    paper = Way("paper: DDIM-100, one at a time, fp32", PAPER, decode=watershed_decoder(generator))
    seconds_of(generator, replace(paper, sampler=LayoutSamplerRecipe(name="ddim", steps=2)), 1, 2)  # warming up
    ways = (paper, *changes(paper, generator, arguments.layouts, arguments.steps))
    times: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in range(arguments.repeats):  # in turns, so that no way has the machine of another hour
        for way in ways:
            whole = way.held or way.sampler.reuse_interval > 1
            run = way.sampler.steps if whole else min(arguments.steps_run, way.sampler.steps)
            times[way.name].append(seconds_of(generator, way, max(way.batch, arguments.paper_layouts), run))
    first = 1 / statistics.median(times[paper.name])
    for way in ways:
        seconds = times[way.name]
        rate = 1 / statistics.median(seconds)
        spread = f"({1 / max(seconds):.3f} to {1 / min(seconds):.3f})" if arguments.repeats > 1 else "(one run)"
        print(f"{way.name:88} {rate:8.3f} layouts/s {spread:18} ×{rate / first:6.2f}")


def changes(paper: Way, generator: TimedGenerator, layouts: int, steps: int | None) -> list[Way]:
    """Return every change of the paper's protocol by itself, then all together, then the model's own default."""
    default = generator.recipe.sampler
    own = default.with_steps(steps or default.steps)
    fast, holds = bf16_is_fast(generator.device), generator.channel_means is not None
    together = Way("all together", own, layouts, bf16=fast, held=holds, channels_last=True)
    usual = replace(together, name=f"the model's own default: {described(default)}", sampler=default)
    if own == default:
        ends = [replace(usual, name=f"all together, the model's own default: {described(default)}")]
    else:
        ends = [replace(together, name=f"all together: {described(own)}"), usual]
    reused = own.reuse_interval > 1
    whole = own.whole()
    return [
        replace(paper, name=f"steps: {described(whole)}", sampler=whole),
        *([replace(paper, name=f"steps and reuse: {described(own)}", sampler=own)] if reused else []),
        replace(paper, name="memory: channels last", channels_last=True),
        replace(paper, name=f"batching: {layouts} at a time", batch=layouts),
        *([replace(paper, name="precision: bf16", bf16=True)] if fast else []),
        replace(paper, name="code: the project's decoder", decode=None),
        *([replace(paper, name="counts held", held=True)] if holds else []),
        *ends,
    ]


def described(sampler: LayoutSamplerRecipe) -> str:
    """Return a sampler in words."""
    uneven = "" if sampler.level_power == 1 else ", uneven"
    every = sampler.reuse_interval
    reuse = f", coarse levels in one of {every} below {sampler.reuse_below:g} T" if every > 1 else ""
    return f"{sampler.name}, {sampler.steps} steps{uneven}{reuse}"


def seconds_of(generator: TimedGenerator, way: Way, count: int, steps_run: int) -> float:
    """Return the seconds of one layout, decoding included."""
    generator.decode, generator.bf16, generator.seconds_decoding = way.decode, way.bf16, 0.0
    layout = torch.channels_last if way.channels_last else torch.contiguous_format
    generator.network.to(memory_format=layout)  # type: ignore[call-overload]
    start = generator.clock()
    made = generator.generate(
        range(count),
        seed=0,
        batch_size=way.batch,
        sampler=way.sampler.model_copy(update={"steps": steps_run}),
        hold_counts=way.held,
    )
    for _ in made:
        pass
    sampling = generator.clock() - start - generator.seconds_decoding
    return (sampling * way.sampler.steps / steps_run + generator.seconds_decoding) / count


def watershed_decoder(generator: TimedGenerator) -> Decode:
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


def random_generator(name: str, device: torch.device) -> TimedGenerator:
    """Return a generator of random weights for three classes."""
    recipe = load_recipe(LayoutRecipe, "layouts", name)
    channels, bins = raster_channels(recipe, len(CLASSES)), recipe.told_categories
    if recipe.condition == "counts":
        raise SystemExit("a network that is told counts takes as long as one that is told categories; take categories.")
    return TimedGenerator(
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
