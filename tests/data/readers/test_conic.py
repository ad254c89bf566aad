from pathlib import Path

import numpy as np
import pytest

from cellweave.core import DatasetError, TableError
from cellweave.data.readers import ImportedImage, read_conic


@pytest.fixture
def source(tmp_path: Path) -> Path:
    labels = np.zeros((3, 256, 256, 2), np.uint16)
    labels[0, 0:4, 0:4], labels[0, 0:4, 4:8] = (1, 2), (2, 6)
    labels[0, 0:4, 4, 1] = 1  # a quarter of the second nucleus says otherwise
    labels[0, 255, 255] = (3, 0)
    labels[2, 100:110, 50:60] = (9, 4)
    images = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "labels.npy", labels)
    (tmp_path / "patch_info.csv").write_text("patch_info\nconsep_1-0000\nconsep_1-0001\nglas_2-0000\n")
    return tmp_path


def read(source: Path) -> list[ImportedImage]:
    return list(read_conic(source).images)


def test_patches_with_nuclei_names_and_groups(source: Path) -> None:
    first, second, third = read(source)
    assert first.cells.xy.tolist() == [[2.0, 2.0], [6.0, 2.0], [255.5, 255.5]]
    assert first.cells.label_names() == ["epithelial", "connective", None]
    assert [one.name for one in (first, second, third)] == ["consep_1-0000", "consep_1-0001", "glas_2-0000"]
    assert [one.group for one in (first, second, third)] == ["consep_1", "consep_1", "glas_2"]
    assert {one.split for one in (first, second, third)} == {"training"}
    assert len(second.cells) == 0
    assert third.cells.xy.tolist() == [[55.0, 105.0]]
    assert first.pixels is not None
    assert (first.pixels == np.load(source / "images.npy")[0]).all()
    assert (first.file, first.cells.mpp) == (None, 0.5)


def test_without_names_every_patch_is_its_own_group(source: Path) -> None:
    (source / "patch_info.csv").unlink()
    assert [one.group for one in read(source)] == ["patch_00000", "patch_00001", "patch_00002"]
    assert read_conic(source).notes[1] == "Every patch is its own group, because patch_info.csv is missing."


@pytest.mark.parametrize("rows", ["a-1\nb-1\n", "a-1\nb-1\nb-1\n", "a-1\nb-1\nc-1\nd-1\n"])
def test_names_must_be_as_many_as_patches(source: Path, rows: str) -> None:
    (source / "patch_info.csv").write_text(f"patch_info\n{rows}")
    with pytest.raises(TableError, match=r"patch_info\.csv names \d patches in \d rows, images\.npy holds 3"):
        read(source)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("labels", np.zeros((2, 256, 256, 2)), r"labels\.npy holds float64 \(2, 256, 256, 2\); .*\(3, 256, 256, 2\)"),
        ("labels", np.zeros((3, 256, 256)), r"labels\.npy holds float64 \(3, 256, 256\)"),
        ("images", np.zeros((3, 128, 128, 3), np.uint8), r"images\.npy holds uint8 .*\(N, 256, 256, 3\)"),
        ("images", np.zeros((3, 256, 256, 3), np.float32), r"images\.npy holds float32; the release holds uint8"),
        ("labels", np.full((3, 256, 256, 2), 7), r"labels\.npy: class code 7 is not known"),
        ("labels", np.full((3, 256, 256, 2), 0.5), r"labels\.npy: a mask holds 0\.5"),
        ("images", np.array([{}]), r"images\.npy is not an array that can be read .*pickled objects are never read"),
    ],
)
def test_bad_arrays(source: Path, name: str, array: np.ndarray, message: str) -> None:
    np.save(source / f"{name}.npy", array)
    with pytest.raises(DatasetError, match=message):
        read(source)


def test_missing_parts(source: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        read(source / "nowhere")
    (source / "labels.npy").unlink()
    with pytest.raises(DatasetError, match=r"labels\.npy is missing"):
        read(source)


def test_a_release_without_patches_has_no_images(source: Path) -> None:
    np.save(source / "images.npy", np.zeros((0, 256, 256, 3), np.uint8))
    np.save(source / "labels.npy", np.zeros((0, 256, 256, 2), np.uint16))
    (source / "patch_info.csv").unlink()
    assert read_conic(source).total == 0
