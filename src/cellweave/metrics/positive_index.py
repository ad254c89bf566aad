"""The share of positive cells, as of Ki-67: positive / (positive + negative), with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.metrics.bootstrap import LEVEL, percentile_interval, resampled_sums
from cellweave.metrics.cell_scores import Interval
from cellweave.metrics.rates import Floats


@dataclass(frozen=True, slots=True)
class IndexClasses:
    """The two classes that an index compares.

    Attributes:
        positive: Class whose share is asked for.
        negative: Class that makes up the rest; cells of all other classes are left out.
    """

    positive: str
    negative: str

    @classmethod
    def parse(cls, text: str, known: Sequence[str] | None = None) -> IndexClasses:
        """Read ``positive:negative``; a class may itself have a colon in its name where the classes are known.

        Args:
            text: The two names.
            known: Classes that there are; not checked when None.

        Raises:
            InvalidInputError: The text is not two different names, or there is no such class.

        Example:
            >>> IndexClasses.parse("tumor: pos:tumor: neg", ["tumor: pos", "tumor: neg"]).negative
            'tumor: neg'
        """
        cuts = [i for i, letter in enumerate(text) if letter == ":"]
        pairs = [(text[:i].strip(), text[i + 1 :].strip()) for i in cuts]
        pairs = [(positive, negative) for positive, negative in pairs if positive and negative]
        if not pairs:
            raise InvalidInputError(
                f"--index {text!r} does not name two classes; write it as POSITIVE:NEGATIVE, such as ki67+:ki67-."
            )
        fits = pairs if known is None else [pair for pair in pairs if set(pair) <= set(known)]
        if not fits and known is not None:
            missing = next((name for name in pairs[0] if name not in known), pairs[0][0])
            raise InvalidInputError(
                f"--index {text!r}: there is no class {missing!r}; the classes are {', '.join(known) or 'none'}."
            )
        if len(fits) > 1:
            raise InvalidInputError(f"--index {text!r} can be cut at several colons; rename the classes.")
        if fits[0][0] == fits[0][1]:
            raise InvalidInputError(f"--index {text!r} names one class twice; give the positive and the negative one.")
        return cls(*fits[0])

    def count(self, cells: Cells) -> tuple[int, int]:
        """Return the number of positive and of negative cells; a class that the cells do not know has none."""
        counts = cells.counts()
        return counts.get(self.positive, 0), counts.get(self.negative, 0)


@dataclass(frozen=True, slots=True)
class PositiveIndex:
    """An index and what it was computed from.

    Attributes:
        positive: Number of positive cells.
        negative: Number of negative cells.
        interval: Ends of its 95 % interval; None where the index is undefined.
        units: What the interval's chance is about: ``cells`` (Wilson), ``images`` or ``groups`` (bootstrap).
    """

    positive: int
    negative: int
    interval: Interval
    units: str

    @property
    def value(self) -> float | None:
        """The index, from 0 to 1; None without cells."""
        return index_of(self.positive, self.negative)


def index_of(positive: int, negative: int) -> float | None:
    """Return positive / (positive + negative); None without cells."""
    return positive / (positive + negative) if positive + negative else None


def index_of_cells(positive: int, negative: int) -> PositiveIndex:
    """Return the index of one image or region, with the cells as the units of its interval."""
    return PositiveIndex(positive, negative, wilson_interval(positive, positive + negative), "cells")


def index_of_units(counts: npt.ArrayLike, *, units: str, resamples: int = 1000, seed: int = 0) -> PositiveIndex:
    """Return the index of several images or groups together, with these as the units of its interval.

    Cells of one image resemble one another, so an interval over cells would be too narrow: whole images, or groups,
    are drawn with replacement. Few of them make an interval that is too narrow still; one alone says nothing about
    others, and its cells are the units then.

    Args:
        counts: Positive and negative cells of every unit, (units, 2).
        units: What they are: ``images`` or ``groups``.
        resamples: Bootstrap resamples.
        seed: Of the resamples.

    Example:
        >>> index_of_units([[1, 3], [3, 1]], units="images").interval
        (0.25, 0.75)
    """
    table = np.asarray(counts, np.int64).reshape(-1, 2)
    positive, negative = table.sum(axis=0).tolist()
    if len(table) < 2:
        return index_of_cells(positive, negative)
    drawn = resampled_sums(table, resamples=resamples, generator=numpy_generator(seed, "positive index"))
    low, high = percentile_interval(_share(drawn)).tolist()
    return PositiveIndex(positive, negative, None if math.isnan(low) else (low, high), units)


def wilson_interval(positive: int, cells: int) -> Interval:
    """Return the 95 % interval of a share that was seen among independent cells; None without cells.

    Source:
        Wilson 1927, *J. Am. Stat. Assoc.* 22, 209–212.

    Example:
        >>> [round(end, 4) for end in wilson_interval(0, 10)]
        [0.0, 0.2775]
    """
    if not 0 <= positive <= cells:
        raise InvalidInputError(f"{positive} of {cells} cells is no share.")
    if not cells:
        return None
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    share = positive / cells
    middle = share + z**2 / (2 * cells)
    half = z * math.sqrt(share * (1 - share) / cells + z**2 / (4 * cells**2))
    low, high = ((middle + sign * half) / (1 + z**2 / cells) for sign in (-1, 1))
    return (0.0 if positive == 0 else low, 1.0 if positive == cells else high)  # exact, where rounding is not


def count_by_group(
    counts: Mapping[str, tuple[int, int]], groups: Mapping[str, str]
) -> dict[str, list[tuple[int, int]]]:
    """Return the counts of the images of every group, groups sorted by name; images without a group are left out."""
    names = sorted({groups[image] for image in counts if image in groups})
    return {name: [counts[image] for image in counts if groups.get(image) == name] for name in names}


def overall_index(
    counts: Mapping[str, tuple[int, int]], groups: Mapping[str, str], *, resamples: int = 1000, seed: int = 0
) -> PositiveIndex:
    """Return the index of all images: over their groups where there are several, otherwise over the images.

    Args:
        counts: Positive and negative cells of every image.
        groups: Patient or slide of every image; empty where not known.
        resamples: Bootstrap resamples.
        seed: Of the resamples.
    """
    by_group = count_by_group(counts, groups)
    if len(by_group) > 1 and all(image in groups for image in counts):
        return index_of_units(
            [_total(images) for images in by_group.values()], units="groups", resamples=resamples, seed=seed
        )
    return index_of_units(list(counts.values()), units="images", resamples=resamples, seed=seed)


def _total(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    positive, negative = (sum(side) for side in zip(*counts, strict=True))
    return positive, negative


def _share(counts: Floats) -> Floats:
    positive, total = counts[..., 0], counts.sum(axis=-1)
    return np.asarray(np.divide(positive, total, out=np.full(total.shape, np.nan), where=total > 0), np.float64)
