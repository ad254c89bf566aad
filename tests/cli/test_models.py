"""``cellweave models``, as it is typed."""

import json
import shutil

import pytest

from cellweave.cli.main import main
from cellweave.core import Cells
from cellweave.data import DatasetWriter


@pytest.fixture
def place(spot_folder, spot_cells, spot_image, tmp_path, monkeypatch):
    """The working folder: a model, and a data set that it gets right but for one cell that is not there."""
    shutil.copytree(spot_folder, tmp_path / "model")
    truth = Cells(
        [*spot_cells.xy, [80, 64]], [*spot_cells.labels, 0], classes=spot_cells.classes, shape=spot_cells.shape, mpp=0.5
    )
    with DatasetWriter(tmp_path / "set", name="spots", classes=truth.classes, licence="CC0", source="a test") as writer:
        writer.add("a", truth, pixels=spot_image, split="validation", group="p")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_list(capsys):
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [row] = [line for line in lines if line.startswith("locator-brca-m2c")]
    assert lines[0].split()[:2] == ["model", "kind"]
    for word in ("locator", "BRCA-M2C", "lymphocyte, tumor, stromal", "0.5", "BSD-3-Clause", "F1 0."):
        assert word in row


def test_list_as_json(capsys):
    assert main(["models", "list", "--json"]) == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["layouts-brca-m2c"]["kind"] == "layouts"
    assert found["layouts-brca-m2c"]["licences"] == ["BSD-3-Clause"]


def test_show(capsys):
    assert main(["models", "show", "locator-brca-m2c"]) == 0
    out = capsys.readouterr().out
    assert "scale 0.5 µm per pixel" in " ".join(out.split())
    assert "Cell localiser trained on BRCA-M2C" in out
    assert "**" not in out
    assert main(["models", "show", "locator-brca-m2c", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["card"].startswith("# Cell localiser trained on")
    assert about["config"]["peak_finder"]["window_px"] > 0


def test_check(place, capsys):
    assert main(["models", "check", "model", "--device", "cpu"]) == 0
    assert capsys.readouterr().out.endswith("\nmodel (locator): 0 errors, 0 warnings\n")
    (place / "model" / "extra.pkl").write_bytes(b"")
    whole = (place / "model" / "model.safetensors").read_bytes()
    (place / "model" / "model.safetensors").write_bytes(whole[:-1])
    assert main(["models", "check", "model", "--device", "cpu"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("error")] == [
        "error    extra.pkl",
        "error    model.safetensors",
        "error    model.safetensors",
    ]
    assert lines[-1] == "model (locator): 3 errors, 0 warnings"
    assert main(["models", "check", "model", "--device", "cpu", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["errors"], report["findings"][0]["file"]) == (3, "extra.pkl")


def test_validate_then_show(place, capsys):
    words = ["models", "validate", "model", "--data", "set", "--device", "cpu", "--precision", "fp32"]
    assert main([*words, "--resamples", "20"]) == 0
    out = capsys.readouterr().out
    assert "1 images of 1 groups, protocol greedy" in out
    assert out.endswith("written into model: validation.json, README.md, failures.png\n")
    assert main(["models", "show", "model"]) == 0
    out = capsys.readouterr().out
    assert "validation f1             0.96\n" in out  # 12 of 13 found, none spurious: 24 / 25
    assert "Known failures" in out
    assert main([*words, "--no-pictures", "--no-intervals", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record == json.loads((place / "model" / "validation.json").read_text(encoding="utf-8"))
    assert (record["failures"], record["resamples"]) == ([], 0)
    assert not (place / "model" / "failures.png").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("models show unknown", "'unknown' is no model folder; shipped models are"),
        ("models check owner/name", "a model on the hub is owner/name with --revision COMMIT."),
        ("models show locator-brca-m2c --revision abc", "--revision abc is given, but"),
        ("models check set", "model folder set has no config.json; give the folder that `cellweave train` made."),
        ("models check model --device abacus", "a device is auto, cpu, cuda, cuda:N or mps, got 'abacus'."),
        ("models validate locator-brca-m2c --data set", "is no folder; a validation is written into a model folder"),
        ("models validate model --data nowhere", "nowhere does not exist"),
        ("models validate model --data set --split test", "has no image in split 'test'"),
        ("models validate model --data set --radius-px 6 --radius-um 3", "are both given; give one."),
        ("models validate model --data set --radius-px -1", "a length must be a positive number of px, got -1.0."),
        ("models validate model", "Missing option '--data'"),
    ],
)
def test_unusable_input_is_one_line_and_code_2(place, capsys, command, message):
    assert main(command.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert said.err.count("\n") == 1


def test_a_layout_model_is_not_validated_as_a_localiser(place, capsys):
    from cellweave.training.model_folder import list_shipped_models

    shutil.copytree(list_shipped_models()["layouts-brca-m2c"], place / "layouts")
    assert main(["models", "validate", "layouts", "--data", "set"]) == 2
    assert "is of format 'cellweave-layouts', not 'cellweave-locator'" in capsys.readouterr().err
