from pathlib import Path

import numpy as np
import pytest

from cellweave.core import DatasetError
from cellweave.data.readers import ImportedImage, read_pannuke


def add(source: Path, images: str, masks: str, tissues: list[str], *, kind: type = np.float64) -> None:
    count = len(tissues)
    pixels = np.random.default_rng(count).integers(0, 256, (count, 256, 256, 3)).astype(kind)
    numbers = np.zeros((count, 256, 256, 6))
    numbers[:, 0:4, 0:4, 0] = 5
    numbers[:, 0:4, 4:8, 0] = 6
    numbers[:, 0:2, 0:2, 4] = 5  # a nucleus of another class on the same pixels
    numbers[..., 5] = (numbers[..., :5] == 0).all(axis=-1)
    numbers[1:] = 0
    for folder, name, array in (
        (images, "images", pixels),
        (images, "types", np.array(tissues)),
        (masks, "masks", numbers),
    ):
        (source / folder).mkdir(parents=True, exist_ok=True)
        np.save(source / folder / f"{name}.npy", array)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    add(tmp_path, "Fold 1/images/fold1", "Fold 1/masks/fold1", ["Breast", "Bile-duct"])
    add(tmp_path, "fold_2", "fold_2", ["Colon"], kind=np.uint8)
    return tmp_path


def read(source: Path) -> list[ImportedImage]:
    return list(read_pannuke(source).images)


def test_folds_channels_and_names(source: Path) -> None:
    images = read(source)
    assert [(one.name, one.split) for one in images] == [
        ("fold1_Breast_00000", "training"),
        ("fold1_Bile-duct_00001", "training"),
        ("fold2_Colon_00000", "validation"),
    ]
    cells = images[0].cells
    assert cells.xy.tolist() == [[2.0, 2.0], [6.0, 2.0], [1.0, 1.0]]
    assert cells.label_names() == ["neoplastic", "neoplastic", "epithelial"]
    assert (cells.mpp, len(images[1].cells), images[0].group) == (0.25, 0, "fold1_Breast_00000")
    assert images[0].pixels is not None
    assert images[0].pixels.dtype == np.uint8
    assert (images[0].pixels == np.load(source / "Fold 1/images/fold1/images.npy")[0]).all()


def test_a_fold_alone(source: Path) -> None:
    for folder in ("Fold 1", "fold_2"):
        assert len(read(source / folder)) > 0
    notes = read_pannuke(source / "Fold 1").notes
    assert notes[:2] == ("There is no validation split.", "There is no test split.")


def test_tissues_may_be_missing(source: Path) -> None:
    (source / "fold_2/types.npy").unlink()
    assert read(source)[2].name == "fold2_00000"
    assert "of fold 2 lack the tissue" in read_pannuke(source).notes[-1]


def test_missing_and_double_arrays(source: Path) -> None:
    (source / "fold_2/masks.npy").rename(source / "fold_2/spare.npy")
    with pytest.raises(DatasetError, match=r"has no masks\.npy of fold 2"):
        read(source)
    (source / "fold_2/spare.npy").unlink()
    add(source, "fold1", "fold1", ["Breast"])
    with pytest.raises(DatasetError, match="are both of fold 1; remove one of them"):
        read(source)
    (source / "empty").mkdir()
    with pytest.raises(DatasetError, match="is not PanNuke in its released layout"):
        read(source / "empty")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("masks", np.zeros((1, 256, 256, 5)), r"masks\.npy holds float64 .*\(1, 256, 256, 6\)"),
        ("images", np.zeros((1, 256, 256)), r"images\.npy holds float64 .*\(N, 256, 256, 3\)"),
        ("images", np.full((1, 256, 256, 3), np.nan), r"images\.npy holds nan; pixels lie between 0 and 255"),
        ("images", np.full((1, 256, 256, 3), 256.0), r"images\.npy holds 256\.0"),
        ("masks", np.full((1, 256, 256, 6), 0.5), r"masks\.npy: a mask holds 0\.5"),
        ("types", np.array(["a", "b"]), r"types\.npy holds <U1 \(2,\); it must hold 1 names"),
        ("types", np.array(["Breast"], object), r"types\.npy is not an array .*pickled objects are never read"),
    ],
)
def test_bad_arrays(source: Path, name: str, array: np.ndarray, message: str) -> None:
    np.save(source / "fold_2" / f"{name}.npy", array)
    with pytest.raises(DatasetError, match=message):
        read(source)
