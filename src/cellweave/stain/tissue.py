"""Pixels of tissue that stand for a whole image or slide, the same ones however it is cut into tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError, numpy_generator
from cellweave.stain.optical_density import DENSITY_OF_LEVEL

RgbImage = npt.NDArray[np.uint8]

Channels = tuple[npt.NDArray[np.uint8], ...]
"""Red, green and blue, or some of them."""

SAMPLE_SIZE = 50_000
"""Pixels; the 99th percentile of so many is known to within the 98.95th and the 99.05th."""

TISSUE_DENSITY = 0.065
"""Mean optical density of red, green and blue from which a pixel is tissue: 0.15 in natural logarithms, as in Macenko
et al. 2009."""

LEAST_TISSUE = 100
"""Pixels; an image with fewer counts as empty."""

_GLASS_QUANTILE = 0.998
"""Of the grey levels of every channel: clear glass is as bright as the brightest two pixels in a thousand."""

_NEARLY_WHITE = 250
"""Grey level of the darkest channel from which a pixel may belong to the border of a white fill: compression mixes the
fill with what lies beside it, or makes it ring."""

_BORDER_SHARE = 0.03
"""Of the pure white pixels; where more than that are nearly white, these are glass and no border."""

_BLACK_DENSITY = 7.0
"""Sum over the channels, which pure black alone exceeds: 7.22; the next darkest pixel has 6.92."""

_PIXELS_AT_A_TIME = 1 << 16
"""Keeps the intermediate arrays small."""


@dataclass(frozen=True, slots=True, eq=False)
class TissueSample:
    """What a normaliser learns an image from.

    Attributes:
        pixels: Pixels of tissue, uint8 (N, 3); N is 0 where there is none.
        background: Grey levels of clear glass in red, green and blue; 255 where there is none but pure white.
    """

    pixels: RgbImage
    background: tuple[float, float, float]


@dataclass(slots=True, eq=False)
class TissueSampler:
    """Collects the sample of an image, of the tiles of one, or of several images.

    Whether a pixel is taken depends on the seed, the number of its image and its place in it alone: tiles that cover
    an image once give the very sample of the whole image, in any order.

    Pure white and pure black, with which slides are filled up around what was scanned, say nothing of the slide: white
    is not measured as its glass, nor is the border of such a fill, and black is not taken for tissue.

    Attributes:
        seed: Of the sample, >= 0.
        size: Most pixels to keep, >= 1.

    Raises:
        InvalidInputError: The size is below 1.
    """

    seed: int = 0
    size: int = SAMPLE_SIZE
    _ranks: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64), init=False)
    _pixels: RgbImage = field(default_factory=lambda: np.empty((0, 3), np.uint8), init=False)
    _limit: np.uint64 = field(default=np.uint64(2**64 - 1), init=False)
    _levels: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((3, 256), np.int64), init=False)
    _nearly_white: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((3, 256), np.int64), init=False)
    _white: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InvalidInputError(f"a sample holds at least one pixel, got size {self.size}.")

    def add(self, tile: RgbImage, *, at: tuple[int, int] = (0, 0), image: int = 0) -> None:
        """Take note of a tile.

        Args:
            tile: uint8 (H, W, 3); may be empty.
            at: Row and column of its first pixel in the whole image, >= 0; tiles must not overlap.
            image: Number of the image that it belongs to, >= 0.

        Raises:
            InvalidInputError: The tile is of another type or shape.
        """
        require_rgb(tile)
        key = numpy_generator(self.seed, "tissue sample", image).integers(0, 2**64, dtype=np.uint64)
        for rows in blocks_of(tile):
            part = tile[rows]
            self._add(part, _ranks(key, at[0] + rows.start, at[1], part.shape[:2]))

    def sample(self) -> TissueSample:
        """Return the sample of what has been added so far."""
        order = np.argsort(self._ranks)[: self.size]
        return TissueSample(self._pixels[order], self._background())

    def _add(self, part: RgbImage, ranks: npt.NDArray[np.uint64]) -> None:
        levels = channels_of(part)
        red, green, blue = (DENSITY_OF_LEVEL.take(one) for one in levels)
        density = red + green + blue
        self._count(levels, density)
        tissue = (density >= np.float32(3 * TISSUE_DENSITY)) & (density <= np.float32(_BLACK_DENSITY))
        taken = np.flatnonzero(tissue.ravel() & (ranks <= self._limit))
        self._ranks = np.concatenate([self._ranks, ranks[taken]])
        self._pixels = np.concatenate([self._pixels, part.reshape(-1, 3)[taken]])
        if len(self._ranks) > 4 * self.size:  # rarely, because choosing costs more than keeping
            kept = np.argpartition(self._ranks, self.size)[: self.size]
            self._ranks, self._pixels = self._ranks[kept], self._pixels[kept]
            self._limit = self._ranks.max()

    def _count(self, levels: Channels, density: npt.NDArray[np.float32]) -> None:
        counts = _histograms(levels)
        if counts[:, 0].all():
            counts[:, 0] -= np.count_nonzero(density > np.float32(_BLACK_DENSITY))
        darkest = cv2.min(cv2.min(levels[0], levels[1]), levels[2])
        if darkest.max(initial=0) >= _NEARLY_WHITE:
            white = darkest == 255
            counts[:, 255] -= np.count_nonzero(white)
            self._white += int(np.count_nonzero(white))
            nearly = np.flatnonzero((darkest >= _NEARLY_WHITE) & ~white)
            self._nearly_white += _histograms(tuple(one.take(nearly) for one in levels))
        self._levels += counts

    def _background(self) -> tuple[float, float, float]:
        bordering = self._nearly_white[0].sum() <= _BORDER_SHARE * self._white
        counts = self._levels - self._nearly_white if bordering else self._levels
        red, green, blue = (_bright_level(one) for one in counts)
        if DENSITY_OF_LEVEL[[red, green, blue]].mean() >= TISSUE_DENSITY:
            return 255.0, 255.0, 255.0
        return float(red), float(green), float(blue)


def density_tables(background: tuple[float, float, float]) -> npt.NDArray[np.float32]:
    """Return the optical density of every grey level above that of clear glass, >= 0, float32 (3, 256)."""
    glass = np.log10((np.asarray(background) + 1) / 256)
    return np.asarray(np.maximum(DENSITY_OF_LEVEL + glass[:, None], 0), np.float32)


def tissue_sample(image: RgbImage, *, seed: int = 0, size: int = SAMPLE_SIZE) -> TissueSample:
    """Return the sample of one whole image, uint8 (H, W, 3); see :class:`TissueSampler`."""
    sampler = TissueSampler(seed, size)
    sampler.add(image)
    return sampler.sample()


def require_rgb(image: RgbImage) -> None:
    """Raise :class:`InvalidInputError` unless an array is an image, uint8 (H, W, 3); it may have no pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InvalidInputError(f"an image is uint8 (H, W, 3), got {image.dtype} {image.shape}.")


def channels_of(image: RgbImage) -> Channels:
    """Return red, green and blue, uint8 (H, W) each, in memory of their own: looking up their values is fast then."""
    return tuple(np.asarray(one, np.uint8) for one in cv2.split(np.ascontiguousarray(image)))


def blocks_of(image: RgbImage) -> Iterator[slice]:
    """Yield slices of the rows of an image, each few enough for small intermediate arrays; none when it is empty."""
    if image.size:
        step = max(1, _PIXELS_AT_A_TIME // image.shape[1])
        for top in range(0, image.shape[0], step):
            yield slice(top, top + step)


def _ranks(key: np.uint64, top: int, left: int, shape: tuple[int, int]) -> npt.NDArray[np.uint64]:
    """Return a random number for every pixel, (H * W,), from the key and its place (the finaliser of SplitMix64)."""
    rows = np.arange(top, top + shape[0], dtype=np.uint64) << np.uint64(32)
    columns = np.arange(left, left + shape[1], dtype=np.uint64)
    mixed = (rows[:, None] | columns).ravel()
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    mixed += key
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _histograms(levels: Channels) -> npt.NDArray[np.int64]:
    """Return how often every grey level occurs in each channel, int64 (channels, 256)."""
    return np.stack([cv2.calcHist([one], [0], None, [256], [0, 256]).ravel() for one in levels]).astype(np.int64)


def _bright_level(counts: npt.NDArray[np.int64]) -> int:
    """Return a high quantile of grey levels, given how often each occurs."""
    return int(np.searchsorted(counts.cumsum(), np.ceil(_GLASS_QUANTILE * counts.sum())))
