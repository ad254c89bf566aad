"""Stain normalisation by name: learn a target's colours once, then give them to images, whole or tile by tile."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from cellweave.core import InvalidInputError, atomic_file
from cellweave.stain.lab_colours import LabColours
from cellweave.stain.macenko import macenko_stains
from cellweave.stain.tissue import RgbImage, TissueSample, TissueSampler, tissue_sample
from cellweave.stain.two_stains import TwoStains
from cellweave.stain.vahadane import vahadane_stains

FORMAT = "cellweave-stain"
VERSION = 1

Colours = TwoStains | LabColours
"""What a method learns of an image: the colours to take from it as a source, or to give from it as a target."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way to normalise.

    Attributes:
        learn: From a sample of tissue to its colours.
        read: From the JSON of colours to the colours.
    """

    learn: Callable[[TissueSample], Colours]
    read: Callable[[dict[str, Any]], Colours]


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "vahadane": Method(lambda sample: TwoStains.learn(sample, vahadane_stains), TwoStains.from_json),
        "macenko": Method(lambda sample: TwoStains.learn(sample, macenko_stains), TwoStains.from_json),
        "reinhard": Method(LabColours.learn, LabColours.from_json),
    }
)
"""The methods by name."""


@dataclass(frozen=True, slots=True, eq=False)
class StainNormaliser:
    """Gives images the colours of a target.

    Attributes:
        method: A name of :data:`METHODS`.
        target: The colours to give.
        seed: Of the samples of tissue that colours are learnt from.

    Raises:
        InvalidInputError: There is no such method, or the target lacks tissue or a stain.

    Example::

        normaliser = StainNormaliser.fit(read_image("target.png"))
        recoloured = normaliser.transform(read_image("source.png"))

        sampler = TissueSampler(normaliser.seed)  # one fit for all tiles of a large image
        for at, tile in tiles:
            sampler.add(tile, at=at)
        source = normaliser.learn(sampler.sample())
        for at, tile in tiles:
            write(at, normaliser.transform(tile, source))
    """

    method: str
    target: Colours
    seed: int = 0

    def __post_init__(self) -> None:
        method_named(self.method)
        if self.target.is_empty:
            raise InvalidInputError("the target has no tissue to take colours from; choose another image.")
        if isinstance(self.target, TwoStains) and not self.target.has_both:
            raise InvalidInputError(
                f"the target shows one stain only, and {self.method} takes the colours of two from it; choose an image "
                "with nuclei and stroma, or --method reinhard."
            )

    @classmethod
    def fit(cls, target: RgbImage, *, method: str = "vahadane", seed: int = 0) -> Self:
        """Learn the colours of a target image, uint8 (H, W, 3).

        Raises:
            InvalidInputError: There is no such method, this is no image, or it lacks tissue or a stain.
        """
        return cls(method, method_named(method).learn(tissue_sample(target, seed=seed)), seed)

    def learn(self, sample: TissueSample) -> Colours:
        """Return the colours of a source: an image, the tiles of one, or several images stained alike."""
        return method_named(self.method).learn(sample)

    def transform(self, image: RgbImage, source: Colours | None = None) -> RgbImage:
        """Return an image, uint8 (H, W, 3), in the target's colours; clear glass comes out white.

        Args:
            image: uint8 (H, W, 3); may have no pixel.
            source: Its colours, from :meth:`learn`; learnt from the image alone when None. Given the source, every
                pixel depends on itself alone, so that tiles make up exactly the whole.

        Raises:
            InvalidInputError: This is no image, or the source was learnt by another method.
        """
        colours = self.learn(tissue_sample(image, seed=self.seed)) if source is None else source
        if isinstance(colours, TwoStains) and isinstance(self.target, TwoStains):
            return colours.recolour(image, self.target)
        if isinstance(colours, LabColours) and isinstance(self.target, LabColours):
            return colours.recolour(image, self.target)
        raise InvalidInputError(f"the source's colours were not learnt by {self.method}; use the same normaliser.")

    def apply(self, image: RgbImage) -> RgbImage:
        """Return an image in the target's colours, its own being learnt from it alone; see :meth:`transform`."""
        return self.transform(image)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the normaliser as JSON, whole or not at all; the numbers come back exactly."""
        with atomic_file(path) as partial:
            partial.write_text(json.dumps(self.to_json(), indent=2, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            InvalidInputError: The file is missing, or is no such JSON.
        """
        path = Path(path)
        if not path.is_file():
            raise InvalidInputError(f"{path} is no file; give a target that `cellweave stain fit` wrote.")
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return cls.from_json(stored)
        except InvalidInputError as error:
            raise InvalidInputError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise InvalidInputError(
                f"{path} is no stain target ({type(error).__name__}: {error}); make it with `cellweave stain fit`."
            ) from error

    def to_json(self) -> dict[str, Any]:
        """Return the normaliser for JSON."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "method": self.method,
            "seed": self.seed,
            "target": self.target.to_json(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Return the normaliser that :meth:`to_json` described."""
        if not isinstance(stored, dict) or stored.get("format") != FORMAT:
            raise InvalidInputError(f'it does not say "format": "{FORMAT}"; make it with `cellweave stain fit`.')
        if stored.get("version") != VERSION:
            raise InvalidInputError(f"it is of version {stored.get('version')!r}, this program reads {VERSION}.")
        method = str(stored["method"])
        return cls(method, method_named(method).read(stored["target"]), int(stored["seed"]))


def method_named(name: str) -> Method:
    """Return a method.

    Raises:
        InvalidInputError: There is none of that name.
    """
    if name not in METHODS:
        raise InvalidInputError(f"there is no stain method {name!r}; the methods are {', '.join(METHODS)}.")
    return METHODS[name]


def sample_of_images(images: Iterable[RgbImage], *, seed: int = 0) -> TissueSample:
    """Return one sample of the tissue of several images, uint8 (H, W, 3), every pixel with the same chance."""
    sampler = TissueSampler(seed)
    for number, image in enumerate(images):
        sampler.add(image, image=number)
    return sampler.sample()
