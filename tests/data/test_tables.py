import math

import numpy as np
import pandas as pd
import pytest

from cellweave.core import Cells, TableError
from cellweave.data import write_cells_table
from cellweave.data.tables import PointTable, cells_by_image, read_point_table


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_keeps_names_and_every_digit(tmp_path):
    path = write(tmp_path / "a.csv", "image,x,y,label,score\n007,0.1234567890123456,2,01,0.5\nb, 1e1 ,3,,\n")
    points = read_point_table(path)
    assert list(points.columns) == ["image", "x", "y", "label", "score"]
    assert points["image"].tolist() == ["007", "b"]
    assert points[["x", "y"]].to_numpy().tolist() == [[0.1234567890123456, 2], [10, 3]]
    assert points["label"].tolist() == ["01", None]
    assert points["score"][0] == 0.5
    assert math.isnan(points["score"][1])


def test_parquet_of_other_types_reads_the_same(tmp_path):
    table = {"image": [7, 8], "x": np.float32([0.5, 2]), "y": [1, 2], "label": pd.Categorical(["a", None]), "more": 0}
    pd.DataFrame(table).to_parquet(tmp_path / "a.parquet")
    points = read_point_table(tmp_path / "a.parquet")
    assert points["image"].tolist() == ["7", "8"]
    assert points[["x", "y"]].to_numpy().tolist() == [[0.5, 1], [2, 2]]
    assert points["label"].tolist() == ["a", None]
    assert points["score"].isna().all()


def test_a_byte_order_mark_and_other_columns_do_no_harm(tmp_path):
    path = write(tmp_path / "a.csv", "\ufeffy,stain,image,x\n1,HE,a,2\n")
    assert read_point_table(path)[["image", "x", "y"]].to_numpy().tolist() == [["a", 2, 1]]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_reads_what_this_program_writes(tmp_path, suffix):
    written = {
        "a": Cells([[1.5, 2.25], [0.1, 0]], [1, -1], classes=("tumor", "stromal"), shape=(4, 4), scores=[0.5, 0.25]),
        "b": Cells.empty(classes=("tumor", "stromal"), shape=(4, 4)),
    }
    write_cells_table(tmp_path / f"cells.{suffix}", written)
    table = PointTable.read(tmp_path / f"cells.{suffix}")
    shapes = {name: cells.shape for name, cells in written.items()}
    read = cells_by_image(table, shapes=shapes, classes=("tumor", "stromal"), mpp={"b": 0.5})
    assert table.has_labels
    assert read["a"].xy.tolist() == written["a"].xy.tolist()
    assert read["a"].labels.tolist() == [1, -1]
    assert (len(read["b"]), read["a"].mpp, read["b"].mpp) == (0, None, 0.5)


@pytest.mark.parametrize(
    ("content", "has_labels"),
    [
        ("image,x,y\na,1,1\n", False),
        ("image,x,y,label\na,1,1,\n", False),
        ("image,x,y,label\na,1,1,t\n", True),
        ("image,x,y,label\n", True),
        ("image,x,y\n", False),
    ],
)
def test_a_table_speaks_of_classes_or_does_not(tmp_path, content, has_labels):
    assert PointTable.read(write(tmp_path / "a.csv", content)).has_labels == has_labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.csv is empty; a table of points has the columns image, x, y"),
        ("\n\n", "a.csv is empty"),
        (b"\x89PNG\r\n\x1a\n\xff", "a.csv is not text in UTF-8"),
        ("dear diary\n", "a.csv lacks image, x, y; it has 'dear diary'"),
        ("image;x;y\na;1;1\n", "it has 'image;x;y': .* separated by commas"),
        ("image,x,label\na,1,t\n", "a.csv lacks y; it has 'image, x, label'"),
        ("image,x,y,x\na,1,1,1\n", "a.csv has the column x 2 times; keep one"),
        ("image,x,y\na,1,1,t\n", "a.csv cannot be read as a table .*Expected 3 fields in line 2, saw 4"),
        ('image,x,y\n"a,1,1\n', "a.csv cannot be read as a table .*EOF inside string"),
        ("image,x,y\na,1,1\nb,1\n", "a.csv: row 2: y is '', which is not a finite number; correct or remove the row"),
        ("image,x,y\na,one,1\n", "a.csv: row 1: x is 'one'"),
        ("image,x,y\na,1,1\na,NaN,1\n", "a.csv: row 2: x is 'NaN'"),
        ("image,x,y\na,1,inf\n", "a.csv: row 1: y is 'inf'"),
        ("image,x,y,score\na,1,1,high\n", "a.csv: row 1: score is 'high'"),
        ("image,x,y\n ,1,1\n", "a.csv: row 1: image is empty; name the image of every row"),
    ],
)
def test_bad_csv_is_told_in_one_line(tmp_path, content, message):
    with pytest.raises(TableError, match=message) as caught:
        read_point_table(write(tmp_path / "a.csv", content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": ["a"], "x": [1.0]}, "a.parquet lacks y; it has 'image, x'"),
        ({"image": ["a", None], "x": [1.0, 1], "y": [1, 1]}, "a.parquet: row 2: image is empty"),
        ({"image": ["a"], "x": [np.nan], "y": [1]}, "a.parquet: row 1: x is nan"),
        ({"image": ["a"], "x": [1], "y": [pd.Timestamp(0)]}, "a.parquet: row 1: y is '1970"),
        ({"image": ["a"], "x": [[1]], "y": [1]}, "a.parquet cannot be read as a table"),
    ],
)
def test_bad_parquet_is_told(tmp_path, columns, message):
    pd.DataFrame(columns).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(TableError, match=message):
        read_point_table(tmp_path / "a.parquet")


def test_what_is_no_file_or_no_parquet(tmp_path):
    with pytest.raises(TableError, match=r"none.csv does not exist; give a CSV or Parquet file"):
        read_point_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="is a folder; give a CSV or Parquet file"):
        read_point_table(tmp_path)
    with pytest.raises(TableError, match=r"a.parquet cannot be read as a table"):
        read_point_table(write(tmp_path / "a.parquet", "image,x,y\n"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,10,3,t", r"a.csv: row 2 \(image a\): x 10, y 3 is outside the image, which is 10×20 \(width×height\)"),
        ("a,-0.5,3,t", r"row 2 \(image a\): x -0.5, y 3 is outside"),
        ("a,1,3,immune", r"row 2 \(image a\): class 'immune' is not known; the classes are s, t"),
    ],
)
def test_points_that_do_not_fit_their_image(tmp_path, row, message):
    table = PointTable.read(write(tmp_path / "a.csv", f"image,x,y,label\na,9,19,s\n{row}\n"))
    with pytest.raises(TableError, match=message):
        cells_by_image(table, shapes={"a": (20, 10)}, classes=("s", "t"))
