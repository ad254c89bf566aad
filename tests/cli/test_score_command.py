"""``cellweave score cells``, as it is typed."""

import json

import pytest

from cellweave.cli.main import main


@pytest.fixture
def tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "truth.csv").write_text("image,x,y,label\na,10,10,[t]\nb,10,10,s\n")
    (tmp_path / "pred.csv").write_text("image,x,y,label,score\na,13,14,[t],0.9\n")
    return ["score", "cells", "--truth", "truth.csv", "--pred", "pred.csv"]


def test_json_alone_goes_to_the_standard_output(tables, capsys):
    assert main([*tables, "--protocol", "matching", "--radius-px", "5,10", "--json"]) == 0
    printed = capsys.readouterr()
    scores = json.loads(printed.out)
    assert printed.err == ""
    assert [(row["radius_px"], row["label"]) for row in scores["rows"]] == [
        *((5, label) for label in ("all", "[t]", "s")),
        *((10, label) for label in ("all", "[t]", "s")),
    ]
    assert scores["rows"][0] | {"interval": None} == {
        "radius_px": 5,
        "label": "all",
        "precision": 1.0,
        "recall": 0.5,
        "f1": 2 / 3,
        "tp": 1,
        "fp": 0,
        "fn": 1,
        "interval": None,
    }
    assert scores["mean_class_f1"] == {"5": 0.5, "10": 0.5}
    assert scores["counting"] == {"mae": 0.5, "rmse": 0.5**0.5}
    assert scores["images"] == 2


def test_table_for_people(tables, capsys):
    assert main([*tables, "--protocol", "greedy", "--radius-px", "5", "--radius-um", "3", "--mpp", "0.5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[1].split()) == f"5 px all {' '.join(3 * ['0.000 [0.000, 0.000]'])} 0 1 2"
    assert lines[5].startswith("3 µm    [t]    1.000 [1.000, 1.000]")
    assert "mean class F1 at 3um  0.500 [0.000, 1.000]" in lines
    assert "cells per image  MAE 0.5 [0.0, 1.0]  RMSE 0.7 [0.0, 1.0]" in lines
    assert lines[-1] == "2 images of 2 groups, protocol greedy; 95 % intervals of 1,000 resamples of the groups"


def test_without_intervals_and_into_a_file(tables, capsys, tmp_path):
    assert main([*tables, "--radius-px", "7.5", "--no-intervals", "--out", "scores.json"]) == 0
    out = capsys.readouterr().out
    assert "[0" not in out
    assert out.endswith("written to scores.json\n")
    assert json.loads((tmp_path / "scores.json").read_text())["mean_class_f1"] == {"7.5": 0.5}


def test_classes_of_the_cells_found_are_compared(tables, capsys):
    assert main([*tables, "--radius-px", "5"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    start = lines.index(
        "cells found within 5 px, true class by row, predicted class by column; 100.0% of the pairs agree"
    )
    assert lines[start + 1 : start + 5] == ["[t] s missed", "[t] 1 0 0", "s 0 0 1", "spurious 0 0"]


def test_every_image_is_printed_when_asked(tables, capsys):
    assert main([*tables, "--radius-px", "5", "--no-intervals", "--per-image"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [
        "image radius class true found precision recall F1 tp fp fn",
        "a 5 px all 1 1 1.000 1.000 1.000 1 0 0",
        "a 5 px [t] 1 1 1.000 1.000 1.000 1 0 0",
    ]
    assert "b 5 px s 1 0 – 0.000 0.000 0 0 1" in lines


def test_a_sweep_is_printed_drawn_and_told_to_be_optimistic(tables, capsys, tmp_path):
    assert main([*tables, "--radius-px", "5", "--sweep", "--figure", "sweep.png"]) == 0
    out = capsys.readouterr().out
    assert "best F1 of all within 5 px  0.667 at threshold 0.9\n" in out
    assert "note  the best threshold was chosen on the very images that it is scored on: its scores are optim" in out
    assert out.endswith("written to sweep.png\n")
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert main([*tables, "--radius-px", "5", "--sweep", "--json"]) == 0
    sweep = json.loads(capsys.readouterr().out)["sweep"]["5"]
    assert (sweep["thresholds"], sweep["curves"]["all"]["recall"]) == ([pytest.approx(0.9)], [0.5])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--radius-px", "-5"], "--radius-px -5: a length must be a positive number of px, got -5.0."),
        (["--radius-um", "0"], "--radius-um 0: a length must be a positive number of um, got 0.0."),
        (["--radius-px", "5;10"], "--radius-px is '5;10'; give numbers separated by commas, such as 5,10."),
        (
            ["--radius-512", "5,0"],
            "--radius-512 5,0: a radius must be a positive number of pixels of the 512-frame, got 0.0.",
        ),
        (["--radius-512", "x"], "--radius-512 is 'x'; give numbers separated by commas, such as 5,10."),
        (["--radius-px", ""], "--radius-px is ''; give numbers separated by commas, such as 5,10."),
        ([], "there is no radius to score at; give one, such as 6 px."),
    ],
)
def test_bad_radii_are_one_line_and_code_2(tables, capsys, words, message):
    assert main([*tables, *words]) == 2
    assert capsys.readouterr().err == f"cellweave: error: {message}\n"
