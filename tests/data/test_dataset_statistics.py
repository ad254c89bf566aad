from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells
from cellweave.data import CellDataset, DatasetWriter, dataset_statistics, nearest_neighbour_distances

CLASSES = ("tumor", "stromal")


@pytest.fixture
def dataset(tmp_path: Path) -> CellDataset:
    with DatasetWriter(tmp_path / "set", name="", classes=CLASSES, licence="", source="") as writer:
        # 1000×500 px at 0.5 µm: 0.125 mm²
        first = Cells([[0, 0], [3, 4], [100, 0]], [0, 0, 1], classes=CLASSES, shape=(500, 1000), mpp=0.5)
        writer.add("a", first, group="p")
        writer.add("b", Cells([[0, 0]], [-1], classes=CLASSES, shape=(500, 1000), mpp=0.5), group="p")
        writer.add("c", Cells([[0, 0], [0, 7]], [1, 1], classes=CLASSES, shape=(10, 10)), split="test")
    return CellDataset.open(tmp_path / "set")


def test_by_hand(dataset: CellDataset) -> None:
    rows = {(row.split, row.label): row for row in dataset_statistics(dataset)}
    assert list(rows) == [(split, label) for split in ("training", "test") for label in ("all", "tumor", "stromal")]
    every = rows["training", "all"]
    assert (every.images, every.groups, every.cells) == (2, 1, 4)
    assert (every.cells_per_image_mean, every.cells_per_image_min, every.cells_per_image_max) == (2.0, 1, 3)
    assert every.density_per_mm2 == 4 / 0.25
    assert (every.nearest_px, every.nearest_um) == (5.0, 2.5)  # 5, 5 and 97.08 px; the only cell of b has no neighbour
    tumour = rows["training", "tumor"]
    assert (tumour.cells, tumour.cells_per_image_min, tumour.density_per_mm2) == (2, 0, 8.0)
    assert rows["training", "stromal"].nearest_px is None


def test_without_a_known_scale_there_are_no_micrometres(dataset: CellDataset) -> None:
    row = dataset_statistics(dataset)[3]
    assert (row.split, row.density_per_mm2, row.nearest_px, row.nearest_um) == ("test", None, 7.0, None)


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), max_size=12))
def test_nearest_neighbours_agree_with_all_pairs(points: list[tuple[float, float]]) -> None:
    cells = Cells(points, classes=(), shape=(10, 10))
    distances = np.linalg.norm(cells.xy[:, None] - cells.xy[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    expected = distances.min(axis=1) if len(points) > 1 else []
    assert np.allclose(nearest_neighbour_distances(cells), expected)
