import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cellweave.core import DatasetError, InvalidInputError, TableError
from cellweave.data import write_png
from cellweave.data.readers import ImportedImage, read_nucls

HEADER = ",raw_classification,main_classification,super_classification,type,xmin,ymin,xmax,ymax,coords_x,coords_y\n"
FIRST = "TCGA-A1-A0SP-DX1_id-5ea4095addda5f8398977ebc_left-7053_top-53967_bottom-54231_right-7311"
SECOND = "TCGA-BH-A0BL-DX1_id-5ea4095addda5f8398977eff_left-1_top-2_bottom-3_right-4"
ROWS = (
    '0,tumor,tumor_nonMitotic,tumor_any,polyline,2,4,9,8,"2,9,9","4,4,8"\n'
    '1,unlabeled,AMBIGUOUS,AMBIGUOUS,rectangle,10,10,20,12,"10,20,20,10,10","10,10,12,12,10"\n'
    '2,lymphocyte,lymphocyte,sTIL,rectangle,20,0,36,6,"20,36,36,20,20","0,0,6,6,0"\n'
)


def add(source: Path, name: str, rows: str) -> None:
    write_png(source / "rgb" / f"{name}.png", np.zeros((20, 30, 3), np.uint8))
    (source / "csv").mkdir(exist_ok=True)
    (source / "csv" / f"{name}.csv").write_text(HEADER + rows)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    add(tmp_path, FIRST, ROWS)
    add(tmp_path, SECOND, "")
    (tmp_path / "csv" / "ALL_FOV_LOCATIONS.csv").write_text(",fovname,xmin,ymin,xmax,ymax\n0,x,1,2,3,4\n")
    (tmp_path / "train_test_splits").mkdir()
    lists = {"train": "TCGA-A1-A0SP-DX1", "test": "TCGA-BH-A0BL-DX1"}
    for part, slide in lists.items():
        text = f",slide_name,hospital,type,fold\n0,{slide},{slide[5:7]},{part},1\n"
        (tmp_path / "train_test_splits" / f"fold_1_{part}.csv").write_text(text)
    return tmp_path


def read(source: Path, **options) -> list[ImportedImage]:
    return list(read_nucls(source, **options).images)


def test_nuclei_lie_at_the_centres_of_their_boxes(release: Path) -> None:
    first, second = read(release)
    assert first.cells.xy.tolist() == [[5.5, 6.0], [15.0, 11.0], [28.0, 3.0]]
    assert first.cells.label_names() == ["tumor_any", None, "sTIL"]
    assert (first.name, first.split, first.group, first.clipped) == (FIRST, "training", "TCGA-A1-A0SP", 0)
    assert (first.cells.shape, first.cells.mpp) == ((20, 30), 0.2)
    assert len(second.cells) == 0


def test_the_finer_classes_are_a_choice(release: Path) -> None:
    assert read(release, level="main")[0].cells.label_names() == ["tumor_nonMitotic", None, "lymphocyte"]
    with pytest.raises(InvalidInputError, match="levels are super and main, got 'raw'"):
        read(release, level="raw")


def test_a_fold_names_the_test_slides(release: Path) -> None:
    assert [image.split for image in read(release, fold=1)] == ["training", "test"]
    with pytest.raises(DatasetError, match=r"fold_2_train\.csv is missing"):
        read(release, fold=2)


def test_slides_that_a_fold_does_not_list_are_noted(release: Path) -> None:
    (release / "train_test_splits/fold_1_test.csv").write_text("slide_name\n")
    annotated = read_nucls(release, fold=1)
    assert annotated.notes == (
        f"Of the training split, because fold 1 does not list their slide: 1 image ({SECOND}.png).",
    )
    (release / "train_test_splits/fold_1_test.csv").write_text("slide_name\nTCGA-A1-A0SP-DX1\n")
    with pytest.raises(TableError, match=r"both lists of fold 1 of .* hold the slide of TCGA-A1-A0SP"):
        read(release, fold=1)
    (release / "train_test_splits/fold_1_test.csv").write_text("slide\nTCGA-A1-A0SP-DX1\n")
    with pytest.raises(TableError, match=r"fold_1_test\.csv lacks the column slide_name"):
        read(release, fold=1)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "0,tumor,x,tumour,rectangle,2,4,9,8,,\n",
            r"row 1: class 'tumour' is not known; the classes are \['tumor_any'",
        ),
        ("0,tumor,x,sTIL,rectangle,2,,9,8,,\n", r"row 1: ymin is '', which is not a number"),
        ("0,tumor,x,sTIL,rectangle,9,4,2,8,,\n", r"row 1: the box \[9\.0, 4\.0, 2\.0, 8\.0\] ends before it begins"),
        ("0,tumor,x,sTIL,rectangle,2,4,9,80,,\n", r"row 1: x 5\.5, y 42 is not inside the image, which is 30×20"),
    ],
)
def test_bad_rows_are_told(release: Path, rows: str, message: str) -> None:
    add(release, FIRST, rows)
    with pytest.raises(TableError, match=rf"{FIRST}\.csv: {message}"):
        read(release)


def test_bad_releases_are_said(release: Path) -> None:
    with pytest.raises(DatasetError, match="rgb is not NuCLS; give the folder that holds rgb/ and csv/, or label_map"):
        read(release / "rgb")
    with pytest.raises(InvalidInputError, match=r"mpp 0\.5 is given, but the images of .* have 0\.2"):
        read(release, mpp=0.5)
    table = release / "csv" / f"{FIRST}.csv"
    table.write_text("raw_classification,group,xmin,ymin,xmax,ymax\n")
    with pytest.raises(TableError, match=r"csv lacks super_classification; a table of NuCLS has the columns"):
        read(release)
    table.unlink()
    with pytest.raises(DatasetError, match=r"csv has no table for 1 image \(TCGA-A1-A0SP.*of rgb"):
        read(release)
    (release / "rgb" / f"{FIRST}.png").unlink()
    add(release, "fov-1", "")
    with pytest.raises(DatasetError, match=r"fov-1\.png: the name holds no patient's code"):
        read(release)


@pytest.fixture
def points(tmp_path: Path) -> Path:
    (tmp_path / "label_map.yaml").write_text('0: "tumor_any"\n1: "nonTIL_stromal"\n2: "sTIL"\n3: "other_nucleus"\n')
    for split, name, rows in (
        ("train", "train_10", "7,3,0\n29,19,3\n"),
        ("train", "train_2", "\n"),
        ("test", "test_1", "30,4,2\n"),
    ):
        write_png(tmp_path / split / "images" / f"{name}.png", np.zeros((20, 30, 3), np.uint8))
        (tmp_path / split / "labels").mkdir(exist_ok=True)
        (tmp_path / split / "labels" / f"{name}.csv").write_text(rows)
    return tmp_path


def test_points_are_centres_of_whole_pixels(points: Path) -> None:
    annotated = read_nucls(points, mpp=0.5)
    assert [one.name for one in annotated.classes] == ["tumor_any", "nonTIL_stromal", "sTIL", "other_nucleus"]
    images = list(annotated.images)
    assert [(image.name, image.split) for image in images] == [
        ("train_2", "training"),
        ("train_10", "training"),
        ("test_1", "test"),
    ]
    assert images[1].cells.xy.tolist() == [[7.5, 3.5], [29.5, 19.5]]
    assert images[1].cells.label_names() == ["tumor_any", "other_nucleus"]
    assert (images[2].cells.xy.tolist(), images[2].clipped, images[2].cells.mpp) == ([[29.5, 4.5]], 1, 0.5)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("x,y,class\n1,2,0\n", r"row 1: 'x,y,class' cannot be used; its rows are x,y,code, three whole numbers"),
        ("1,2,0\n1,2\n", r"row 2: '1,2' cannot be used"),
        ("1,2,7\n", r"row 1: class '7' is not known"),
        ("1,90,0\n", r"row 1: x 1\.5, y 90\.5 is not inside the image, which is 30×20"),
    ],
)
def test_bad_points_are_told(points: Path, rows: str, message: str) -> None:
    (points / "train/labels/train_10.csv").write_text(rows)
    with pytest.raises(TableError, match=rf"train_10\.csv: {message}"):
        read(points)


def test_bad_folders_of_points_are_said(points: Path) -> None:
    with pytest.raises(InvalidInputError, match="fold is for the released layout of NuCLS"):
        read(points, fold=1)
    (points / "train/labels/train_10.csv").unlink()
    with pytest.raises(DatasetError, match=r"train_10\.csv is missing, but its image is there"):
        read(points)
    for text, message in (
        ("- a\n", "names no classes"),
        ("0: [", "is not YAML that can be read"),
        ("one: a\n", "'one': 'a' is not a whole number and a name"),
        ("0: a\n1: a\n", "class names must differ"),
    ):
        (points / "label_map.yaml").write_text(text)
        with pytest.raises(TableError, match=rf"label_map\.yaml:? {message}"):
            read(points)


@pytest.mark.data
def test_the_sample() -> None:
    if "CELLWEAVE_DATA" not in os.environ:
        pytest.skip("CELLWEAVE_DATA is not set: the real data are not here")
    images = read(Path(os.environ["CELLWEAVE_DATA"]) / "nucls-sample")
    assert Counter(image.split for image in images) == {"training": 10, "test": 5}
    counts = Counter(label for image in images for label in image.cells.label_names())
    assert counts == {"tumor_any": 89, "nonTIL_stromal": 95, "sTIL": 323, "other_nucleus": 77}
    assert sum(image.clipped for image in images) == 0
