"""How like real images synthetic ones are: KID, FID and sizes of nuclei, each with a floor and a ceiling."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import wasserstein_distance

from cellweave.core import InvalidInputError, numpy_generator
from cellweave.core.progress import Progress, silent
from cellweave.metrics.bootstrap import percentile_interval
from cellweave.metrics.cell_scores import ALL
from cellweave.metrics.image_distances import (
    LEAST_SCORED,
    Features,
    Spread,
    frechet_distance,
    inception_score,
    kernel_distance,
)
from cellweave.metrics.layout_scores import Level
from cellweave.metrics.layout_statistics import Floats

Kind = Literal["synthetic", "restained", "dots", "real"]
"""What is compared with real images: restained and dots are made of the real images of the other patients."""

KINDS: tuple[Kind, ...] = ("synthetic", "restained", "dots", "real")

KID, FID, NUCLEI = "KID", "FID", "nuclei, µm"

LEAST_CELLS = 10
"""Nuclei on either side, without which no distance of their sizes is given."""

_LEAST_SPAN = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class ImageSample:
    """What is measured of images of one kind.

    Attributes:
        groups: Patient or slide of every image.
        features: Of every patch, (N, F).
        logits: Of the classes of every patch, (N, C); None where the encoder has none.
        patch_images: Image of every patch, (N,).
        diameters_um: Of the nucleus of every cell, µm, (M,); NaN where there is none.
        labels: Class of every cell, (M,).
        cell_images: Image of every cell, (M,).
    """

    groups: tuple[str, ...]
    features: Features
    logits: Features | None
    patch_images: npt.NDArray[np.int64]
    diameters_um: Floats
    labels: npt.NDArray[np.int64]
    cell_images: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LikenessRow:
    """How far images are from real ones in one measure.

    Attributes:
        measure: ``KID``, ``FID`` or ``nuclei, µm`` (Wasserstein-1 distance of diameters).
        label: ``all`` or a class.
        levels: Distance of every kind of images from real ones; ``real`` is the floor, ``dots`` the ceiling.
        subset_sd: Of a KID: standard deviation over its subsets, of every kind; else empty.
        intervals: 95 % interval of the position, of ``synthetic`` and ``restained``; None where undefined.
    """

    measure: str
    label: str
    levels: Mapping[Kind, Level]
    subset_sd: Mapping[Kind, float]
    intervals: Mapping[Kind, tuple[float, float] | None]

    def position(self, kind: Kind) -> float | None:
        """Where images lie between real ones, 0, and painted dots, 1; None where dots are no farther than real ones."""
        floor, ceiling = self.levels["real"].mean, self.levels["dots"].mean
        place = (self.levels[kind].mean - floor) / (ceiling - floor) if ceiling - floor > _LEAST_SPAN else math.nan
        return place if math.isfinite(place) else None

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return {
            "measure": self.measure,
            "label": self.label,
            "distances": {kind: level.to_json() for kind, level in self.levels.items()},
            "subset_sd": {kind: sd if math.isfinite(sd) else None for kind, sd in self.subset_sd.items()},
            "positions": {
                kind: {"position": self.position(kind), "interval": None if ends is None else list(ends)}
                for kind, ends in self.intervals.items()
            },
        }


@dataclass(frozen=True, slots=True)
class ImageLikeness:
    """How like real images synthetic ones are.

    Attributes:
        encoder: What the features are of.
        rows: A row for every measure and class.
        inception_scores: IS of every kind of images, over as many patches of each; empty without classes of patches.
        nuclei_seen: Share of the cells with a dark nucleus at their place, of every kind; None without cells.
        patches: Patches on either side of a comparison.
        splits: Number of comparisons.
        groups: Groups of the real images.
        notes: What to know before quoting the numbers.
    """

    encoder: str
    rows: tuple[LikenessRow, ...]
    inception_scores: Mapping[Kind, Spread]
    nuclei_seen: Mapping[Kind, float | None]
    patches: int
    splits: int
    groups: int
    notes: tuple[str, ...] = ()

    def row(self, measure: str, label: str = ALL) -> LikenessRow:
        """Return the row of a measure and a class."""
        return next(row for row in self.rows if (row.measure, row.label) == (measure, label))

    def to_json(self) -> dict[str, Any]:
        """Return the scores as JSON: numbers, text, lists and null only."""
        return {
            "encoder": self.encoder,
            "patches": self.patches,
            "splits": self.splits,
            "groups": self.groups,
            "rows": [row.to_json() for row in self.rows],
            "inception_scores": {kind: {"mean": s.mean, "sd": s.sd} for kind, s in self.inception_scores.items()},
            "nuclei_seen": dict(self.nuclei_seen),
            "notes": list(self.notes),
        }


def score_likeness(
    samples: Mapping[Kind, ImageSample],
    *,
    encoder: str,
    classes: Sequence[str],
    splits: int = 40,
    seed: int = 0,
    progress: Progress = silent,
) -> ImageLikeness:
    """Compare synthetic images with real ones, beside real images of other patients and two controls.

    In every split, the groups of the real images fall into two halves at random: one half is what all kinds are
    compared with. The other is the floor, and so are, made of the same images, the restained ones and the dots. Of the
    synthetic images a random half takes part. All sides have equally many patches. As halves are left out at random,
    their spread tells how much the scores depend on the patients and images at hand, and intervals are percentiles.

    Args:
        samples: Of every kind; ``real``, ``restained`` and ``dots`` of the same patches and cells, in the same order.
        encoder: What the features are of.
        classes: Names of the classes of cells.
        splits: How often to divide, >= 2.
        seed: Of the splits and of the subsets of KID.
        progress: Called after every split.

    Raises:
        InvalidInputError: The real images are of one group, or a side has too few patches.

    Source:
        Shao & Wu 1989, A general theory for jackknife variance estimation, Annals of Statistics 17:1176-1197: halves
        left out at random vary as the whole would from sample to sample.
    """
    real, made = samples["real"], samples["synthetic"]
    names = np.unique(np.asarray(real.groups))
    if len(names) < 2 or splits < 2:
        raise InvalidInputError(
            f"likeness is told by how real images of different patients differ; there are {len(names)} groups and "
            f"{splits} splits, give 2 or more of either."
        )
    drawn = [_draw(real, made, numpy_generator(seed, "likeness split", i)) for i in range(splits)]
    patches = min(min(len(one) for one in (sides.reference, sides.other, sides.synthetic)) for sides in drawn)
    if patches < 2:
        raise InvalidInputError("fewer than two patches are on one side of a comparison; give more or larger images.")
    with_frechet = patches > real.features.shape[1]
    keys = [(KID, ALL), *([(FID, ALL)] if with_frechet else []), *((NUCLEI, label) for label in (ALL, *classes))]
    table = np.full((len(keys), len(KINDS), splits), np.nan)
    spreads = np.full((len(KINDS), splits), np.nan)
    for i, sides in enumerate(drawn):
        rng = numpy_generator(seed, "likeness patches", i)
        reference, other, synthetic = (rng.permutation(one)[:patches] for one in sides[:3])
        for k, kind in enumerate(KINDS):
            first, second = real.features[reference], samples[kind].features[synthetic if k == 0 else other]
            kid = kernel_distance(first, second, seed=seed + i)
            table[0, k, i], spreads[k, i] = kid
            if with_frechet:
                table[1, k, i] = frechet_distance(first, second)
            cells = sides.synthetic_cells if k == 0 else sides.other_cells
            first_row = len(keys) - len(classes) - 1
            for c, label in enumerate((None, *range(len(classes)))):
                table[first_row + c, k, i] = _size_distance(real, sides.reference_cells, samples[kind], cells, label)
        progress("comparing images", i + 1, splits)
    rows = tuple(_row(key, values, spreads) for key, values in zip(keys, table, strict=True))
    notes = []
    if not with_frechet:
        notes.append(
            f"No FID: {patches} patches on either side do not fix the covariance of {real.features.shape[1]} features."
        )
    if real.logits is None:
        notes.append(f"No IS: the encoder ({encoder}) gives no logits of classes.")
    return ImageLikeness(
        encoder,
        rows,
        _inception_scores(samples, seed),
        {kind: _share_seen(one) for kind, one in samples.items()},
        patches=patches,
        splits=splits,
        groups=len(names),
        notes=tuple(notes),
    )


Indices = npt.NDArray[np.int64]


class _Sides(NamedTuple):
    reference: Indices
    other: Indices
    synthetic: Indices
    reference_cells: Indices
    other_cells: Indices
    synthetic_cells: Indices


def _draw(real: ImageSample, made: ImageSample, rng: np.random.Generator) -> _Sides:
    """Return the patches and cells of two halves of the real groups, and of half of the synthetic images."""
    groups = np.asarray(real.groups)
    names = rng.permutation(np.unique(groups))
    chosen = np.isin(groups, names[: len(names) // 2])
    kept = np.isin(np.arange(len(made.groups)), rng.permutation(len(made.groups))[: -(-len(made.groups) // 2)])
    return _Sides(
        np.flatnonzero(chosen[real.patch_images]),
        np.flatnonzero(~chosen[real.patch_images]),
        np.flatnonzero(kept[made.patch_images]),
        np.flatnonzero(chosen[real.cell_images]),
        np.flatnonzero(~chosen[real.cell_images]),
        np.flatnonzero(kept[made.cell_images]),
    )


def _size_distance(
    first: ImageSample, first_cells: Indices, second: ImageSample, second_cells: Indices, label: int | None
) -> float:
    """Return the Wasserstein-1 distance between diameters of nuclei, µm; NaN where there are too few."""
    sizes = []
    for sample, cells in ((first, first_cells), (second, second_cells)):
        known = sample.diameters_um[cells]
        sizes.append(known[np.isfinite(known) & ((sample.labels[cells] == label) | (label is None))])
    return float(wasserstein_distance(*sizes)) if min(map(len, sizes)) >= LEAST_CELLS else math.nan


def _row(key: tuple[str, str], values: Floats, spreads: Floats) -> LikenessRow:
    measure, label = key
    levels: dict[Kind, Level] = {
        kind: Level(float(values[k].mean()), float(values[k].std())) for k, kind in enumerate(KINDS)
    }
    floor, span = values[KINDS.index("real")], levels["dots"].mean - levels["real"].mean
    intervals: dict[Kind, tuple[float, float] | None] = {}
    for kind in ("synthetic", "restained"):
        places = (values[KINDS.index(kind)] - floor) / span if span > _LEAST_SPAN else np.full(len(floor), np.nan)
        low, high = percentile_interval(places) if np.isfinite(places).all() else (math.nan, math.nan)
        intervals[kind] = (float(low), float(high)) if math.isfinite(low) else None
    subset_sd: dict[Kind, float] = {}
    if measure == KID:
        subset_sd = {kind: float(spreads[k].mean()) for k, kind in enumerate(KINDS)}
    return LikenessRow(measure, label, levels, subset_sd, intervals)


def _inception_scores(samples: Mapping[Kind, ImageSample], seed: int) -> dict[Kind, Spread]:
    scores: dict[Kind, Spread] = {}
    count = min(len(one.features) for one in samples.values())
    for kind, one in samples.items():
        if one.logits is not None and count >= LEAST_SCORED:
            chosen = numpy_generator(seed, "IS patches").permutation(len(one.logits))[:count]
            scores[kind] = inception_score(one.logits[chosen], seed=seed)
    return scores


def _share_seen(sample: ImageSample) -> float | None:
    return float(np.isfinite(sample.diameters_um).mean()) if len(sample.diameters_um) else None
