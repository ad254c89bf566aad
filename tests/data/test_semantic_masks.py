"""Masks of a data set: their edges by hand, what is stored and read back, and what is refused or found by a check."""

import re

import numpy as np
import pytest

from cellweave.core import Cells, CellweaveError
from cellweave.data import CellDataset, DatasetWriter, SemanticMask, check_dataset, write_png
from cellweave.data.phantom import write_phantom_dataset
from cellweave.data.semantic_masks import id_edges


def small_mask():
    """Return 4 × 5 pixels: two touching nuclei of class 0, one of class 1, an unknown column."""
    classes = np.array([[1, 1, 0, 2, 255], [1, 1, 0, 2, 255], [1, 1, 0, 0, 255], [0, 0, 0, 0, 255]], np.uint8)
    instances = np.array([[1, 2, 0, 3, 0], [1, 2, 0, 3, 0], [1, 2, 0, 0, 0], [0, 0, 0, 0, 0]], np.uint16)
    return SemanticMask(classes, instances)


def written(folder, mask=None):
    with DatasetWriter(folder, name="s", classes=("a", "b"), licence="CC0", source="a test") as writer:
        cells = Cells([[1.5, 1.5]], [0], classes=("a", "b"), shape=(4, 5), mpp=0.5)
        writer.add("one", cells, pixels=np.zeros((4, 5, 3), np.uint8), mask=mask or small_mask())
        writer.add("bare", cells, pixels=np.ones((4, 5, 3), np.uint8))
    return CellDataset.open(folder)


def test_edges_are_of_instances_or_of_classes():
    mask = small_mask()
    by_instances = [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [1, 1, 0, 0, 0]]
    assert mask.edges().astype(int).tolist() == by_instances
    by_classes = [[0, 1, 1, 1, 1], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1]]
    assert SemanticMask(mask.classes).edges().astype(int).tolist() == by_classes


def test_edges_are_where_a_neighbour_differs():
    ids = np.random.default_rng(0).integers(0, 3, (9, 12))
    expected = np.zeros(ids.shape, bool)
    for row in range(9):
        for column in range(12):
            for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if 0 <= r < 9 and 0 <= c < 12:
                    expected[row, column] |= ids[r, c] != ids[row, column]
    np.testing.assert_array_equal(id_edges(ids), expected)
    assert not id_edges(np.zeros((3, 3), int)).any()


def test_turned_reduced_and_cropped():
    mask = small_mask()
    assert mask.crop(1, 2, (2, 3)).classes.tolist() == [[0, 2, 255], [0, 0, 255]]
    assert mask.reduced(2).classes.tolist() == [[1, 0, 255], [1, 0, 255]]
    assert mask.reduced(2).instances.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert mask.turned(1).classes.tolist() == np.rot90(mask.classes).tolist()
    assert mask.turned(4).instances.tolist() == mask.instances[:, ::-1].tolist()
    assert mask.unknown_share == 4 / 20


def test_a_mask_is_stored_and_read_back(tmp_path):
    dataset = written(tmp_path / "set")
    assert (dataset.has_mask("one"), dataset.has_mask("bare")) == (True, False)
    found = dataset.read_mask("one")
    np.testing.assert_array_equal(found.classes, small_mask().classes)
    np.testing.assert_array_equal(found.instances, small_mask().instances)
    assert {"classes/one.png", "instances/one.png"} <= set(dataset.checksums)
    findings = check_dataset(dataset.root).findings
    assert [(one.severity, one.text) for one in findings if "mask" in one.text] == [
        ("warning", "no mask of 1 image (bare), though others have one.")
    ]
    with pytest.raises(CellweaveError, match=r"image 'bare' of .* has no mask of classes \(classes/bare.png\)"):
        dataset.read_mask("bare")


def test_many_instances_survive(tmp_path):
    instances = np.arange(20, dtype=np.uint16).reshape(4, 5) * 3000
    dataset = written(tmp_path / "set", SemanticMask(np.zeros((4, 5), np.uint8), instances))
    np.testing.assert_array_equal(dataset.read_mask("one").instances, instances)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (lambda: SemanticMask(np.zeros((4, 6), np.uint8)), r"mask of image 'one' is \(4, 6\), its cells live in"),
        (lambda: SemanticMask(np.full((4, 5), 3, np.uint8)), "class code 3, the data set has 2 classes"),
        (lambda: SemanticMask(np.zeros((4, 5))), r"uint8 \(H, W\), got float64"),
        (lambda: SemanticMask(np.zeros((4, 5), np.uint8), np.zeros((4, 4), np.uint16)), "uint16 .4, 5. like that of"),
    ],
)
def test_masks_that_do_not_fit(tmp_path, mask, message):
    with pytest.raises(CellweaveError, match=message):
        written(tmp_path / "set", mask())
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("classes/one.png", np.full((4, 5), 9, np.uint8), "has class code 9, but there are 2 classes"),
        ("classes/one.png", np.zeros((4, 4), np.uint8), r"uint16 \(4, 4\) like that of classes, got uint16 \(4, 5\)"),
        ("classes/one.png", np.zeros((4, 5, 3), np.uint8), "mode RGB; a mask has one channel of 8 or 16 bits"),
        ("instances/one.png", np.zeros((4, 4), np.uint16), r"uint16 \(4, 5\) like that of classes, got"),
        ("instances/one.png", None, "is damaged|is not an image"),
    ],
)
def test_a_check_finds_masks_that_are_spoilt(tmp_path, file, content, message):
    dataset = written(tmp_path / "set")
    if content is None:
        (dataset.root / file).write_bytes(b"PNG")
    else:
        write_png(dataset.root / file, content)
    errors = [one for one in check_dataset(dataset.root).errors if "other checksum" not in one.text]
    assert [one.file for one in errors] == ["classes/one.png"]
    assert re.search(message, errors[0].text)


def test_a_mask_of_another_size_is_told(tmp_path):
    dataset = written(tmp_path / "set", SemanticMask(small_mask().classes))
    write_png(dataset.root / "classes" / "one.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(CellweaveError, match=r"is 4×4, but images\.parquet says 5×4"):
        dataset.read_mask("one")


def test_phantom_tissue_has_masks_of_its_nuclei(tmp_path):
    dataset = CellDataset.open(write_phantom_dataset(tmp_path / "set", images=6, size=96, seed=2))
    seen = 0
    for name in dataset.names():
        mask, cells = dataset.read_mask(name), dataset.read_cells(name)
        assert ((mask.classes == 0) == (mask.instances == 0)).all()
        for number, label in enumerate(cells.labels, start=1):
            own = mask.classes[mask.instances == number]
            assert (own == label + 1).all()
            seen += own.size > 0
    assert seen > 20


def test_more_classes_than_a_mask_can_tell_are_refused(tmp_path):
    names = [f"class {i}" for i in range(255)]
    cells = Cells.empty(classes=names, shape=(4, 5), mpp=0.5)
    mask = SemanticMask(np.zeros((4, 5), np.uint8))
    with (
        pytest.raises(CellweaveError, match="255 classes, and masks of 8 bits can tell 254"),
        DatasetWriter(tmp_path / "set", name="s", classes=names, licence="CC0", source="a test") as writer,
    ):
        writer.add("one", cells, pixels=np.zeros((4, 5, 3), np.uint8), mask=mask)
