import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cellweave.core import DatasetError, TableError
from cellweave.data.readers import ImportedImage, read_crchistophenotypes
from cellweave.data.readers.crchistophenotypes import labels_of

KINDS = ("epithelial", "inflammatory", "fibroblast", "others")


def write_mat(path: Path, points: list[list[float]], variable: str = "detection") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {variable: np.array(points, np.float64).reshape(-1, 2)})


def add(source: Path, name: str, nuclei: list[list[float]], **kinds: list[list[float]]) -> None:
    write_mat(source / f"Detection/{name}/{name}_detection.mat", nuclei)
    Image.new("RGB", (30, 20)).save(source / f"Detection/{name}/{name}.bmp")
    for kind in KINDS:
        write_mat(source / f"Classification/{name}/{name}_{kind}.mat", kinds.get(kind, []))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    add(tmp_path, "img1", [[1, 1], [30, 20], [8.25, 5]], epithelial=[[8.25, 5]], others=[[30, 18]])
    add(tmp_path, "img10", [])
    add(tmp_path, "img2", [[0.25, 7]], fibroblast=[[20, 20]])
    return tmp_path


def read(source: Path) -> list[ImportedImage]:
    return list(read_crchistophenotypes(source).images)


def test_pixels_counted_from_one_become_centres_and_nuclei_get_their_classes(source: Path) -> None:
    first = read(source)[0]
    assert first.cells.xy.tolist() == [[0.5, 0.5], [29.5, 19.5], [7.75, 4.5]]
    assert first.cells.label_names() == [None, "others", "epithelial"]
    assert (first.name, first.split, first.group, first.clipped) == ("img1", "training", "img1", 0)
    assert (first.cells.shape, first.cells.mpp) == ((20, 30), 0.55)


def test_images_come_in_the_order_of_their_numbers(source: Path) -> None:
    images = read(source)
    assert [image.name for image in images] == ["img1", "img2", "img10"]
    assert (images[1].cells.xy.tolist(), images[1].clipped) == ([[0.5, 6.5]], 1)
    assert len(images[2].cells) == 0


def test_marks_without_a_nucleus_and_missing_images_are_noted(source: Path) -> None:
    assert read_crchistophenotypes(source).notes == (
        "There are 3 images, where the release has 100.",
        "Left out, because Detection has no nucleus of theirs within 5 pixels: 1 mark of Classification.",
    )


def test_without_classification_nuclei_have_no_class(source: Path) -> None:
    (source / "Classification").rename(source / "elsewhere")
    annotated = read_crchistophenotypes(source)
    assert annotated.notes[1].endswith("no folder of them: 3 images (img1, img2, img10).")
    assert next(iter(annotated.images)).cells.label_names() == [None] * 3


def test_a_table_gives_splits_and_groups(source: Path) -> None:
    table = source / "facts.csv"
    table.write_text("image,split,group\nimg2,test,patient-1\nimg1.bmp,validation,patient-2\n")
    annotated = read_crchistophenotypes(source, image_table=table)
    facts = [(image.split, image.group, image.cells.mpp) for image in annotated.images]
    assert facts == [("validation", "patient-2", 0.55), ("test", "patient-1", 0.55), ("training", "img10", 0.55)]
    assert "because facts.csv lacks them: 1 image (img10.bmp)" in annotated.notes[1]


def test_bad_layouts_are_said(source: Path) -> None:
    with pytest.raises(DatasetError, match="Detection is not CRCHistoPhenotypes in its released layout"):
        read(source / "Detection")
    mark = source / "Classification/img1/img1_others.mat"
    mark.unlink()
    with pytest.raises(DatasetError, match=r"img1_others\.mat is missing, but its image is there"):
        read(source)
    write_mat(mark, [])
    (source / "Detection/img2/img2.bmp").unlink()
    with pytest.raises(DatasetError, match=r"Detection/img2 holds 0 images called img2, where the release has one"):
        read(source)
    (source / "empty/Detection").mkdir(parents=True)
    with pytest.raises(DatasetError, match="Detection holds no folders such as img1/"):
        read(source / "empty")


VERSION_7_3 = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512)


def cut(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])


DAMAGE = {
    "empty": (lambda path: path.write_bytes(b""), "is not a MATLAB file that can be read"),
    "text": (lambda path: path.write_text("1 2\n" * 99), "is not a MATLAB file that can be read"),
    "version 7.3": (lambda path: path.write_bytes(VERSION_7_3), r"is a MATLAB file of version 7\.3; save it with -v7"),
    "cut in the header": (lambda path: cut(path, 0.1), "is not a MATLAB file that can be read"),
    "cut in the numbers": (lambda path: cut(path, 0.9), "is not a MATLAB file that can be read"),
    "other name": (lambda path: write_mat(path, [[1, 2]], "points"), "has no variable 'detection'"),
    "three columns": (
        lambda path: scipy.io.savemat(path, {"detection": np.ones((4, 3))}),
        r"detection has shape \(4, 3\), not \(N, 2\)",
    ),
    "words": (
        lambda path: scipy.io.savemat(path, {"detection": "hello"}),
        "detection holds <U5 values, not numbers",
    ),
    "far outside": (lambda path: write_mat(path, [[1, 2], [5, 99]]), r"row 2: x 4\.5, y 98\.5 is not inside"),
    "not a number": (lambda path: write_mat(path, [[np.nan, 2]]), r"row 1: x nan, y 1\.5 is not inside"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_files_are_told_by_name(source: Path, name: str) -> None:
    damage, message = DAMAGE[name]
    damage(source / "Detection/img2/img2_detection.mat")
    (source / "Classification").rename(source / "elsewhere")
    with pytest.raises((DatasetError, TableError), match=rf"img2_detection\.mat:? {message}") as told:
        read(source)
    assert "\n" not in str(told.value)


def test_the_closest_pair_is_matched_first_and_a_nucleus_gets_one_class() -> None:
    nuclei = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 0.0]])
    kinds = [np.array([[3.0, 0.0], [4.0, 0.0]]), np.array([[4.0, 0.0], [-1.0, 0.0], [20.0, 0.0]])]
    labels, left = labels_of(nuclei, kinds)
    assert labels.tolist() == [1, 0, 1]
    assert left == 2  # (3, 0), whose three nuclei have closer marks, and the one far off


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), unique=True), st.randoms(use_true_random=False))
def test_marks_at_the_very_place_give_every_nucleus_its_class(points: list[tuple[int, int]], random) -> None:
    nuclei = np.array(points, np.float64).reshape(-1, 2)
    given_labels = np.array([random.choice([-1, 0, 1]) for _ in points], np.int64)
    labels, left = labels_of(nuclei, [nuclei[given_labels == 0][::-1], nuclei[given_labels == 1]], reach_px=0.5)
    assert labels.tolist() == given_labels.tolist()
    assert left == 0


@pytest.mark.data
def test_the_released_data() -> None:
    if "CELLWEAVE_DATA" not in os.environ:
        pytest.skip("CELLWEAVE_DATA is not set: the real data are not here")
    annotated = read_crchistophenotypes(Path(os.environ["CELLWEAVE_DATA"]) / "crchistophenotypes")
    images = list(annotated.images)
    counts = Counter(label for image in images for label in image.cells.label_names())
    assert (len(images), sum(image.clipped for image in images)) == (80, 5)
    assert counts == {None: 5460, "epithelial": 6228, "inflammatory": 5198, "fibroblast": 4535, "others": 1833}
    assert "7 marks of Classification" in annotated.notes[1]
