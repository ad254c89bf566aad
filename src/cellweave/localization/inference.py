"""Running a localiser network over images of any size: batch normalisation folded in, bf16 where it is fast, tiles."""

from __future__ import annotations

import copy
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cellweave.core import InvalidInputError
from cellweave.core.devices import use_bf16
from cellweave.data import RgbImage
from cellweave.localization.networks import LocatorNetwork
from cellweave.localization.networks.difference_convolution import DifferenceConv2d
from cellweave.localization.samples import normalised, transmitted_light

_ORIENTATIONS: dict[int, list[tuple[int, bool]]] = {
    1: [(0, False)],
    2: [(0, False), (2, False)],
    4: [(quarters, False) for quarters in range(4)],
    8: [(quarters, mirrored) for mirrored in (False, True) for quarters in range(4)],
}
"""Quarter turns, and whether the image is mirrored before."""

TILE_PX = 1024
"""Side of the part of a tile that is kept; the network's margin is added on all sides."""


class Prediction(NamedTuple):
    """What the network says of one image.

    Attributes:
        heights: Map of the cells, float32 (H, W), about 0 to 1; of several maps the highest at every pixel.
        classes: How much every class has of a pixel, float32 (C, H, W): probabilities, or where each class has a map of
            its own, those maps; C is 0 where only positions were learnt.
        separate: Whether each class has a map of its own.
    """

    heights: npt.NDArray[np.float32]
    classes: npt.NDArray[np.float32]
    separate: bool = False


class Predictor:
    """A network made ready to predict.

    Args:
        network: The trained network; it is copied.
        device: Where to run.
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 where it is faster.
        tile_px: Larger images are cut into tiles with this side, a multiple of the network's stride; the result is
            that of the whole image, because tiles overlap by all that the network can see; nearly so for networks that
            are not ``exact_tiles``.

    Raises:
        InvalidInputError: The precision is none of these.
    """

    def __init__(
        self, network: LocatorNetwork, device: torch.device, *, precision: str = "auto", tile_px: int = TILE_PX
    ) -> None:
        half = use_bf16(precision, device)
        self.device = device
        self.dtype = torch.bfloat16 if half else torch.float32
        self.network = folded(network).to(device, self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.tile_px = -(-tile_px // network.stride) * network.stride

    @torch.inference_mode()
    def __call__(self, image: RgbImage, *, turns: int = 1) -> Prediction:
        """Return the prediction for one image, uint8 (H, W, 3).

        Args:
            image: The image, at the scale that the network was trained at.
            turns: Orientations to average over, 1, 2, 4 or 8; see :class:`cellweave.localization.recipe.LocatorRecipe`.

        Raises:
            InvalidInputError: ``turns`` is none of these.
        """
        if turns not in _ORIENTATIONS:
            raise InvalidInputError(f"predictions are averaged over 1, 2, 4 or 8 orientations, got {turns}.")
        views = _ORIENTATIONS[turns]
        total = np.zeros((self.network.channels, *image.shape[:2]), np.float32)
        for quarters, mirrored in views:
            view = np.rot90(image[:, ::-1] if mirrored else image, quarters)
            back = np.rot90(self._whole(np.ascontiguousarray(view)), -quarters, axes=(1, 2))
            total += back[:, :, ::-1] if mirrored else back
        total /= len(views)
        return self._prediction(total)

    def _prediction(self, channels: npt.NDArray[np.float32]) -> Prediction:
        maps = self.network.map_count
        separate = maps > 1
        return Prediction(channels[:maps].max(axis=0), channels if separate else channels[1:], separate)

    def _whole(self, image: RgbImage) -> npt.NDArray[np.float32]:
        """Return maps and class probabilities, float32 (M + C, H, W)."""
        height, width = image.shape[:2]
        stride, margin, tile = self.network.stride, self.network.margin, self.tile_px
        bottom, right = -height % stride, -width % stride
        edge = cv2.BORDER_REFLECT_101 if min(height, width) > stride else cv2.BORDER_REPLICATE
        padded = np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, edge), np.uint8)
        whole_height, whole_width = padded.shape[:2]
        output = np.empty((self.network.channels, whole_height, whole_width), np.float32)
        for top in range(0, whole_height, tile):
            for left in range(0, whole_width, tile):
                first_row, first_column = max(top - margin, 0), max(left - margin, 0)
                last_row, last_column = min(top + tile, whole_height), min(left + tile, whole_width)
                maps = self._one(padded[first_row : last_row + margin, first_column : last_column + margin])
                rows = slice(top - first_row, last_row - first_row)
                columns = slice(left - first_column, last_column - first_column)
                output[:, top:last_row, left:last_column] = maps[:, rows, columns]
        return output[:, :height, :width]

    def _one(self, image: RgbImage) -> npt.NDArray[np.float32]:
        inputs = torch.from_numpy(normalised(transmitted_light(image)))[None].to(self.device, self.dtype)
        heights, logits = self.network(inputs.contiguous(memory_format=torch.channels_last))
        maps = torch.cat([heights.float(), functional.softmax(logits.float(), dim=1)], dim=1)
        return np.asarray(maps[0].cpu().numpy(), np.float32)


def folded(network: LocatorNetwork) -> LocatorNetwork:
    """Return a copy in evaluation mode: difference convolutions made plain, batch normalisation folded into weights."""
    network = copy.deepcopy(network).cpu().eval()
    for block in list(network.modules()):
        for name, layer in list(block.named_children()):
            if isinstance(layer, DifferenceConv2d):
                setattr(block, name, layer.plain())
        if isinstance(block, nn.Sequential):
            _fold_normalisation(block)
    return network


def _fold_normalisation(block: nn.Sequential) -> None:
    for i in range(len(block) - 1):
        convolution, normalisation = block[i], block[i + 1]
        if not isinstance(normalisation, nn.BatchNorm2d):
            continue
        if isinstance(convolution, nn.Conv2d):
            block[i] = fuse_conv_bn_eval(convolution, normalisation)
        elif isinstance(convolution, nn.ConvTranspose2d) and convolution.groups == 1:
            block[i] = fuse_conv_bn_eval(convolution, normalisation, transpose=True)
        else:
            continue
        block[i + 1] = nn.Identity()
