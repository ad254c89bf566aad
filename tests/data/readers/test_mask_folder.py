import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from cellweave.core import DatasetError, InvalidInputError, TableError
from cellweave.data import cut_patch, plan_patches, read_image, write_png
from cellweave.data.readers import ImportedImage, read_mask_folder


def write_mask(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, mask) if path.suffix == ".npy" else cv2.imwrite(str(path), mask)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    mask = np.zeros((20, 30), np.uint16)
    mask[0:4, 0:4], mask[0:4, 4:8], mask[10:20, 20:30] = 1, 300, 2
    codes = np.zeros((20, 30), np.uint8)
    codes[0:4, 0:4], codes[0:4, 4:8], codes[10:20, 20:30] = 3, 255, 1
    empty = np.zeros((20, 30), np.uint16)
    for name, ending, numbers, classes in (
        ("a", ".png", mask, codes),
        ("b", ".tif", mask, codes),
        ("c", ".npy", empty, empty.astype(np.uint8)),
    ):
        write_png(tmp_path / "images" / f"{name}.png", np.zeros((20, 30, 3), np.uint8))
        write_mask(tmp_path / "instances" / f"{name}{ending}", numbers)
        write_mask(tmp_path / "classes" / f"{name}.png", classes)
    return tmp_path


def read(source: Path, **options: object) -> dict[str, ImportedImage]:
    return {image.name: image for image in read_mask_folder(source, **options).images}


def table(source: Path, text: str) -> Path:
    (source / "classes.csv").write_text(text)
    return source / "classes.csv"


def test_masks_alone(source: Path) -> None:
    images = read(source, mpp=0.5)
    for name in ("a", "b"):
        assert images[name].cells.xy.tolist() == [[2.0, 2.0], [25.0, 15.0], [6.0, 2.0]]
        assert images[name].cells.label_names() == [None] * 3
    assert (images["a"].split, images["a"].group, images["a"].cells.mpp) == ("training", "a", 0.5)
    assert len(images["c"].cells) == 0
    assert read_mask_folder(source).classes == ()
    assert "The cells have no class" in read_mask_folder(source).notes[0]


def test_a_table_of_classes(source: Path) -> None:
    path = table(source, "image,instance,class\na,300,tumor\na.png,1,stromal\nb,2,\nb,1,tumor\n")
    images = read(source, class_table=path)
    assert images["a"].cells.label_names() == ["stromal", None, "tumor"]
    assert images["b"].cells.label_names() == ["tumor", None, None]
    assert images["a"].cells.classes == ("stromal", "tumor")
    assert read(source, class_table=path, classes=["tumor", "x", "stromal"])["a"].cells.labels.tolist() == [2, -1, 0]


def test_masks_of_classes(source: Path) -> None:
    images = read(source, class_codes=["3=tumor", "1=stromal"])
    assert images["a"].cells.classes == ("stromal", "tumor")
    assert images["a"].cells.label_names() == ["tumor", "stromal", None]
    assert read(source, class_codes=["1=x", "3=x"])["a"].cells.label_names() == ["x", "x", None]
    assert read(source, class_codes=["1=x", "3=x", "255=y"])["a"].cells.label_names() == ["x", "x", "y"]


def test_split_group_and_scale_of_a_table_and_images_elsewhere(source: Path) -> None:
    (source / "images").rename(source / "photos")
    (source / "facts.csv").write_text("image,split,group,mpp\na,test,p1,0.25\n")
    annotated = read_mask_folder(source, images=source / "photos", image_table=source / "facts.csv", mpp=0.5)
    images = list(annotated.images)
    assert [(one.split, one.group, one.cells.mpp) for one in images[:2]] == [
        ("test", "p1", 0.25),
        ("training", "b", 0.5),
    ]
    assert "because facts.csv lacks them: 2 images (b.png, c.png)" in annotated.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,instance\na,1\n", "classes.csv lacks the column class"),
        ("image,instance,class\nz,1,x\n", "image 'z' is not in"),
        ("image,instance,class\na,0,x\n", "row 1: instance is '0'; give a nucleus's number"),
        ("image,instance,class\na,1,x\na,1.5,x\n", "row 2: instance is '1.5'"),
        ("image,instance,class,class\na,1,x,y\n", "has the column class 2 times"),
        ("", "classes.csv is empty"),
    ],
)
def test_bad_tables(source: Path, text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read(source, class_table=table(source, text))


def test_tables_that_do_not_fit_the_masks(source: Path) -> None:
    with pytest.raises(DatasetError, match=r"a\.png: .*nuclei that are not in the mask: 9;"):
        read(source, class_table=table(source, "image,instance,class\na,9,x\n"))
    with pytest.raises(DatasetError, match=r"a\.png: the table of classes has nucleus 1 twice"):
        read(source, class_table=table(source, "image,instance,class\na,1,x\na,1,y\n"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_codes": ["tumor"]}, r"class codes are written 1=tumor,2=stromal .* got 'tumor'"),
        ({"class_codes": ["0=tumor"]}, "got '0=tumor'"),
        ({"class_codes": ["1="]}, "got '1='"),
        ({"class_codes": ["1=a", "1=b"]}, "class code 1 is given twice"),
        ({"class_codes": ["1=a"], "classes": ["b"]}, r"the classes a, which are not among \['b'\]"),
        ({"class_codes": ["1=a"], "class_table": Path("t.csv")}, "give one of them"),
        ({"mpp": 0.0}, "must be a positive number"),
    ],
)
def test_bad_options(source: Path, options: dict, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read(source, **options)


def test_bad_masks(source: Path) -> None:
    with pytest.raises(DatasetError, match=r"classes/a\.png: class code 3 is not known; the codes are \[1, 255\]"):
        read(source, class_codes=["1=stromal"])
    write_mask(source / "classes/a.png", np.ones((5, 5), np.uint8))
    with pytest.raises(DatasetError, match=r"classes/a\.png: the mask of classes is 5×5, that of nuclei 30×20"):
        read(source, class_codes=["1=stromal", "3=tumor"])
    write_mask(source / "instances/a.png", np.ones((20, 29), np.uint8))
    with pytest.raises(DatasetError, match=r"instances/a\.png: the mask is 29×20, the image a\.png 30×20"):
        read(source)
    mask = np.zeros((20, 30), np.uint8)
    mask[2:5, 2:5] = mask[10:15, 10:15] = 255
    write_mask(source / "instances/a.png", mask)
    with pytest.raises(
        DatasetError, match=r"a\.png: all 2 parts of the mask have the number 255; it tells nuclei from"
    ):
        read(source)
    mask[10:15, 10:15] = 0
    write_mask(source / "instances/a.png", mask)
    assert len(read(source)["a"].cells) == 1


def test_missing_partners_and_folders(source: Path) -> None:
    (source / "classes/b.png").unlink()
    with pytest.raises(DatasetError, match=r"images/b\.png has no annotation"):
        read(source, class_codes=["1=x", "3=y"])
    (source / "instances/a.png").unlink()
    with pytest.raises(DatasetError, match=r"images/a\.png has no annotation"):
        read(source)
    with pytest.raises(DatasetError, match="is not a folder; give the folder that holds the images"):
        read(source / "nowhere")
    with pytest.raises(DatasetError, match="instances is not a folder; masks lie there"):
        read(source / "elsewhere", images=source / "images")


@pytest.mark.data
def test_a_real_region_of_classes_alone(tmp_path: Path) -> None:
    """A region whose unknown pixels are white in the image: none of its patches has one."""
    if "CELLWEAVE_DATA" not in os.environ:
        pytest.skip("CELLWEAVE_DATA is not set: the real data are not here")
    for kind in ("images", "classes"):
        (tmp_path / kind).mkdir()
        file = f"{kind}/consep_7.png"
        (tmp_path / file).symlink_to(Path(os.environ["CELLWEAVE_DATA"]) / "lizard-regions" / file)
    names = ["neutrophil", "epithelial", "lymphocyte", "plasma", "eosinophil", "connective"]
    image = read(tmp_path, class_codes=[f"{code}={name}" for code, name in enumerate(names, start=1)])["consep_7"]
    assert image.cells.counts() == dict.fromkeys(names, 0) | {"neutrophil": 1, "connective": 15}
    assert image.mask is not None
    assert image.mask.unknown_share == pytest.approx(0.4549, abs=1e-4)
    plan = plan_patches(image.mask, side=64, held_out=0.075, image="consep_7")
    assert (len(plan.corners), len(plan.held_out), plan.unknown) == (51, 8, 96)
    pixels = read_image(tmp_path / "images" / "consep_7.png")
    for corner in (*plan.corners, *plan.held_out):
        patch = cut_patch(pixels, image.cells, image.mask, corner, side=64)
        assert patch.mask.unknown_share == 0
        assert (patch.pixels == 255).all(axis=2).mean() < 0.2
