"""``locate --index``: the share of positive cells from image to table, with a network made by hand (see conftest)."""

import json
import os

import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.core import Cells
from cellweave.data import DatasetWriter, write_png


@pytest.fixture
def spots(tmp_path, spot_image, spot_cells, spot_folder, monkeypatch):
    """An image with 6 blue and 6 red spots, one without any, both as files and as a data set, and regions."""
    write_png(tmp_path / "images" / "spots.png", spot_image)
    write_png(tmp_path / "images" / "white.png", spot_image * 0 + 255)
    none = Cells.empty(classes=spot_cells.classes, shape=spot_cells.shape, mpp=0.5)
    with DatasetWriter(tmp_path / "set", name="t", classes=spot_cells.classes, licence="CC0", source="test") as writer:
        writer.add("spots", spot_cells, pixels=spot_image, split="test", group="p")
        writer.add("turned", spot_cells, pixels=spot_image, split="test", group="p")
        writer.add("white", none, pixels=spot_image * 0 + 255, split="test", group="q")
    left = [[0, 0], [40, 0], [40, 128], [0, 128], [0, 0]]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [left]},
        "properties": {"objectType": "annotation", "name": "left"},
    }
    (tmp_path / "left.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (tmp_path / "regions").mkdir()
    (tmp_path / "regions" / "spots.geojson").write_text((tmp_path / "left.geojson").read_text())
    monkeypatch.chdir(tmp_path)
    return ["--model", str(spot_folder), "--device", "cpu", "--precision", "fp32"]


def lines_of(capsys):
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_one_image_with_a_region(spots, spot_cells, capsys, tmp_path):
    words = ["--index", "blue:red", "--regions", "left.geojson", "--out", "out"]
    assert main(["locate", "images/spots.png", *spots, *words]) == 0
    lines = lines_of(capsys)
    assert "image spots 6 6 50.0 [25.4, 74.6] cells" in lines
    told = json.loads((tmp_path / "out" / "index.json").read_text())
    assert (told["positive"], told["negative"]) == ("blue", "red")
    _, left, whole = told["rows"]
    true = spot_cells.select(spot_cells.xy[:, 0] < 40).counts()
    assert (left["region"], left["positive"], left["negative"]) == ("left", true["blue"], true["red"])
    assert (whole["scope"], whole["index"]) == ("all", 0.5)
    table = pd.read_csv(tmp_path / "out" / "index.csv")
    assert table["scope"].tolist() == ["image", "region", "all"]
    assert main(["locate", "images/spots.png", *spots, "--out", "out", "--overwrite"]) == 0
    assert not (tmp_path / "out" / "index.json").exists()


def test_a_folder_has_an_image_without_cells_and_so_without_an_index(spots, capsys):
    assert main(["locate", "images", *spots, "--index", "red:blue", "--regions", "regions", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = {(row["scope"], row["image"]): row["index"] for row in told["index"]["rows"]}
    assert rows[("image", "spots")] == rows[("all", None)] == 0.5
    assert rows[("image", "white")] is None
    assert told["index"]["notes"] == ["no positive and no negative cell, so no index: white."]


def test_a_data_set_has_an_index_of_every_patient_and_what_was_found_agrees_with_its_annotations(spots, capsys):
    assert main(["locate", "--data", "set", *spots, "--index", "blue:red", "--out", "out"]) == 0
    lines = lines_of(capsys)
    assert "group p 12 12 50.0 [50.0, 50.0] images" in lines
    assert "group q 0 0 – cells" in lines
    assert "all 12 12 50.0 [50.0, 50.0] groups" in lines
    assert main(["score", "index", "out", "--index", "blue:red", "--truth", "set", "--out", "out/compared.json"]) == 0
    assert "mean absolute difference 0.0 points" in capsys.readouterr().out


def test_without_being_asked_there_is_none(spots, capsys, tmp_path):
    assert main(["locate", "images/spots.png", *spots, "--out", "out", "--json"]) == 0
    assert "index" not in json.loads(capsys.readouterr().out)
    assert not (tmp_path / "out" / "index.csv").exists()


def test_names_of_any_script_are_written_and_read(spots, capsys, tmp_path):
    (tmp_path / "images" / "spots.png").rename(tmp_path / "images" / "組織 ä.png")
    (tmp_path / "regions" / "spots.geojson").rename(tmp_path / "regions" / "組織 ä.geojson")
    words = ["--index", "blue:red", "--regions", "regions", "--out", "größe/出力"]
    assert main(["locate", "images", *spots, *words]) == 0
    assert pd.read_csv("größe/出力/index.csv")["image"].tolist()[:3] == ["white", "組織 ä", "組織 ä"]
    capsys.readouterr()
    assert main(["score", "index", "größe/出力", "--index", "blue:red", "--out", "größe/索引.json"]) == 0
    assert "image 組織 ä 6 6 50.0 [25.4, 74.6] cells" in lines_of(capsys)
    assert json.loads((tmp_path / "größe" / "索引.json").read_text())["rows"][0]["image"] == "組織 ä"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only to the superuser")
def test_a_place_that_may_not_be_written_is_told(place, refuse):
    os.chmod("full", 0o500)
    refuse(
        "locate a.png --model model --index blue:red --out full/out", "full/out cannot be written (Permission denied)"
    )
    refuse("score index set --index blue:red --out full/i.json", "full/i.json cannot be written (Permission denied)")
    refuse("data export set full/a.h5ad --format anndata", "full/a.h5ad cannot be written (Permission denied)")
    os.chmod("full", 0o700)


BAD = {
    "locate a.png --index blue:green": "--index 'blue:green': there is no class 'green'; the classes are blue, red.",
    "locate images --index blue": "--index 'blue' does not name two classes",
    "locate a.png --index blue:blue": "--index 'blue:blue' names one class twice",
    "locate a.png --regions r.geojson": "--regions r.geojson needs classes whose index is asked for; give them with",
    "locate a.png --index blue:red --regions nowhere.geojson": "nowhere.geojson cannot be read (No such file",
    "locate a.png --index blue:red --regions points.csv": "points.csv is not valid JSON",
    "locate images --index blue:red --regions points.csv": "--regions points.csv is one file for 2 images",
    "locate images --index blue:red --regions full": "full holds no .geojson; name the regions of an image",
    "locate a.png --index blue:red --regions far.geojson": "region 'far' lies outside image 'a', which is 64×48",
}


@pytest.mark.parametrize("command", BAD)
def test_bad_indices(place, refuse, command):
    ring = [[900, 900], [950, 900], [950, 950], [900, 900]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    (place / "far.geojson").write_text(
        json.dumps({"type": "Feature", "geometry": geometry, "properties": {"name": "far"}})
    )
    refuse(f"{command} --model model --device cpu --out out", BAD[command])
