from collections import Counter

import numpy as np
import pytest

from cellweave.core import InvalidInputError, OutputError
from cellweave.data import SPLITS, CellDataset
from cellweave.data.phantom import phantom_patch, write_phantom_dataset
from cellweave.data.phantom.dataset import patient_splits


def test_what_is_written_is_what_was_grown(tmp_path):
    calls = []
    path = write_phantom_dataset(
        tmp_path / "phantom",
        images=7,
        size=64,
        seed=11,
        progress=lambda stage, done, total, note="": calls.append((done, total)),
    )
    dataset = CellDataset.open(path)
    assert dataset.licence == "CC0-1.0"
    assert dataset.source == "cellweave phantom tissue, seed 11"
    assert calls == [(i + 1, 7) for i in range(7)]
    names = [f"phantom-{i:04d}" for i in range(7)]
    assert dataset.names() == names
    for i, name in enumerate(names):
        patch = phantom_patch(i, seed=11, size=64)
        cells = dataset.read_cells(name)
        np.testing.assert_array_equal(dataset.read_image(name), patch.pixels)
        np.testing.assert_array_equal(cells.xy, patch.cells.xy)
        np.testing.assert_array_equal(cells.labels, patch.cells.labels)
        assert (cells.mpp, cells.classes) == (0.5, patch.cells.classes)


def test_no_patient_is_in_two_splits(tmp_path):
    dataset = CellDataset.open(write_phantom_dataset(tmp_path / "phantom", images=12, size=32))
    assert (dataset.images.groupby("group")["split"].nunique() == 1).all()
    assert (dataset.images.groupby("group").size() == 2).all()
    assert Counter(dataset.images["split"]) == {"training": 8, "validation": 2, "test": 2}


@pytest.mark.parametrize("patients", [3, 4, 5, 12, 31])
def test_every_split_has_patients_and_training_most(patients):
    counts = Counter(patient_splits(patients))
    assert set(counts) == set(SPLITS)
    assert counts.total() == patients
    assert counts["validation"] == counts["test"] <= counts["training"]


def test_too_few_images_and_a_place_that_is_taken(tmp_path):
    with pytest.raises(InvalidInputError, match="at least 6 images, so that every split has a patient; got 5"):
        write_phantom_dataset(tmp_path / "few", images=5)
    assert not (tmp_path / "few").exists()
    taken = write_phantom_dataset(tmp_path / "taken", images=6, size=32, seed=1)
    with pytest.raises(OutputError, match="not empty"):
        write_phantom_dataset(taken, images=6, size=32, seed=2)
    assert CellDataset.open(taken).source.endswith("seed 1")
    assert write_phantom_dataset(taken, images=6, size=32, seed=2, overwrite=True) == taken
    assert CellDataset.open(taken).source.endswith("seed 2")
