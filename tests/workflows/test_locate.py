"""Images, folders and data sets into cells on disk, with a network made by hand (see conftest)."""

import json

import anndata
import cv2
import numpy as np
import pandas as pd
import pytest

from cellweave.core import Cells, CellweaveError, InvalidImageError, InvalidInputError, ModelFolderError, OutputError
from cellweave.data import DatasetWriter, read_image, write_png
from cellweave.workflows.locate import locate_image, locate_images

FIXED = {"device": "cpu", "precision": "fp32"}


def contents(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


@pytest.fixture
def image(tmp_path, spot_image):
    write_png(tmp_path / "spots.png", spot_image)
    return tmp_path / "spots.png"


@pytest.fixture
def folder(tmp_path, spot_image):
    """Return a folder with two images and a note."""
    write_png(tmp_path / "images" / "b.png", spot_image)
    cv2.imwrite(str(tmp_path / "images" / "a.2.TIF"), spot_image[:64, :80, ::-1])
    (tmp_path / "images" / "note.txt").write_text("two images")
    return tmp_path / "images"


def dataset(root, image, cells, *, mpp):
    bare = Cells(cells.xy, cells.labels, classes=cells.classes, shape=cells.shape, mpp=mpp)
    with DatasetWriter(root, name="t", classes=cells.classes, licence="CC0-1.0", source="test") as writer:
        writer.add("one", bare, pixels=image, split="training")
        writer.add("two", bare, pixels=image, split="validation")
        writer.add("three", bare, pixels=image, split="validation")
    return root


def test_one_image_gives_five_files_that_agree(tmp_path, image, spot_folder, spot_cells):
    steps = []
    summary = locate_image(image, spot_folder, tmp_path / "out", **FIXED, progress=lambda *words: steps.append(words))
    out = tmp_path / "out"
    assert contents(out) == ["cells.csv", "cells.geojson", "cells.h5ad", "cells.parquet", "overlay.png"]
    table = pd.read_parquet(out / "cells.parquet")
    assert table.columns.tolist() == ["image", "x", "y", "label", "score"]
    assert (len(table), set(table["image"])) == (len(spot_cells), {"spots"})
    assert table["label"].value_counts().to_dict() == spot_cells.counts()
    as_text = pd.read_csv(out / "cells.csv")
    np.testing.assert_allclose(as_text[["x", "y", "score"]], table[["x", "y", "score"]], atol=1e-6)
    points = json.loads((out / "cells.geojson").read_text())["features"]
    assert [point["geometry"]["coordinates"] for point in points] == table[["x", "y"]].to_numpy().tolist()
    assert read_image(out / "overlay.png").shape == (*spot_cells.shape, 3)
    assert (read_image(out / "overlay.png") != read_image(image)).any()
    assert (summary.out, summary.counts) == (out, {"spots": spot_cells.counts()})
    assert summary.megapixels == pytest.approx(128 * 160 / 1e6)
    assert summary.seconds > 0
    assert steps == [("locating cells", 1, 1, "12 cells in spots")]


def test_an_unknown_scale_is_said(tmp_path, image, spot_folder):
    assert locate_image(image, spot_folder, tmp_path / "a", **FIXED).assumed_mpp == 0.5
    assert locate_image(image, spot_folder, tmp_path / "b", **FIXED, mpp=0.5).assumed_mpp is None


def test_a_folder_gives_one_table_and_a_file_of_each_image(tmp_path, folder, spot_folder):
    summary = locate_images(folder, spot_folder, tmp_path / "out", **FIXED)
    assert contents(tmp_path / "out") == [
        "cells.csv",
        "cells.h5ad",
        "cells.parquet",
        "geojson/a.2.geojson",
        "geojson/b.geojson",
        "overlays/a.2.png",
        "overlays/b.png",
    ]
    counted = pd.read_parquet(tmp_path / "out" / "cells.parquet").groupby("image").size().to_dict()
    assert counted == {image: sum(of_class.values()) for image, of_class in summary.counts.items()}
    assert (counted["b"], list(summary.counts)) == (12, ["a.2", "b"])


def test_anndata_has_the_cells_of_the_table(tmp_path, image, spot_folder, spot_cells):
    locate_image(image, spot_folder, tmp_path / "known", **FIXED, mpp=0.5)
    read, table = (anndata.read_h5ad(tmp_path / "known/cells.h5ad"), pd.read_parquet(tmp_path / "known/cells.parquet"))
    assert read.obs["label"].tolist() == table["label"].tolist()
    assert read.obsm["spatial"].tolist() == table[["x", "y"]].to_numpy().tolist()
    assert read.obsm["spatial_um"].tolist() == (table[["x", "y"]].to_numpy() * 0.5).tolist()
    assert (read.uns["spatial_unit"], read.uns["mpp"]) == ("pixel", 0.5)
    locate_image(image, spot_folder, tmp_path / "unknown", **FIXED)
    unknown = anndata.read_h5ad(tmp_path / "unknown/cells.h5ad")
    assert ("spatial_um" in unknown.obsm, "mpp" in unknown.uns) == (False, False)


def test_anndata_names_patients_and_images_without_cells(tmp_path, spot_image, spot_cells, spot_folder):
    none = Cells.empty(classes=spot_cells.classes, shape=spot_cells.shape, mpp=0.5)
    with DatasetWriter(tmp_path / "set", name="t", classes=none.classes, licence="CC0-1.0", source="test") as writer:
        writer.add("größe", none, pixels=spot_image * 0 + 255, group="p 1")
    locate_images(tmp_path / "set", spot_folder, tmp_path / "out", **FIXED)
    read = anndata.read_h5ad(tmp_path / "out/cells.h5ad")
    assert (read.n_obs, read.obsm["spatial_um"].shape) == (0, (0, 2))
    assert read.uns["images"].loc["größe", ["group", "mpp"]].tolist() == ["p 1", 0.5]


def test_overlays_may_be_left_out(tmp_path, folder, spot_folder):
    locate_images(folder, spot_folder, tmp_path / "out", **FIXED, overlays=False)
    assert not (tmp_path / "out" / "overlays").exists()


def test_a_split_of_a_data_set(tmp_path, spot_image, spot_cells, spot_folder):
    root = dataset(tmp_path / "set", spot_image, spot_cells, mpp=0.5)
    summary = locate_images(root, spot_folder, tmp_path / "out", **FIXED, split="validation")
    assert (list(summary.counts), summary.assumed_mpp) == (["two", "three"], None)
    assert set(pd.read_csv(tmp_path / "out" / "cells.csv")["image"]) == {"two", "three"}
    assert len(locate_images(root, spot_folder, tmp_path / "all", **FIXED).counts) == 3


def test_a_scale_helps_a_data_set_that_knows_none(tmp_path, spot_image, spot_cells, spot_folder):
    half = cv2.resize(spot_image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    root = dataset(tmp_path / "set", half, spot_cells.scaled(0.5), mpp=None)
    options = {**FIXED, "split": "training", "overlays": False}
    summary = locate_images(root, spot_folder, tmp_path / "told", **options, mpp=1.0)
    assert (summary.counts["one"], summary.assumed_mpp) == (spot_cells.counts(), None)
    assert locate_images(root, spot_folder, tmp_path / "guessed", **options).assumed_mpp == 0.5
    known = dataset(tmp_path / "known", spot_image, spot_cells, mpp=0.5)
    with pytest.raises(InvalidInputError, match=r"--mpp 1 is given, but .*known knows its scale \(0.5\); leave it out"):
        locate_images(known, spot_folder, tmp_path / "no", **options, mpp=1.0)


def test_results_are_replaced_only_when_asked_and_only_where_nothing_else_is(tmp_path, image, folder, spot_folder):
    out = tmp_path / "out"
    locate_image(image, spot_folder, out, **FIXED)
    before = (out / "cells.csv").read_bytes()
    with pytest.raises(OutputError, match="out exists and is not empty; choose another output folder or pass"):
        locate_images(folder, spot_folder, out, **FIXED)
    assert (out / "cells.csv").read_bytes() == before
    locate_images(folder, spot_folder, out, **FIXED, overwrite=True)
    assert "overlay.png" not in contents(out)
    (out / "thesis.docx").write_text("mine")
    before = contents(out)
    with pytest.raises(OutputError, match=r"out holds 'thesis.docx', which no such output has, so it is not replaced"):
        locate_image(image, spot_folder, out, **FIXED, overwrite=True)
    assert contents(out) == before


def test_a_damaged_image_among_others_leaves_nothing(tmp_path, folder, spot_folder):
    (folder / "c.png").write_bytes((folder / "b.png").read_bytes()[:300])
    with pytest.raises(InvalidImageError, match=r"c.png is damaged or cut short"):
        locate_images(folder, spot_folder, tmp_path / "out", **FIXED)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images"]


def test_what_cannot_be_located_is_told_and_leaves_nothing(tmp_path, image, folder, spot_folder):
    write_png(folder / "b.jpg", read_image(image))
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no image")
    before = contents(tmp_path)
    out = tmp_path / "out"
    cases = [
        (locate_images, folder, {}, InvalidInputError, "several images named 'b' with different endings; keep one"),
        (locate_images, tmp_path / "empty", {}, InvalidInputError, "empty holds no image .* and no dataset.json"),
        (locate_images, tmp_path / "none", {}, InvalidInputError, "none does not exist; give a data set, a folder"),
        (locate_images, folder, {"split": "test"}, InvalidInputError, "--split test needs a data set, and .* has no"),
        (locate_image, tmp_path / "text.png", {}, InvalidImageError, r"text.png is not an image .* \(8 bytes\)"),
        (locate_image, tmp_path / "none.png", {}, InvalidImageError, "none.png does not exist"),
        (locate_image, image, {"mpp": -1.0}, CellweaveError, r"mpp .* must be a positive number or None, got -1"),
        (locate_image, image, {"model": tmp_path / "empty"}, ModelFolderError, "empty has no config.json"),
        (locate_image, image, {"out": image / "out"}, OutputError, "cannot be written"),
    ]
    for workflow, source, changes, error, message in cases:
        given = {"model": spot_folder, "out": out, **FIXED, **changes}
        with pytest.raises(error, match=message):
            workflow(source, **given)
    assert contents(tmp_path) == before
    assert not out.exists()
