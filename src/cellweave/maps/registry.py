"""Maps and decoders by name, for recipes and for studies that compare them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Protocol

import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.maps.codec import MapCodec, Raster
from cellweave.maps.edt import ExponentialDistanceCodec
from cellweave.maps.gaussian import GaussianCodec, NeighbourGaussianCodec
from cellweave.maps.inverse_distance import FocalInverseDistanceCodec, InverseDistanceCodec
from cellweave.maps.lmds import LMDS
from cellweave.maps.markers import MarkerCodec, find_markers
from cellweave.maps.peak_map import PeakMapCodec
from cellweave.maps.peaks import CCLS, Decoder


class CellMap(MapCodec, Protocol):
    """A codec whose map of a class is one channel, drawn from positions alone."""

    @property
    def peak(self) -> float:
        """Height at a cell that lies apart; dividing a map by it makes a network's target of about 0 to 1."""
        ...

    def draw(self, xy: npt.ArrayLike, shape: tuple[int, int]) -> Raster:
        """Return the map (H, W), float32, >= 0, of positions (N, 2) in pixels; all 0 without any.

        Raises:
            InvalidCellsError: ``xy`` is not (N, 2), or a centre is not finite or outside the map.
        """
        ...


AnyCellMap = (
    ExponentialDistanceCodec
    | InverseDistanceCodec
    | FocalInverseDistanceCodec
    | GaussianCodec
    | NeighbourGaussianCodec
    | MarkerCodec
    | PeakMapCodec
)

MAPS: Mapping[str, type[AnyCellMap]] = MappingProxyType(
    {
        "edt": ExponentialDistanceCodec,
        "idt": InverseDistanceCodec,
        "fidt": FocalInverseDistanceCodec,
        "gaussian": GaussianCodec,
        "gaussian-knn": NeighbourGaussianCodec,
        "marker": MarkerCodec,
        "peak": PeakMapCodec,
    }
)
"""Settings of every map, whose defaults are those of its source; an instance draws it."""

DECODERS: Mapping[str, Decoder] = MappingProxyType({"ccls": CCLS, "lmds": LMDS, "marker": find_markers})
"""Decoders with the settings of their sources. Each takes a map (H, W) with peaks about 1 high: divide by ``peak``."""


def make_map(name: str, **settings: Any) -> AnyCellMap:
    """Return the map of a name, with settings in place of its defaults.

    Raises:
        InvalidInputError: There is no such map, it has no such setting, or a setting is out of range.

    Example:
        >>> make_map("gaussian", sigma_px=2.0).draw([[1.5, 1.5]], (3, 3)).shape
        (3, 3)
    """
    if name not in MAPS:
        raise InvalidInputError(f"a map is one of {', '.join(MAPS)}, got {name!r}.")
    known = [field.name for field in fields(MAPS[name])]
    unknown = [setting for setting in settings if setting not in known]
    if unknown:
        raise InvalidInputError(f"the map {name!r} has the settings {', '.join(known)}, got {unknown[0]!r}.")
    return MAPS[name](**settings)


def get_decoder(name: str) -> Decoder:
    """Return the decoder of a name.

    Raises:
        InvalidInputError: There is no such decoder.
    """
    if name not in DECODERS:
        raise InvalidInputError(f"a decoder is one of {', '.join(DECODERS)}, got {name!r}.")
    return DECODERS[name]
