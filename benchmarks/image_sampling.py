"""Images a second of mask-conditioned, guided sampling, against the naive way, each factor by itself, in one run.

    python benchmarks/image_sampling.py [--side 64] [--widths 32 64 96] [--images 4] [--naive-steps 1000]
                                        [--compile] [--clock cpu]

The naive way: DDPM over all 1000 noise levels in fp32, one image at a time, a pass with the mask and one without it at
every step, nothing kept from step to step. Ours: UniPC with few steps, both branches in one batch, images in batches,
bf16 where it is faster, channels last, scales and shifts of the masks kept, the encoder, which sees no mask, once for
both branches.

A network of random weights takes as long as a trained one, so that none is needed. The naive way is run whole; with
``--naive-steps`` below 1000 that many of its steps are, and their time is multiplied: the table says so. Of all others
the rate of one more change is given beside that of the line before it.

``--compile`` adds the network compiled by torch. The compiling is done before, with nothing taken from torch's caches,
and its time stated apart: that of a first run less a later one, by the clock on the wall. The clock ``cpu`` counts the
processor's time of this program alone, for a machine that is busy with others; it is no measure of a GPU.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from cellweave.core import torch_generator
from cellweave.core.devices import bf16_is_fast, choose_device, device_description
from cellweave.diffusion import (
    CompiledUNet,
    DiffusionProcess,
    DiffusionUNet,
    DiffusionUNetRecipe,
    GuidedNetwork,
    NetworkCall,
    ProcessRecipe,
    SamplerRecipe,
    sample,
)
from cellweave.training import initialise

LEVELS = 1000
GUIDANCE = 0.5
MASK_CHANNELS = 8


@dataclass(frozen=True)
class Way:
    """A way to sample.

    Attributes:
        name: What changes against the way before.
        call: Makes the network as sampling calls it; a new one for every run, so that nothing is kept between runs.
        recipe: Sampler and steps.
        images: Images of a run.
        batch: Images at a time.
        bf16: Precision.
        times: What its duration is multiplied by.
        compiles: Whether its first run compiles the network, and is not counted.
    """

    name: str
    call: Callable[[], NetworkCall]
    recipe: SamplerRecipe
    images: int
    batch: int
    bf16: bool = False
    times: float = 1.0
    compiles: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=64, help="of an image, in pixels")
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 96])
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--images", type=int, default=4, help="of every run but the naive ones, and at a time")
    parser.add_argument("--steps", type=int, default=25, help="of UniPC")
    parser.add_argument("--naive-steps", type=int, default=LEVELS, help="run of the naive way's 1000")
    parser.add_argument("--repeats", type=int, default=3, help="of every run but the naive one")
    parser.add_argument("--compile", action="store_true", help="the network compiled, too")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    arguments = parser.parse_args()
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    device = choose_device()
    shape = DiffusionUNetRecipe(widths=tuple(arguments.widths), blocks=arguments.blocks, attention_levels=())
    network = DiffusionUNet(shape, 3, MASK_CHANNELS, learned_variance=True, conditioning="spade")
    initialise(network, torch_generator(0, "benchmark"))
    network = network.to(device).eval()
    process = DiffusionProcess(ProcessRecipe(schedule="linear", steps=LEVELS, prediction="epsilon"))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    threads, clock_name = torch.get_num_threads(), arguments.clock
    print(f"{device_description(device)}, {threads} threads, torch {torch.__version__}, {clock_name} clock")
    print(f"{arguments.side}×{arguments.side} px, {parameters / 1e6:.1f} M parameters, guidance {GUIDANCE}, seed 0")
    masks = torch.randint(2, (arguments.images, MASK_CHANNELS, arguments.side, arguments.side)).float()

    def run(way: Way) -> float:
        start = clock()
        sample(
            way.call(),
            process,
            (3, arguments.side, arguments.side),
            seed=0,
            indices=range(way.images),
            recipe=way.recipe,
            device=device,
            batch_size=way.batch,
            condition=masks[: way.images],
            bf16=way.bf16,
        )
        return (clock() - start) * way.times / way.images

    first = None
    before = None
    run(Way("warming up", lambda: network_twice(network), SamplerRecipe(steps=2), 1, 1))
    for way in ways(network, device, arguments):
        if way.compiles:
            print(f"{way.name}: compiled in {compiling_seconds(partial(run, way)):.1f} s")
        repeats = 1 if first is None else arguments.repeats
        seconds = [run(way) for _ in range(repeats)]
        rate = 1 / statistics.median(seconds)
        first, before = first or rate, before or rate
        spread = f"({1 / max(seconds):.4f} to {1 / min(seconds):.4f})" if repeats > 1 else "(one run)"
        print(f"{way.name:52} {rate:9.4f} images/s {spread:22} ×{rate / before:6.2f}  in all ×{rate / first:7.1f}")
        before = rate


def ways(network: DiffusionUNet, device: torch.device, arguments: argparse.Namespace) -> list[Way]:
    """Return the naive way, and what is changed about it, one thing after the other."""
    steps, images, run_steps = arguments.steps, arguments.images, arguments.naive_steps
    few = SamplerRecipe(name="unipc", steps=steps)
    said = "" if run_steps == LEVELS else f", {run_steps} steps run"
    result = [
        Way(
            f"naive: DDPM, {LEVELS} steps{said}",
            lambda: network_twice(network),
            SamplerRecipe(name="ddpm", steps=run_steps),
            1,
            1,
            times=LEVELS / run_steps,
        ),
        Way(f"steps: UniPC, {steps}", lambda: network_twice(network), few, 1, 1),
        Way("both branches in one batch", lambda: Batched(network), few, 1, 1),
        Way("code: encoder once, scales and shifts kept", lambda: GuidedNetwork(network, GUIDANCE), few, 1, 1),
        Way(f"images: {images} at a time", lambda: GuidedNetwork(network, GUIDANCE), few, images, images),
    ]
    if bf16_is_fast(device):
        result.append(Way("precision: bf16", lambda: GuidedNetwork(network, GUIDANCE), few, images, images, bf16=True))
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    result.append(replace(result[-1], name="memory: channels last", call=lambda: GuidedNetwork(last, GUIDANCE)))
    if arguments.compile:
        torch.compiler.config.force_disable_caches = True
        warnings.filterwarnings("ignore", message="dynamo_pgo force disabled")  # which says just that
        compiled = CompiledUNet(last)
        result.append(
            replace(result[-1], name="compilation", call=lambda: GuidedNetwork(compiled, GUIDANCE), compiles=True)
        )
    return result


def compiling_seconds(run: Callable[[], float]) -> float:
    """Return how much longer a first run takes than a second one."""
    times = [time.perf_counter()]
    for _ in range(2):
        run()
        times.append(time.perf_counter())
    return (times[1] - times[0]) - (times[2] - times[1])


def network_twice(network: DiffusionUNet) -> NetworkCall:
    """Return guidance as it is written: two calls of the network."""

    def call(x_t: Tensor, t: Tensor, *, category: Tensor | None, condition: Tensor | None) -> Tensor:
        assert condition is not None
        given = network(x_t, t, condition=condition)
        null = network(x_t, t, condition=torch.zeros_like(condition))
        return guided(given, null)

    return call


class Batched:
    """Guidance with both branches in one batch, as for a network of which nothing else is known."""

    def __init__(self, network: DiffusionUNet) -> None:
        self.network = network

    def __call__(self, x_t: Tensor, t: Tensor, *, category: Tensor | None, condition: Tensor | None) -> Tensor:
        """Return the guided output."""
        assert condition is not None
        both = torch.cat([condition, torch.zeros_like(condition)])
        given, null = self.network(torch.cat([x_t, x_t]), torch.cat([t, t]), condition=both).chunk(2)
        return guided(given, null)


def guided(given: Tensor, null: Tensor) -> Tensor:
    """Return Eq. 7 of NASDM, with the variance of the branch that sees the mask."""
    given, null = given.float(), null.float()
    return torch.cat([given[:, :3] + GUIDANCE * (given[:, :3] - null[:, :3]), given[:, 3:]], dim=1)


if __name__ == "__main__":
    main()
