"""Drawing nuclei and other small bodies, many at once, into planes of stain."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from cellweave.data.phantom.fields import Field
from cellweave.patterns import Points

Values = npt.NDArray[np.float64]
"""One number a body, (N,)."""

Stack = npt.NDArray[np.float32]
"""One small image a body, (N, side, side)."""

HARMONICS = (2, 3, 4, 5)
"""Waves around the outline that make it uneven."""

_AT_ONCE = 1024  # bodies a batch: bounds the memory of large patches


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bodies:
    """Bodies to draw: ellipses with uneven outline, a rim, texture and up to two spots inside.

    Attributes:
        xy: Centres, (N, 2), in pixels.
        long: Half of the long axis, in pixels.
        wide: Half of the short axis, in pixels.
        angle: Direction of the long axis, radians from x towards y.
        waves: Relative amplitude of each of ``HARMONICS``, cosine and sine part, (N, 4, 2).
        edge: Width over which the outline fades, in pixels.
        cover: Share of the ground's stain that the body displaces, in [0, 1].
        blue: Haematoxylin inside.
        eosin: Eosin inside.
        texture: Haematoxylin added per unit of the texture field.
        rim: Haematoxylin added along the outline.
        spots: Haematoxylin added in the middle of each spot, (N, 2).
        spot_at: Place of each spot in units of the half axes, along and across the long one, (N, 2, 2).
    """

    xy: Points
    long: Values
    wide: Values
    angle: Values
    waves: Values
    edge: Values
    cover: Values
    blue: Values
    eosin: Values
    texture: Values
    rim: Values
    spots: Values
    spot_at: Values

    def __len__(self) -> int:
        return len(self.xy)

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Return the bodies of all parts, in order."""
        return cls(**{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)})

    def taken(self, order: npt.NDArray[np.int64]) -> Self:
        """Return some of the bodies, by index, in that order."""
        return type(self)(**{one.name: getattr(self, one.name)[order] for one in fields(self)})


def draw_bodies(
    bodies: Bodies, planes: tuple[Field, Field], texture: Field, *, detail_px: float
) -> npt.NDArray[np.uint16]:
    """Add bodies to the planes of haematoxylin and eosin, in place, and return which body owns each pixel.

    A pixel inside several outlines belongs to the body in which it lies deepest, so a centre is always its own
    body's.

    Args:
        bodies: What to draw; their centres lie inside the planes.
        planes: Haematoxylin and eosin, each (H, W).
        texture: Noise that bodies take their texture from, (H, W).
        detail_px: Standard deviation of a spot, in pixels; rims are a little thinner.

    Returns:
        uint16 (H, W): 1 + the index of the body, 0 where there is none.
    """
    owner, depth = np.zeros(texture.shape, np.uint16), np.ones(texture.shape, np.float32)
    for first in range(0, len(bodies), _AT_ONCE):
        some = bodies.taken(np.arange(first, min(first + _AT_ONCE, len(bodies))))
        _draw(some, planes, texture, detail_px=detail_px, first=first, owner=owner, depth=depth)
    return owner


def _draw(
    bodies: Bodies,
    planes: tuple[Field, Field],
    texture: Field,
    *,
    detail_px: float,
    first: int,
    owner: npt.NDArray[np.uint16],
    depth: Field,
) -> None:
    height, width = texture.shape
    reach = int(np.ceil((np.maximum(bodies.long, bodies.wide) * 1.3 + bodies.edge).max())) + 1
    corner = np.floor(bodies.xy).astype(int) - reach
    windows = _Windows.of(bodies, corner, side=2 * reach + 1)
    offsets = np.arange(2 * reach + 1)
    rows = np.clip(corner[:, 1, None] + offsets, 0, height - 1)
    columns = np.clip(corner[:, 0, None] + offsets, 0, width - 1)
    cover, blue, eosin = windows.stain(bodies, texture[rows[:, :, None], columns[:, None, :]], detail_px)
    for i, (left, top) in enumerate(corner):
        y0, y1 = max(top, 0), min(top + len(offsets), height)
        x0, x1 = max(left, 0), min(left + len(offsets), width)
        here = (slice(y0, y1), slice(x0, x1))
        there = (i, slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        for plane, added in zip(planes, (blue, eosin), strict=True):
            plane[here] = plane[here] * (1 - cover[there]) + added[there]
        deeper = windows.rho[there] < depth[here]
        depth[here][deeper] = windows.rho[there][deeper]
        owner[here][deeper] = first + i + 1


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """Body-centred coordinates of the pixels around every body, each (N, side, side).

    ``along`` and ``across`` are in units of the half axes; ``rho`` is 0 at the centre and 1 on the outline.
    """

    along: Stack
    across: Stack
    rho: Stack

    @classmethod
    def of(cls, bodies: Bodies, corner: npt.NDArray[np.int64], *, side: int) -> _Windows:
        pixel = np.arange(side) + 0.5
        dx = (corner[:, :1] + pixel - bodies.xy[:, :1]).astype(np.float32)[:, None, :]
        dy = (corner[:, 1:] + pixel - bodies.xy[:, 1:]).astype(np.float32)[:, :, None]
        cosine, sine = _each(np.cos(bodies.angle)), _each(np.sin(bodies.angle))
        along = np.asarray((dx * cosine + dy * sine) / _each(bodies.long), np.float32)
        across = np.asarray((dy * cosine - dx * sine) / _each(bodies.wide), np.float32)
        radius: Stack = np.hypot(along, across)
        rho: Stack = radius / _outline(along, across, radius, bodies.waves)
        return cls(along, across, rho)

    def stain(self, bodies: Bodies, texture: Stack, detail_px: float) -> tuple[Stack, Stack, Stack]:
        """Return the share of the ground displaced, and the haematoxylin and eosin put in its place."""
        # Pixels inward from the outline; exact across the body, too few at the ends of a long one.
        inward = (1 - self.rho) * _each(bodies.wide)
        inside = np.clip(inward / _each(bodies.edge) + 0.5, 0, 1)
        blue = _each(bodies.blue) + _each(bodies.texture) * texture
        if bodies.rim.any():
            blue += _each(bodies.rim) * np.exp(-((inward / np.float32(detail_px) - 0.6) ** 2) / np.float32(0.64))
        for k in range(bodies.spots.shape[1]):
            if bodies.spots[:, k].any():
                off_along = (self.along - _each(bodies.spot_at[:, k, 0])) * _each(bodies.long)
                off_across = (self.across - _each(bodies.spot_at[:, k, 1])) * _each(bodies.wide)
                near = np.exp(-(off_along**2 + off_across**2) / np.float32(2 * detail_px**2))
                blue += _each(bodies.spots[:, k]) * near
        return inside * _each(bodies.cover), inside * np.maximum(blue, 0), inside * _each(bodies.eosin)


def _each(values: Values) -> Stack:
    return values.astype(np.float32)[:, None, None]


def _outline(
    along: Stack,
    across: Stack,
    radius: Stack,
    waves: Values,
) -> Stack:
    """Return 1 + a low-order Fourier series of the direction as seen from the centre.

    The waves are powers of the unit vector ``(along + i across) / radius``, so no angle is computed.
    """
    unit = (along + 1j * across) / np.maximum(radius, np.float32(1e-6))
    outline = np.ones_like(radius)
    power = unit
    for k in range(len(HARMONICS)):  # 2, 3, 4, ...: one more factor each
        power = power * unit
        outline += _each(waves[:, k, 0]) * power.real + _each(waves[:, k, 1]) * power.imag
    return outline
