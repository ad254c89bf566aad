"""Training the encoder that layouts are compared with."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from cellweave.data.phantom import write_phantom_dataset
from cellweave.encoders import LayoutEncoder

SOURCE = Path(__file__).parents[2] / "tools" / "train_layout_encoder.py"


@pytest.fixture(scope="module")
def tool():
    described = importlib.util.spec_from_file_location("train_layout_encoder", SOURCE)
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


def test_the_same_seed_gives_the_same_encoder(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tool, "CROP", 48)
    monkeypatch.setattr(tool, "BATCH", 2)
    monkeypatch.setattr(tool, "PHANTOM_PX", 100)
    data = write_phantom_dataset(tmp_path / "set", images=6, size=128)
    written = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        out = tmp_path / name
        words = [str(SOURCE), str(data), "--steps", "3", "--seed", str(seed), "--out", str(out)]
        monkeypatch.setattr(sys, "argv", words)
        tool.main()
        written.append((out / "encoder.safetensors").read_bytes())
    assert written[0] == written[1] != written[2]
    assert "written to" in capsys.readouterr().out
    about = json.loads((tmp_path / "one" / "encoder.json").read_text(encoding="utf-8"))
    assert (about["training"]["layouts"], about["training"]["steps"]) == (2, 3)
    assert len(about["mean"]) == 4 * about["middle"]
    LayoutEncoder.from_pretrained(tmp_path / "one")
