"""Megapixels a second of `Locator.locate` beside the bare network, in bf16 and fp32, in one run.

    python benchmarks/locate_speed.py --model runs/loc --data out/brca [--split validation]

Without --data phantom patches are used. Prints medians of the repeats with their spread, the ratios, and how far
bf16 cells are from fp32 cells (the documented tolerance).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from scipy.spatial import cKDTree

from cellweave.core import Cells
from cellweave.core.devices import choose_device, device_description
from cellweave.data import CellDataset, RgbImage
from cellweave.data.phantom import phantom_patch
from cellweave.localization import Locator
from cellweave.localization.samples import normalised, transmitted_light


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    images = _images(arguments.data, arguments.split)
    megapixels = sum(image.shape[0] * image.shape[1] for image in images) / 1e6
    print(f"{device_description(choose_device())}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{len(images)} images, {megapixels:.2f} megapixels, median of {arguments.repeats} (lowest to highest)")
    located: dict[str, list[Cells]] = {}
    for precision in ("bf16", "fp32"):
        locator = Locator.from_pretrained(arguments.model, precision=precision)
        bare = _repeated(lambda locator=locator: _forward(locator, images), arguments.repeats)
        located[precision] = [locator.locate(image) for image in images]
        whole = _repeated(lambda locator=locator: [locator.locate(image) for image in images], arguments.repeats)
        rates = {name: [megapixels / s for s in seconds] for name, seconds in (("network", bare), ("locate", whole))}
        for name, values in rates.items():
            spread = f"({min(values):.2f} to {max(values):.2f})"
            print(f"{precision}  {name:8} {statistics.median(values):6.2f} megapixels a second {spread}")
        print(f"{precision}  locate / network = {statistics.median(bare) / statistics.median(whole):.2f}")
    _compare(located["fp32"], located["bf16"])


def _images(data: Path | None, split: str) -> list[RgbImage]:
    if data is None:
        return [phantom_patch(i, seed=0, size=512).pixels for i in range(8)]
    dataset = CellDataset.open(data)
    return [dataset.read_image(name) for name in dataset.names(split)]


@torch.inference_mode()
def _forward(locator: Locator, images: list[RgbImage]) -> None:
    predictor = locator.predictor
    stride = predictor.network.stride
    for image in images:
        height, width = (side - side % stride for side in image.shape[:2])
        tensor = torch.from_numpy(normalised(transmitted_light(image[:height, :width])))[None]
        predictor.network(tensor.to(predictor.device, predictor.dtype, memory_format=torch.channels_last))


def _repeated(work: Callable[[], object], repeats: int) -> list[float]:
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def _compare(exact: list[Cells], half: list[Cells]) -> None:
    near = same = total = 0
    for one, other in zip(exact, half, strict=True):
        total += len(one)
        if len(one) and len(other):
            distance, index = cKDTree(other.xy).query(one.xy)
            near += int((distance <= 1).sum())
            same += int(((distance <= 1) & (other.labels[index] == one.labels)).sum())
    cells = f"{total} fp32 and {sum(map(len, half))} bf16 cells"
    print(f"{cells}: {near / total:.2%} of the fp32 cells have one within 1 px, {same / total:.2%} of its class")


if __name__ == "__main__":
    main()
