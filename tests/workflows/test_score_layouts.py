import json

import numpy as np
import pytest

from cellweave.cli.main import main
from cellweave.core import Cells, DatasetError, OutputError
from cellweave.data import DatasetWriter
from cellweave.patterns import poisson_points
from cellweave.workflows.score_layouts import score_layout_datasets

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
    scores = score_layout_datasets(real, synthetic, splits=2, out=tmp_path / "scores.json")
    assert (scores.real, scores.groups, scores.synthetic, scores.layouts_per_side) == (8, 4, 5, 4)
    assert scores.arms == ("raster", "raw")
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8")) == scores.to_json()
    with pytest.raises(OutputError, match="pass --overwrite"):
        score_layout_datasets(real, synthetic, out=tmp_path / "scores.json")


def test_the_command_prints_json_or_a_table(real, synthetic, capsys):
    words = ["score", "layouts", "--real", str(real), "--synthetic", str(synthetic), "--splits", "2"]
    assert main([*words, "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["synthetic"] == 5
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "mean of class pairs" in printed
    assert "5 synthetic against 8 real layouts of 4 groups, 4 against 4 in 2 splits, frame 160×150 px" in printed


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
