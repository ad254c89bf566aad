"""Patches that `train_image_encoder.py` learns from: two views of places in images, and the class of what is there."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree

from cellweave.core import numpy_generator
from cellweave.data import CellDataset
from cellweave.encoders.image_network import PATCH_PX
from cellweave.metrics.image_controls import restained

MPP = 0.5
SHIFT_PX = 6
CLEAR_PX = 14.0
"""Distance from all cells at which a place counts as background."""
CHECKED = 200
"""Patches of every class that recall is measured on."""


class PatchPairs:
    """Pairs of views; sample ``i`` depends on (seed, i) alone, and every class is as frequent as the others."""

    def __init__(self, dataset: CellDataset, split: str, *, seed: int) -> None:
        self._seed, self._margin = seed, PATCH_PX // 2 + SHIFT_PX
        self._images, places, self._trees = [], [[] for _ in (*dataset.class_names, "background")], []
        for number, name in enumerate(dataset.names(split)):
            image, cells = dataset.read_image(name), dataset.read_cells(name)
            if cells.mpp != MPP:
                raise SystemExit(f"{name} has {cells.mpp} µm per pixel; give images of {MPP}.")
            self._images.append(np.pad(image, ((self._margin,) * 2, (self._margin,) * 2, (0, 0)), mode="reflect"))
            for label, (x, y) in zip(cells.labels, cells.xy, strict=True):
                if label >= 0:
                    places[label].append((number, int(y), int(x)))
            grid = np.stack(np.meshgrid(*(np.arange(2, side, 4) for side in image.shape[:2])), axis=-1).reshape(-1, 2)
            clear = grid if not len(cells) else grid[cKDTree(cells.xy[:, ::-1]).query(grid)[0] > CLEAR_PX]
            places[-1] += [(number, int(row), int(column)) for row, column in clear]
        self._places = places
        self._there = [label for label, some in enumerate(places) if some]

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng = numpy_generator(self._seed, "image encoder", index)
        label = self._there[int(rng.integers(len(self._there)))]
        place = self._places[label][int(rng.integers(len(self._places[label])))]
        first, second = (self._view(place, rng) for _ in range(2))
        return {"first": first, "second": second, "label": torch.tensor(label)}

    def checked(self) -> tuple[np.ndarray, np.ndarray]:
        """Return patches as they are, of every class, uint8 (N, 64, 64, 3), and their classes, (N,)."""
        rng = numpy_generator(self._seed, "image encoder check")
        patches, labels = [], []
        for label in self._there:
            for i in rng.permutation(len(self._places[label]))[:CHECKED]:
                patches.append(self._cut(self._places[label][i], 0, 0))
                labels.append(label)
        return np.stack(patches), np.array(labels)

    def _view(self, place: tuple[int, int, int], rng: np.random.Generator) -> torch.Tensor:
        down, right = (int(step) for step in rng.integers(-SHIFT_PX, SHIFT_PX + 1, 2))
        patch = np.rot90(restained(self._cut(place, down, right), rng), rng.integers(4))
        patch = patch[:, ::-1] if rng.random() < 0.5 else patch
        return torch.from_numpy(np.ascontiguousarray(patch.transpose(2, 0, 1))).float() / 255

    def _cut(self, place: tuple[int, int, int], down: int, right: int) -> np.ndarray:
        number, row, column = place
        top, left = row + SHIFT_PX + down, column + SHIFT_PX + right
        return self._images[number][top : top + PATCH_PX, left : left + PATCH_PX]


def natural_patches(dataset: CellDataset, count: int, seed: int) -> np.ndarray:
    """Return patches at random places of training images, uint8 (count, 64, 64, 3)."""
    rng = numpy_generator(seed, "image encoder scales")
    names = dataset.names("training")
    patches = []
    for name in names:
        image = dataset.read_image(name)
        for _ in range(-(-count // len(names))):
            row, column = (int(rng.integers(side - PATCH_PX + 1)) for side in image.shape[:2])
            patches.append(image[row : row + PATCH_PX, column : column + PATCH_PX])
    return np.stack(patches[:count])
