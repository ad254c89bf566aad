"""Training the encoder that images are compared with."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch

from cellweave.data.phantom import write_phantom_dataset
from cellweave.encoders import ImageEncoder

SOURCE = Path(__file__).parents[2] / "tools" / "train_image_encoder.py"


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(SOURCE.parent))
    described = importlib.util.spec_from_file_location("train_image_encoder", SOURCE)
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    monkeypatch.setattr(module, "SCALE_PATCHES", 80)
    return module


def test_the_same_seed_gives_the_same_encoder_and_a_run_goes_on(tool, tmp_path, monkeypatch, capsys):
    data = write_phantom_dataset(tmp_path / "set", images=6, size=128)
    written = []
    for name, seed, work in (("one", 1, "a"), ("again", 1, "b"), ("other", 2, "c"), ("resumed", 1, "a")):
        out = tmp_path / name
        words = [str(SOURCE), str(data), "--work", str(tmp_path / work), "--steps", "2", "--batch", "4"]
        monkeypatch.setattr(sys, "argv", [*words, "--seed", str(seed), "--out", str(out)])
        tool.main()
        written.append((out / "encoder.safetensors").read_bytes())
    assert written[0] == written[1] == written[3] != written[2]
    assert "written to" in capsys.readouterr().out
    about = json.loads((tmp_path / "one" / "encoder.json").read_text(encoding="utf-8"))
    assert (about["training"]["images"], about["training"]["steps"]) == (2, 2)
    assert len(about["mean"]) == about["features"]
    ImageEncoder.from_pretrained(tmp_path / "one")


def test_vicreg_by_hand(tool):
    # one feature of two views, of mean squared difference 1 and variance 8 each: no spread is missed
    first, second = torch.tensor([[-2.0], [2.0]]), torch.tensor([[-1.0], [3.0]])
    assert float(tool.vicreg(first, second)) == pytest.approx(1.0)
    # two equal features: covariance 8 off the diagonal, twice, squared, over 2 features, of both views
    twice = first.repeat(1, 2)
    assert float(tool.vicreg(twice, twice)) == pytest.approx(0.04 * 2 * 64)
    assert float(tool.vicreg(first * 0, first * 0)) == pytest.approx(2 * (1 - 0.01))
