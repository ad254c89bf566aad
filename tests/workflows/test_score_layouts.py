import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cellweave.cli.main import main
from cellweave.core import Cells, DatasetError, OutputError
from cellweave.data import CellDataset, DatasetWriter
from cellweave.patterns import poisson_points
from cellweave.workflows import score_layouts as workflow
from cellweave.workflows.score_layouts import compare_layout_datasets, score_layout_datasets

CLASSES = ("a", "b")
SHAPE = (150, 160)


def write(root, count, *, seed, split="training", classes=CLASSES):
    rng = np.random.default_rng(seed)
    with DatasetWriter(root, name="", classes=classes, licence="", source="") as writer:
        for i in range(count):
            xy = poisson_points(3e-3, SHAPE, rng)
            cells = Cells(xy, rng.integers(len(classes), size=len(xy)), classes=classes, shape=SHAPE, mpp=0.5)
            writer.add(str(i), cells, split=split, group=f"patient {i // 2}")
    return root


@pytest.fixture
def real(tmp_path):
    return write(tmp_path / "real", 8, seed=0)


@pytest.fixture
def synthetic(tmp_path):
    return write(tmp_path / "synthetic", 5, seed=1)


def test_halves_share_no_patient_and_the_scores_are_written(real, synthetic, tmp_path):
    scores = score_layout_datasets(real, synthetic, splits=2, resamples=3, out=tmp_path / "scores.json")
    assert (scores.real, scores.groups, scores.synthetic, scores.layouts_per_side) == (8, 4, 5, 4)
    assert scores.arms == ("raster", "raw")
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8")) == scores.to_json()
    with pytest.raises(OutputError, match="pass --overwrite"):
        score_layout_datasets(real, synthetic, out=tmp_path / "scores.json")


def test_the_command_prints_json_or_a_table(real, synthetic, capsys):
    words = ["score", "layouts", "--real", str(real), "--synthetic", str(synthetic), "--splits", "2"]
    words += ["--resamples", "5"]
    assert main([*words, "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["synthetic"] == 5
    assert main(words) == 0
    printed = capsys.readouterr().out
    lines = [line.split("  ")[0] for line in printed.splitlines()]
    assert [line for line in lines if line in ("synthetic", "random", "fitted process", "real against real")] == [
        "synthetic",
        "random",
        "fitted process",
        "real against real",
    ]
    assert not [line for line in lines if line.startswith("pair correlation")]
    assert main([*words, "--per-class"]) == 0
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith("pair correlation")]
    assert "5 synthetic against 8 real layouts of 4 groups, 4 against 4 in 2 splits, frame 160×150 px" in printed


def test_several_sets_are_printed_drawn_and_written(real, synthetic, tmp_path, capsys):
    copy = Path(shutil.copytree(synthetic, tmp_path / "copy"))
    other = write(tmp_path / "other", 5, seed=7)
    words = ["score", "layouts", "--real", str(real), "--splits", "2", "--resamples", "5"]
    for one in (synthetic, copy, other):
        words += ["--synthetic", str(one)]
    assert main([*words, "--out", str(tmp_path / "scores.json")]) == 0
    printed = capsys.readouterr().out
    lines = [line.split("  ")[0] for line in printed.splitlines()]
    kinds = ("synthetic", "copy", "other", "mean of 3", "random", "fitted process", "real against real")
    assert [line for line in lines if line in kinds] == [*kinds, "copy", "other"]
    assert "less synthetic" in lines
    assert printed.count("memorisation of ") == 6
    about = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in about["sets"]] == ["synthetic", "copy", "other"]
    nearest = about["differences"][0]["rows"][0]
    assert (nearest["measure"], nearest["distance"]) == ("nearest_neighbour", {"value": 0, "interval": [0, 0]})
    alone = score_layout_datasets(real, other, splits=2, resamples=5).to_json()
    assert about["sets"][2] == {"name": "other", **alone}
    assert set(pd.read_csv(tmp_path / "scores.csv")["set"].dropna()) == {"synthetic", "copy", "other"}
    with Image.open(tmp_path / "scores.png") as drawn:
        assert drawn.size[0] > 600


def test_folders_of_one_name_are_told_by_their_paths(real, synthetic, tmp_path):
    twin = Path(shutil.copytree(synthetic, tmp_path / "more" / "synthetic"))
    both = compare_layout_datasets(real, [synthetic, twin], splits=1, resamples=0, held_out=None)
    assert both.names == (str(synthetic), str(twin))


def test_copies_of_too_few_patients_are_not_looked_for_and_this_is_said(synthetic, tmp_path, capsys):
    two = write(tmp_path / "two", 4, seed=4)
    assert main(["score", "layouts", "--real", str(two), "--synthetic", str(synthetic), "--splits", "1"]) == 0
    printed = capsys.readouterr().out
    assert "memorisation" not in printed
    assert f"note  {workflow.WITHOUT_COPIES}" in printed


def test_bad_input_is_one_line_and_exit_code_2(real, tmp_path, capsys):
    strange = write(tmp_path / "strange", 2, seed=2, classes=("x",))
    words = ["score", "layouts", "--real", str(real), "--synthetic"]
    assert main([*words, str(strange)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "synthetic layout 1 has the classes ['x']" in error
    assert str(strange) in error
    assert main([*words, str(tmp_path / "missing")]) == 2
    assert "missing does not exist" in capsys.readouterr().err
    assert main([*words, str(real), "--split", "test"]) == 2
    assert "no image in split 'test'" in capsys.readouterr().err


def test_one_patient_alone_cannot_be_halved(synthetic, tmp_path):
    alone = write(tmp_path / "alone", 2, seed=3)
    with pytest.raises(DatasetError, match=r"real layouts of 1 groups \(patients\) cannot be compared"):
        score_layout_datasets(alone, synthetic)


def test_the_table_and_the_curves_go_beside_the_scores(real, synthetic, tmp_path, capsys):
    words = ["score", "layouts", "--real", str(real), "--synthetic", str(synthetic), "--splits", "2", "--no-intervals"]
    assert main([*words, "--out", str(tmp_path / "scores.json")]) == 0
    with Image.open(tmp_path / "scores.png") as drawn:
        assert drawn.size[0] > 600
    table = pd.read_csv(tmp_path / "scores.csv")
    assert {"synthetic", "random", "fitted", "real"} == set(table["layouts"])
    assert "spatial_fid" in set(table["measure"])
    assert capsys.readouterr().out.count("written to") == 3
    assert main([*words, "--out", str(tmp_path / "scores.csv"), "--overwrite"]) == 2
    assert "must not end in .csv" in capsys.readouterr().err


def test_copies_are_told_and_patients_seen_are_not_held_out(tmp_path):
    write(tmp_path / "real", 12, seed=0)
    training = CellDataset.open(tmp_path / "real")
    layouts = {name: training.read_cells(name) for name in training.names()}
    source = CellDataset.open(write(tmp_path / "fresh", 6, seed=5))
    fresh = [source.read_cells(str(i)) for i in range(6)]
    with DatasetWriter(tmp_path / "both", name="", classes=CLASSES, licence="", source="") as writer:
        for i, (name, cells) in enumerate(layouts.items()):
            writer.add(name, cells, split="training", group=f"patient {i // 2}")
        for i, cells in enumerate(fresh):
            writer.add(f"new {i}", cells, split="validation", group=f"patient {5 + i // 2}")
    with DatasetWriter(tmp_path / "copied", name="", classes=CLASSES, licence="", source="") as writer:
        for i, cells in enumerate(list(layouts.values())[:5]):
            flipped = np.minimum(np.subtract((SHAPE[1], 0), cells.xy) * (1, -1), np.nextafter(SHAPE[::-1], 0))
            copy = Cells(flipped, cells.labels, classes=CLASSES, shape=SHAPE, mpp=0.5)
            writer.add(f"made {i}", copy, split="training", group=str(i))
    found = score_layout_datasets(tmp_path / "both", tmp_path / "copied", splits=1, resamples=0).memorisation
    assert found.distance.synthetic.share == found.ratio.synthetic.share == 1
    assert found.distance.held_out.layouts == 4  # patient 5 is among the training layouts
    assert found.ratio.held_out.share < 1
    without = score_layout_datasets(tmp_path / "both", tmp_path / "copied", splits=1, resamples=0, held_out=None)
    assert without.memorisation.memorised is None


def test_without_the_extra_topology_is_left_out_and_this_is_said(real, synthetic, monkeypatch):
    monkeypatch.setattr(workflow, "homology_is_installed", lambda: False)
    scores = score_layout_datasets(real, synthetic, splits=1, resamples=0)
    assert workflow.WITHOUT_TOPOLOGY in scores.notes
    assert not [row for row in scores.rows if row.measure == "topology"]
    assert [row for row in scores.rows if row.measure == "spatial_fid"]
