"""Stain normalisation of whole slides: seconds and peak memory of the command, and what a coarser level would learn.

    OMP_NUM_THREADS=1 taskset -c 0,1 python benchmarks/slide_stain.py SLIDE... [--sides 2000 8000 32000] [--repeats 3]

The command `cellweave stain normalise` runs as a process of its own, with phantom tissue as target. Seconds are those
on the clock and those of computing, the median of --repeats; memory is the largest resident set of the process. Both
are also printed for an image of 64×64 pixels, of which almost everything is the start of the program. --sides adds
squares of phantom tissue of so many pixels, written as pyramids first: memory grows with their side, not their area.

For every slide of several levels, and for slides of one level halved as the pyramids of this package are, it prints
how far stains that are learnt from each level lie from those of level 0, in degrees, the strengths as shares of those
of level 0, and by how many grey levels the slide normalised with these differs from the slide normalised with its own.

Glass is the median of pixels that are paler than tissue and not pure white, with which slides are often filled up.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import openslide
import tifffile

from cellweave.core.devices import choose_device, device_description
from cellweave.data import write_png
from cellweave.data.phantom import phantom_patch
from cellweave.slides import Slide, tiles_of, write_pyramid
from cellweave.stain import Colours, StainNormaliser, TissueSampler, TwoStains, rgb_to_density
from cellweave.stain.tissue import TISSUE_DENSITY

PHANTOM_PX = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slides", nargs="*", type=Path)
    parser.add_argument("--sides", nargs="*", type=int, default=[], help="of squares of phantom tissue, in pixels")
    parser.add_argument("--compressions", nargs="+", default=["jpeg", "deflate"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=("speed", "levels", "glass"))
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"{device_description(choose_device())}, {cores} cores, {os.environ.get('OMP_NUM_THREADS', 'all')} threads")
    print(f"OpenSlide {openslide.__library_version__}, tifffile {tifffile.__version__}, numpy {np.__version__}")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        target = place / "target.png"
        write_png(target, phantom_patch(4, seed=0, size=512).pixels)
        if arguments.only in (None, "speed"):
            _speed(arguments.slides, arguments.sides, target, arguments.compressions, arguments.repeats)
        for path in arguments.slides:
            if arguments.only in (None, "levels"):
                _levels(path, target)
            if arguments.only in (None, "glass"):
                _glass(path)


def _speed(slides: list[Path], sides: list[int], target: Path, compressions: list[str], repeats: int) -> None:
    place = target.parent
    tiny = place / "tiny.png"
    write_png(tiny, phantom_patch(0, seed=0, size=64).pixels)
    print(f"{'':44} seconds (lowest to highest)  computing      peak      file")
    _measured("an image of 64×64", tiny, place / "tiny-out.png", target, [], repeats)
    for compression in compressions:
        for path in slides:
            _measured_slide(path, f"{path.stem[:20]}", target, compression, repeats)
        for side in sides:
            path = place / f"phantom-{side}.tif"
            if not path.exists():
                _write_phantom(path, side)
            _measured_slide(path, f"phantom {side}×{side}", target, compression, repeats)


def _measured_slide(path: Path, name: str, target: Path, compression: str, repeats: int) -> None:
    with Slide(path) as slide:
        height, width = slide.level(0).shape
    label = f"{name}, {width * height / 1e6:.1f} Mpx, {compression}"
    _measured(label, path, target.parent / "out.tif", target, ["--compression", compression], repeats)


def _measured(label: str, source: Path, out: Path, target: Path, options: list[str], repeats: int) -> None:
    words = [str(source), "--target", str(target), "--out", str(out), "--overwrite", *options]
    clock, computing, peaks = [], [], []
    for _ in range(repeats):
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "cellweave", "stain", "normalise", *words], stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"the command ended with {process.returncode}")
        clock.append(time.perf_counter() - start)
        computing.append(used.ru_utime + used.ru_stime)
        peaks.append(used.ru_maxrss / 1024)  # KiB on Linux
    spread = f"{statistics.median(clock):7.1f} ({min(clock):.1f} to {max(clock):.1f})"
    print(
        f"  {label:42} {spread:27} {statistics.median(computing):9.1f} {max(peaks):6.0f} MiB "
        f"{out.stat().st_size / 2**20:6.1f} MiB",
        flush=True,
    )


def _write_phantom(path: Path, side: int) -> None:
    patch = phantom_patch(0, seed=0, size=PHANTOM_PX).pixels
    across = np.arange(side) % PHANTOM_PX
    parts = (patch[np.ix_(across[tile.rows], across[tile.columns])] for tile in tiles_of((side, side)))
    write_pyramid(path, parts, shape=(side, side), mpp=0.5)


def _levels(path: Path, target: Path) -> None:
    with Slide(path) as slide:
        if len(slide.levels) == 1:
            halved = target.parent / "halved.tif"
            parts = (slide.read(tile) for tile in tiles_of(slide.level(0).shape))
            write_pyramid(halved, parts, shape=slide.level(0).shape, compression="deflate")
            path, said = halved, f"{path.stem}, halved"
        else:
            said = path.stem
    for method in ("vahadane", "macenko"):
        _levels_by(path, said, _normaliser(method))


def _normaliser(method: str) -> StainNormaliser:
    return StainNormaliser.fit(phantom_patch(4, seed=0, size=512).pixels, method=method)


def _levels_by(path: Path, said: str, normaliser: StainNormaliser) -> None:
    with Slide(path) as slide:
        learnt = [_learnt(slide, level, normaliser) for level in range(len(slide.levels))]
        own = learnt[0]
        print(
            f"{said}, {normaliser.method}: haematoxylin and eosin off, strengths, mean and largest difference in pixels"
        )
        for number, colours in enumerate(learnt[1:], start=1):
            assert isinstance(own, TwoStains)
            assert isinstance(colours, TwoStains)
            turned = np.rad2deg(np.arccos(np.clip((own.stains * colours.stains).sum(axis=1), -1, 1)))
            shares = colours.strengths / own.strengths
            mean, largest = _differences(slide, normaliser, own, colours)
            print(
                f"  level {number}: {turned[0]:4.1f}° {turned[1]:4.1f}°   {shares[0]:5.1%} {shares[1]:5.1%}   "
                f"{mean:.2f} {largest}",
                flush=True,
            )


def _learnt(slide: Slide, level: int, normaliser: StainNormaliser) -> Colours:
    sampler = TissueSampler(normaliser.seed)
    for tile in tiles_of(slide.level(level).shape):
        sampler.add(slide.read(tile, level=level), at=(tile.row, tile.column))
    return normaliser.learn(sampler.sample())


def _differences(slide: Slide, normaliser: StainNormaliser, own: Colours, other: Colours) -> tuple[float, int]:
    height, width = slide.level(0).shape
    total, largest = 0, 0
    for tile in tiles_of((height, width)):
        pixels = slide.read(tile)
        difference = np.abs(normaliser.transform(pixels, own).astype(int) - normaliser.transform(pixels, other))
        total, largest = total + int(difference.sum()), max(largest, int(difference.max()))
    return total / (3 * height * width), largest


def _glass(path: Path) -> None:
    normaliser = _normaliser("vahadane")
    with Slide(path) as slide:
        own = _learnt(slide, 0, normaliser)
        before, after, white, count = [], [], 0, 0
        for tile in tiles_of(slide.level(0).shape):
            pixels = slide.read(tile)
            pure = (pixels == 255).all(axis=-1)
            glass = (rgb_to_density(pixels).mean(axis=-1) < TISSUE_DENSITY) & ~pure
            before.append(pixels[glass])
            after.append(normaliser.transform(pixels, own)[glass])
            white, count = white + int(pure.sum()), count + pure.size
    levels = [np.median(np.concatenate(pixels), axis=0).astype(int).tolist() for pixels in (before, after)]
    print(f"{path.stem}: {white / count:.1%} pure white; glass {levels[0]}, vahadane makes it {levels[1]}")


if __name__ == "__main__":
    main()
