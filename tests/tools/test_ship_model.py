"""Making a trained model a default one."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cellweave.core import sha256_of
from cellweave.data import DatasetWriter
from cellweave.workflows.check_model import check_model
from cellweave.workflows.models import show_model
from cellweave.workflows.validate_model import validate_model

SOURCE = Path(__file__).parents[2] / "tools" / "ship_model.py"


@pytest.fixture
def tool():
    described = importlib.util.spec_from_file_location("ship_model", SOURCE)
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


@pytest.fixture
def validated(spot_folder, spot_cells, spot_image, tmp_path):
    """A function that returns a copy of the model, validated on an image under a licence."""

    def make(licence):
        model = shutil.copytree(spot_folder, tmp_path / "model")
        wrong = spot_cells.select(range(11))
        with DatasetWriter(tmp_path / "set", name="s", classes=wrong.classes, licence=licence, source="") as writer:
            writer.add("a", wrong, pixels=spot_image, split="validation", group="p")
        validate_model(model, tmp_path / "set", device="cpu", resamples=0)
        return model

    return make


def test_a_model_is_shipped_rounded_with_its_validation(tool, validated, tmp_path):
    model = validated("BSD-3-Clause")
    (model / "training").mkdir()
    (tmp_path / "shipped").mkdir()
    target = tool.ship(model, "spots", tmp_path / "shipped")
    assert sorted(path.name for path in target.iterdir()) == [
        "README.md",
        "config.json",
        "failures.png",
        "metrics.json",
        "model.safetensors",
        "validation.json",
    ]
    assert {value.dtype for value in load_file(target / "model.safetensors").values()} == {torch.bfloat16, torch.int64}
    config = json.loads((target / "config.json").read_text())
    assert config["weights_sha256"] == sha256_of(target / "model.safetensors")
    assert config["rounded_from_sha256"] == sha256_of(model / "model.safetensors")
    assert check_model(target, device="cpu").findings == ()
    assert show_model(target).summary.notes == (
        "The validation is of the weights before they were rounded to bfloat16.",
    )
    before = (target / "model.safetensors").read_bytes()
    assert tool.ship(model, "spots", tmp_path / "shipped") == target
    assert (target / "model.safetensors").read_bytes() == before


def test_pictures_go_by_their_licence(tool, validated, tmp_path):
    model = validated("research only")
    (tmp_path / "shipped").mkdir()
    with pytest.raises(SystemExit, match=r"shows images under 'research only'; .* --no-pictures"):
        tool.ship(model, "spots", tmp_path / "shipped")
    (model / "failures.png").unlink()
    assert (tool.ship(model, "spots", tmp_path / "shipped") / "validation.json").is_file()


def test_a_validation_of_other_weights_or_a_lone_picture_is_refused(tool, validated, tmp_path):
    model = validated("CC0-1.0")
    record = json.loads((model / "validation.json").read_text())
    (model / "validation.json").write_text(json.dumps(record | {"weights_sha256": "0" * 64}))
    with pytest.raises(SystemExit, match="is of other weights than these"):
        tool.ship(model, "spots", tmp_path)
    (model / "validation.json").unlink()
    with pytest.raises(SystemExit, match="nobody knows whose images it shows"):
        tool.ship(model, "spots", tmp_path)


def test_large_models_are_not_shipped_and_leave_nothing(tool, spot_folder, tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    tool.ship(spot_folder, "one", shipped)
    size = sum(path.stat().st_size for path in (shipped / "one").iterdir())
    monkeypatch.setattr(tool, "LARGEST_BYTES_OF_ALL", 2 * size - 1)
    with pytest.raises(SystemExit, match=f"with two the default models have {2 * size:,} bytes"):
        tool.ship(spot_folder, "two", shipped)
    tool.ship(spot_folder, "one", shipped)  # the one that is replaced does not count
    monkeypatch.setattr(tool, "LARGEST_BYTES", size - 1)
    with pytest.raises(SystemExit, match=f"two has {size:,} bytes"):
        tool.ship(spot_folder, "two", shipped)
    assert [path.name for path in shipped.iterdir()] == ["one"]
