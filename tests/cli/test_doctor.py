"""``cellweave doctor``: its JSON, its lines, and what it says when something is missing."""

import json
import sys
from importlib import metadata

import pytest
import torch

import cellweave
from cellweave.cli import doctor
from cellweave.cli.main import main

KEYS = {
    "cellweave",
    "python",
    "platform",
    "packages",
    "device",
    "cores",
    "memory_available_gib",
    "data",
    "problems",
}


@pytest.fixture(autouse=True)
def no_test_data(monkeypatch):
    monkeypatch.delenv("CELLWEAVE_DATA", raising=False)


def examined(capsys):
    code = main(["doctor", "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_json(capsys):
    code, found = examined(capsys)
    assert code == 0
    assert set(found) == KEYS
    assert found["cellweave"] == cellweave.__version__
    assert found["packages"]["torch"] == metadata.version("torch")
    assert found["device"]["threads"] == torch.get_num_threads()
    assert set(found["device"]) == {"name", "hardware", "bf16_is_fast", "threads"}
    assert found["problems"] == []
    assert found["data"] is None


def test_lines(capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"cellweave {cellweave.__version__} · Python ")
    assert f"  torch {' ' * 17} {metadata.version('torch')}\n" in out
    assert out.endswith("nothing is missing\n")


def test_required_packages_come_from_the_metadata(monkeypatch):
    lines = ["numpy>=2.1", "pandas<3,>=2.2", "huggingface-hub[cli]>=1", "ruff>=0.11; extra == 'dev'"]
    monkeypatch.setattr(metadata, "requires", lambda package: lines)
    assert doctor.required_packages() == ["huggingface-hub", "numpy", "pandas"]


def test_missing_package_is_a_problem(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "required_packages", lambda: ["no-such-package"])
    code, found = examined(capsys)
    assert code == 1
    assert found["packages"] == {"no-such-package": None}
    assert found["problems"] == ["no-such-package is not installed; pip install no-such-package"]


def test_torch_that_does_not_import_is_a_problem(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    code, found = examined(capsys)
    assert code == 1
    assert found["device"] is None
    assert found["problems"][0].startswith("torch cannot be imported (import of torch halted")


def test_test_data_folder_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CELLWEAVE_DATA", str(tmp_path))
    assert examined(capsys)[1]["data"] == str(tmp_path)


def test_missing_test_data_folder_is_a_problem(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CELLWEAVE_DATA", str(tmp_path / "gone"))
    assert main(["doctor"]) == 1
    assert f"problem: CELLWEAVE_DATA is {tmp_path / 'gone'}, which is no folder" in capsys.readouterr().out
