"""Random textures: smooth noise, and noise drawn out along a direction field."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
"""One value a pixel, (H, W)."""


def smooth_noise(shape: tuple[int, int], scale_px: float, rng: np.random.Generator) -> Field:
    """Return noise of about zero mean and unit variance whose bumps are ``scale_px`` apart.

    Args:
        shape: Height and width.
        scale_px: Spacing of the random values that are interpolated between, in pixels, > 0.
        rng: Source of the noise.
    """
    height, width = shape
    rows, columns = (int(np.ceil(side / scale_px)) + 3 for side in shape)
    coarse = rng.normal(size=(rows, columns)).astype(np.float32)
    shift_x, shift_y = rng.random(2)
    # A random shift of the grid, so that no bump is tied to the frame.
    place = np.array([[1 / scale_px, 0, 1 + shift_x], [0, 1 / scale_px, 1 + shift_y]], np.float64)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(coarse, place, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(fine * np.float32(1.3), np.float32)  # cubic interpolation takes away some of the variance


def drawn_out(noise: npt.NDArray[np.float32], angle: Field, *, doublings: int) -> npt.NDArray[np.float32]:
    """Average noise along the streamlines of a direction field, into streaks of ``2 ** doublings`` pixels.

    Args:
        noise: (H, W) or (H, W, C), C <= 4.
        angle: Direction at every pixel, radians from x towards y, (H, W); it should vary slowly.
        doublings: Number of times that the length of the streaks is doubled.

    Returns:
        The shape of ``noise``, scaled so that white noise about keeps its variance.

    Source:
        Line integral convolution (Cabral & Leedom 1993, Imaging vector fields, SIGGRAPH 93), its box filter
        built by doubling: the mean over 2n pixels is that of two means over n pixels, n pixels apart.
    """
    height, width = angle.shape
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    step = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)
    streaks = noise
    for _ in range(doublings):
        ahead = grid + step
        streaks = (streaks + _sampled(streaks, ahead)) * np.float32(np.sqrt(0.5))
        step = step + _sampled(step, ahead)
    return streaks


def _sampled(values: npt.NDArray[np.float32], places: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    x, y = (np.ascontiguousarray(places[..., axis]) for axis in (0, 1))
    found = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(found, np.float32)


def blurred(values: Field, sigma_px: float) -> Field:
    """Return a field blurred by a Gaussian of ``sigma_px`` pixels."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT), np.float32)


def soft_step(values: Field, width: float) -> Field:
    """Return 0 for values far below 0, 1 far above, and a ramp ``width`` wide between them."""
    return np.asarray(np.clip(values / width + 0.5, 0, 1), np.float32)
