import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cellweave.core import Cells, DatasetError, sha256_of
from cellweave.data import DatasetWriter, check_dataset, write_png

CLASSES = ("tumor", "stromal")


def picture(value: int) -> np.ndarray:
    return np.full((8, 10, 3), value, np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with DatasetWriter(tmp_path / "set", name="", classes=CLASSES, licence="", source="") as writer:
        for i, name in enumerate(["a", "b"]):
            cells = Cells([[1.5, 2.5], [9, 7]], [0, -1], classes=CLASSES, shape=(8, 10), mpp=0.5)
            writer.add(name, cells, pixels=picture(i), split="training")
    return tmp_path / "set"


def change(root: Path, table: str, row: int, **values: Any) -> None:
    """Change one row of a table, and the checksum with it, so that the checksum is no finding."""
    path = root / f"{table}.parquet"
    frame = pd.read_parquet(path)
    for column, value in values.items():
        frame.loc[row, column] = value
    frame.to_parquet(path)
    trust(root, path)


def trust(root: Path, *paths: Path) -> None:
    about = json.loads((root / "dataset.json").read_text())
    about["checksums"] |= {path.relative_to(root).as_posix(): sha256_of(path) for path in paths}
    (root / "dataset.json").write_text(json.dumps(about))


def findings(root: Path) -> list[tuple[str, str, str]]:
    return [(one.severity, one.file, one.text) for one in check_dataset(root).findings]


def test_a_whole_data_set_has_no_findings(root: Path) -> None:
    report = check_dataset(root)
    assert (report.findings, report.errors, report.images, report.cells) == ((), (), 2, 4)


def test_progress_is_told_of_every_image(root: Path) -> None:
    steps = []
    check_dataset(root, progress=lambda stage, done, total, note="": steps.append((stage, done, total)))
    assert steps == [("checking images", 1, 2), ("checking images", 2, 2)]


def test_files_missing_changed_and_unlisted(root: Path) -> None:
    (root / "images" / "a.png").unlink()
    write_png(root / "images" / "b.png", picture(9))
    (root / "notes.txt").touch()
    found = findings(root)
    assert ("error", "images/a.png", "is missing; copy it back, or import the data again.") in found
    changed = "has changed since it was written (other checksum); import the data again."
    assert ("error", "images/b.png", changed) in found
    assert found[-1] == ("warning", "notes.txt", "is not listed in dataset.json; remove it if it does not belong here.")
    assert [one[:2] for one in found].count(("error", "images/a.png")) == 2  # missing, and unreadable as an image


def test_an_unreadable_image_and_one_of_another_size(root: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    write_png(root / "images" / "a.png", noise)
    (root / "images" / "a.png").write_bytes((root / "images" / "a.png").read_bytes()[:100])
    write_png(root / "images" / "b.png", picture(9)[:, :5])
    trust(root, root / "images" / "a.png", root / "images" / "b.png")
    (cut, small) = findings(root)
    assert cut[:2] == ("error", "images/a.png")
    assert "cannot be read" in cut[2]
    assert small == ("error", "images/b.png", "is 5×8, images.parquet says 10×8; import it again.")


@pytest.mark.parametrize("file", ["../outside.png", "/etc/hostname"])
def test_a_file_outside_the_data_set_is_not_read(root: Path, file: str) -> None:
    write_png(root.parent / "outside.png", picture(3))
    change(root, "images", 0, file=file)
    expected = f"file {file!r} of image 'a' leaves the data set; it is not read."
    assert ("error", "images.parquet", expected) in findings(root)


def test_a_checksum_of_a_file_outside_the_data_set_is_not_computed(root: Path) -> None:
    about = json.loads((root / "dataset.json").read_text())
    about["checksums"]["../outside.png"] = "0"
    (root / "dataset.json").write_text(json.dumps(about))
    ((severity, file, text),) = findings(root)
    assert (severity, file) == ("error", "dataset.json")
    assert "'../outside.png', a path that leaves the data set" in text


@pytest.mark.parametrize(("x", "shown"), [(10.0, "10"), (-0.5, "-0.5"), (float("inf"), "inf")])
def test_cells_outside_their_frame(root: Path, x: float, shown: str) -> None:
    change(root, "cells", 2, x=x)
    text = f"1 cell outside the frame: row 2 of image b at ({shown}, 2.5), frame 10×8."
    assert findings(root) == [("error", "cells.parquet", text)]


def test_nan_in_a_cell(root: Path) -> None:
    change(root, "cells", 3, y=np.nan)
    assert findings(root) == [
        ("error", "cells.parquet", "1 cell outside the frame: row 3 of image b at (9, nan), frame 10×8.")
    ]


def test_cells_of_unknown_classes_and_images(root: Path) -> None:
    change(root, "cells", 0, label="mast")
    change(root, "cells", 3, image="z")
    assert findings(root) == [
        ("error", "cells.parquet", "1 cell of images that images.parquet lacks: z."),
        ("error", "cells.parquet", "1 cell of unknown class: mast; known: tumor, stromal."),
    ]


def test_cells_on_top_of_one_another_and_images_without_cells(root: Path) -> None:
    change(root, "cells", 1, x=1.5, y=2.5)
    change(root, "cells", 2, image="a", x=3.5)
    change(root, "cells", 3, image="a", x=4.5)
    assert findings(root) == [
        ("warning", "cells.parquet", "1 cell at the very place of another, in a."),
        ("warning", "cells.parquet", "no cells in 1 image (b); have they been annotated?"),
    ]


def test_groups_spread_over_splits_are_named(root: Path) -> None:
    change(root, "images", 0, group="p1")
    change(root, "images", 1, group="p1", split="validation")
    text = "images in several splits of 1 group (p1: training and validation); scores there are too good."
    assert findings(root) == [("warning", "images.parquet", text)]


def test_unknown_and_impossible_scales(root: Path) -> None:
    change(root, "images", 0, mpp=None)
    change(root, "images", 1, mpp=-1.0)
    assert findings(root) == [
        ("error", "images.parquet", "mpp is not a positive number: b; correct it, or leave it empty."),
        ("warning", "images.parquet", "unknown scale (mpp) of 1 image (a); no lengths in µm there."),
    ]


def test_names_that_stand_there_twice_and_strange_splits(root: Path) -> None:
    change(root, "images", 1, image="a", split="train")
    found = findings(root)
    assert ("error", "images.parquet", "names that stand there twice: a; image names must differ.") in found
    assert (
        "error",
        "images.parquet",
        "unknown splits: a ('train'); the splits are training, validation, test.",
    ) in found


def test_the_same_picture_twice(root: Path) -> None:
    write_png(root / "images" / "b.png", picture(0))
    trust(root, root / "images" / "b.png")
    assert findings(root) == [("warning", "images/a.png", "is the same picture as images/b.png.")]


def test_many_examples_are_counted_not_listed(root: Path) -> None:
    with DatasetWriter(root, name="", classes=CLASSES, licence="", source="", overwrite=True) as writer:
        for i in range(8):
            writer.add(f"i{i}", Cells.empty(classes=CLASSES, shape=(2, 2)))
    texts = [text for _, _, text in findings(root)]
    assert "no cells in 8 images (i0, i1, i2, i3, i4 and 3 more); have they been annotated?" in texts


def test_no_images_at_all(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "set", name="", classes=CLASSES, licence="", source=""):
        pass
    assert findings(tmp_path / "set") == [("error", "images.parquet", "has no images; import some.")]


def test_what_is_no_data_set_is_an_error_not_a_finding(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        check_dataset(tmp_path / "nowhere")
