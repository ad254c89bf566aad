"""The demonstration from tissue to report, with a training of seconds in place of minutes."""

import re

import pytest

from cellweave.core import InvalidInputError, ModelFolderError
from cellweave.data import CellDataset, DatasetWriter, read_image
from cellweave.data.phantom import write_phantom_dataset
from cellweave.workflows import demo
from cellweave.workflows.train import train_locator

SMALL = [
    "fit.precision=fp32",
    "fit.batch_size=2",
    "fit.log_every=5",
    "network.widths=[8, 12, 16]",
    "augmentation.crop_px=64",
    "calibration.folds=2",
    "calibration.windows_px=[5, 9]",
]
TRAINING = {"cross-validation, fold 1 of 2", "calibrating window and threshold", "training the final network"}


@pytest.fixture
def quick_training(monkeypatch):
    """Train by steps and a small recipe: minutes would be timed, which takes longer than the rest."""

    def train(data, out, *, minutes, **options):
        assert minutes == 0.5
        return train_locator(data, out, steps=30, changes=SMALL, **options)

    monkeypatch.setattr(demo, "train_locator", train)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("demo") / "set", images=8, size=96, seed=1)


@pytest.mark.slow
def test_the_whole_path_once_and_again(tmp_path, data, quick_training):
    stages = []

    def progress(stage, done, total, note=""):
        stages.append(stage)

    options = {"data": data, "minutes": 0.5, "device": "cpu", "progress": progress}
    first = demo.run_demo(tmp_path / "out", **options)
    assert (first.report, first.model) == (tmp_path / "out" / "report.html", tmp_path / "out" / "model")
    assert set(stages) >= TRAINING
    assert read_image(tmp_path / "out" / "overview.png").shape[0] >= 3 * 384  # three rows, and legends
    truth = [CellDataset.open(data).read_cells(name) for name in CellDataset.open(data).names("validation")]
    whole = first.scores.rows[0]
    assert (whole.label, whole.radius_px, whole.tp + whole.fn) == ("all", 6, sum(len(cells) for cells in truth))

    page = first.report.read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)  # nothing is fetched
    assert "<script" not in page
    for row in first.scores.rows:
        assert f">{row.label}<" in page
    assert f"F1 {whole.f1:.3f}" in page

    weights = (first.model / "model.safetensors").stat().st_mtime_ns
    stages.clear()
    second = demo.run_demo(tmp_path / "out", **options)
    assert "locating cells" in stages
    assert not TRAINING & set(stages)
    assert (second.model / "model.safetensors").stat().st_mtime_ns == weights
    assert second.scores == first.scores

    with pytest.raises(ModelFolderError, match="model holds a run with another seed; give the same settings"):
        demo.run_demo(tmp_path / "out", **options, seed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"minutes": 0.0}, "--minutes must be a positive number, got 0"), ({"device": "gpu"}, "a device is auto, cpu")],
)
def test_bad_settings_leave_nothing(tmp_path, options, message):
    with pytest.raises(InvalidInputError, match=message):
        demo.run_demo(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_nothing_to_score_on_is_told(tmp_path, spot_image, spot_cells):
    with DatasetWriter(tmp_path / "set", name="t", classes=("blue", "red"), licence="CC0", source="test") as writer:
        writer.add("one", spot_cells, pixels=spot_image)
    with pytest.raises(InvalidInputError, match=r"set has neither validation nor test images, so there is nothing"):
        demo.run_demo(tmp_path / "out", data=tmp_path / "set")
    assert not (tmp_path / "out").exists()
