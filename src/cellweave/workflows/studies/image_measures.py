"""How far painted patches are from the real ones at the same places, beside other real ones and flat dots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, Length
from cellweave.core.progress import Progress
from cellweave.data import RgbImage
from cellweave.encoders import PatchEncoder
from cellweave.encoders.image_network import PATCH_PX
from cellweave.localization import Locator
from cellweave.metrics.image_controls import painted_dots
from cellweave.metrics.image_resampling import (
    Units,
    drawn_weights,
    frechet_distances,
    inception_scores,
    kernel_distances,
)
from cellweave.metrics.rates import Floats, detection_rates, mean_of_defined
from cellweave.metrics.tally import tally_images
from cellweave.workflows.score_image_likeness import MPP, SAME_SCALE, cut_patches
from cellweave.workflows.studies.arm_values import centred, if_defined
from cellweave.workflows.studies.image_places import PatchReader, Place

RESAMPLES = 200

KID, FID, IS, F1, CLASS_F1 = "KID", "FID", "IS", "F1", "mean class F1"
KID_POSITION, FID_POSITION, SECONDS = "KID position", "FID position", "s an image"
MEASURES = (KID, FID, IS, F1, CLASS_F1, KID_POSITION, FID_POSITION)

RADIUS = Length(6.0)
"""Within which a cell counts as found, in pixels at the localiser's scale: 3 µm at 0.5 µm a pixel."""

_SEED = 0
"""Of the resamples: the same for all arms, so that they are compared on the same ones."""

_LEAST_SPAN = 0.05
"""Of the distance of dots: where other real patches are hardly nearer, there is no position between the two."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What encoder and localiser make of patches.

    Attributes:
        features: Of every tile, (N, F).
        logits: Of the classes of every tile, (N, C); None where the encoder has none.
        tiles: Patch that every tile is cut from, (N,).
        counts: True positives, false positives and false negatives of every patch, (P, labels, 3); None without a
            localiser.
    """

    features: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32] | None
    tiles: Units
    counts: Floats | None


@dataclass(frozen=True, eq=False)
class PatchMeter:
    """What patches are looked at with.

    Attributes:
        encoder: Of tiles, at 0.5 µm a pixel.
        locator: Finds cells, at its own scale; None leaves that out.
    """

    encoder: PatchEncoder
    locator: Locator | None

    def see(self, patches: Iterable[tuple[RgbImage, Cells]], *, reduction: int = 1) -> Seen:
        """Return what is seen in patches, one after another.

        Args:
            patches: Pixels, and the cells that they show or were painted from.
            reduction: How many times smaller patches of unknown scale were made, as for :func:`to_scale`.
        """
        features, logits, tiles = [], [], []
        true: dict[str, Cells] = {}
        found: dict[str, Cells] = {}
        for number, (pixels, cells) in enumerate(patches):
            at_encoder_scale, _ = to_scale(pixels, cells, mpp=MPP, reduction=reduction)
            encoded = self.encoder.encode(cut_patches(at_encoder_scale, PATCH_PX))
            features.append(encoded.features)
            if encoded.logits is not None:
                logits.append(encoded.logits)
            tiles.append(np.full(len(encoded.features), number))
            if self.locator is not None:
                key = f"{number:09d}"
                at_locator_scale, layout = to_scale(pixels, cells, mpp=self.locator.mpp or MPP, reduction=reduction)
                true[key], found[key] = layout, self.locator.locate(at_locator_scale, mpp=layout.mpp)
        counts = None
        if true:
            tally = tally_images(true, found, protocol="greedy", radii=[RADIUS])
            counts = tally.counts[:, 0].astype(np.float64)
        return Seen(np.concatenate(features), np.concatenate(logits) if logits else None, np.concatenate(tiles), counts)


class ImageReference:
    """The real patches of a fold: those at the places that are painted, and those that the model learnt from.

    Painted patches are compared with the former. So are real patches that the model learnt from, of the same scale
    (the floor: no model that copies what it is shown comes nearer), and flat dots at the cells of the former (the
    ceiling).

    Args:
        meter: What patches are looked at with.
        reader: Reads them.
        places: Of the painted patches.
        units: What every place is drawn with in the resamples: its group.
        learnt: Places that a model learnt from; none leaves the floor out.
        learnt_units: Likewise of these; one that is of a painted place, too, is drawn on both sides at once.
        progress: Called after every patch.
    """

    def __init__(
        self,
        meter: PatchMeter,
        reader: PatchReader,
        places: Sequence[Place],
        *,
        units: Sequence[str],
        learnt: Sequence[Place],
        learnt_units: Sequence[str],
        progress: Progress,
    ) -> None:
        self.meter, self.places = meter, tuple(places)
        self._plain = PatchReader(reader.dataset, masks=False, reduce=reader.reduce)
        self._names = {name: number for number, name in enumerate(dict.fromkeys(units))}
        self._units = np.array([self._names[name] for name in units], np.int64)
        self._reduction = reader.reduce
        self.scenes = [reader.read_scene(place) for place in self.places]
        self.weights = drawn_weights(len(self._names), resamples=RESAMPLES, seed=_SEED)
        self._real = self._see(self._patches(self.places, "measuring real patches", progress))
        blind = PatchMeter(meter.encoder, None)
        dots = blind.see(self._dots(), reduction=self._reduction)
        self._references = {"real": self._quality(self._real), "dots": self._distances(dots)}
        if learnt:
            patches = self._patches(learnt, "measuring patches learnt from", progress)
            other = blind.see(patches, reduction=self._reduction)
            self._references["learnt"] = self._distances(other, learnt_units)

    def compare(self, painted: Iterable[RgbImage]) -> dict[str, Any]:
        """Return how far painted patches, one a place, are from the real ones, as JSON.

        Returns:
            ``values`` by measure; ``samples``: the same in every resample; ``references``: values of the real patches
            (``real``), of those ``learnt`` from and of ``dots``; ``patches``, ``tiles`` and ``units``: how many. What
            is not defined is null.
        """
        cells = (patch.cells for patch in self.scenes)
        seen = self._see(zip(painted, cells, strict=True))
        measured = self._distances(seen) | self._quality(seen)
        for position, measure in ((KID_POSITION, KID), (FID_POSITION, FID)):
            floor, ceiling = self._references.get("learnt", {}).get(measure), self._references["dots"][measure]
            if floor is not None:
                span = np.where(ceiling - floor > _LEAST_SPAN * abs(ceiling), ceiling - floor, np.nan)
                measured[position] = (measured[measure] - floor) / span
        empty = np.full(len(self.weights), np.nan)
        each = {name: measured.get(name, empty) for name in MEASURES}
        spread = {
            # KIDs of resamples are not biased, FIDs are
            name: (centred(float(one[0]), one[1:])[1] if name in (FID, FID_POSITION) else if_defined(one[0], one[1:]))
            for name, one in each.items()
        }
        if self.weights.shape[1] < 2:  # a sole unit, drawn again and again, says nothing of others
            spread = {name: np.full(len(self.weights) - 1, np.nan) for name in each}
        return {
            "values": {name: listed(one[0]) for name, one in each.items()},
            "samples": {name: [listed(sample) for sample in one] for name, one in spread.items()},
            "references": {
                kind: {name: listed(one[0]) for name, one in of_kind.items()}
                for kind, of_kind in self._references.items()
            },
            "patches": len(self.places),
            "tiles": len(self._real.features),
            "features": int(self._real.features.shape[1]),
            "units": int(self.weights.shape[1]),
        }

    def _see(self, patches: Iterable[tuple[RgbImage, Cells]]) -> Seen:
        return self.meter.see(patches, reduction=self._reduction)

    def _patches(self, places: Sequence[Place], stage: str, progress: Progress) -> Iterator[tuple[RgbImage, Cells]]:
        for done, place in enumerate(places, start=1):
            patch = self._plain.read(place)
            yield patch.pixels, patch.cells
            progress(stage, done, len(places))

    def _dots(self) -> Iterator[tuple[RgbImage, Cells]]:
        for place in self.places:
            patch = self._plain.read(place)
            image, cells = to_scale(patch.pixels, patch.cells, mpp=MPP, reduction=self._reduction)
            yield painted_dots(image, cells), cells

    def _distances(self, seen: Seen, of: Sequence[str] | None = None) -> dict[str, Floats]:
        """Return the distances of patches from the real ones.

        Args:
            seen: The patches.
            of: Unit of every patch, where they are others than the real ones; those without real patches are in all
                resamples.
        """
        units, weights = self._units[self._real.tiles], self.weights
        others = units
        if of is not None:
            names = dict(self._names)
            for name in of:
                names.setdefault(name, len(names))
            others = np.array([names[name] for name in of], np.int64)[seen.tiles]
            apart = np.ones((len(weights), len(names) - weights.shape[1]))
            weights = np.concatenate([weights, apart], axis=1)
        sides, both = (self._real.features, seen.features), (units, others)
        # no more patches than features do not fix a covariance, and drawing a patch again adds nothing to that
        least = np.minimum(*(np.count_nonzero(weights[:, of_side], axis=1) for of_side in both))
        there = least > self._real.features.shape[1]
        fids = np.full(len(weights), np.nan)
        fids[there] = frechet_distances(*sides, both, weights[there])
        return {KID: kernel_distances(*sides, both, weights), FID: fids}

    def _quality(self, seen: Seen) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        if seen.logits is not None:
            found[IS] = inception_scores(seen.logits, self._units[seen.tiles], self.weights)
        if seen.counts is not None:
            sums = np.einsum("rp,plk->rlk", self.weights[:, self._units], seen.counts)
            f1 = detection_rates(sums)[..., 2]
            found |= {F1: f1[:, 0], CLASS_F1: mean_of_defined(f1[:, 1:])}
        return found


def to_scale(pixels: RgbImage, cells: Cells, *, mpp: float, reduction: int = 1) -> tuple[RgbImage, Cells]:
    """Return a patch and its cells at another scale.

    Args:
        pixels: The patch.
        cells: Its cells.
        mpp: Scale to bring it to, µm per pixel.
        reduction: How many times smaller a patch of unknown scale was made: it is enlarged by as much, to what it was
            in its image, for which every scale is as good as another.
    """
    factor = reduction if cells.mpp is None else cells.mpp / mpp
    if abs(factor - 1) <= SAME_SCALE:
        return pixels, cells
    layout = cells.scaled(factor)
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, layout.shape[::-1], interpolation=how), np.uint8), layout


def listed(value: float) -> float | None:
    """Return a number for JSON; null where it is not defined."""
    return round(float(value), 6) if math.isfinite(value) else None
