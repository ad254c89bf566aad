"""A run killed with SIGKILL and resumed ends in the same weights as one never killed."""

import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from cellweave.data.phantom import write_phantom_dataset
from cellweave.training import read_log

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "cellweave", "train", "locator", "--steps", "40", "--device", "cpu", "--seed", "3"]
SMALL = [
    "fit.precision=fp32",
    "fit.checkpoint_every=5",
    "fit.log_every=5",
    "fit.batch_size=2",
    "network.widths=[8, 12, 16]",
    "augmentation.crop_px=64",
    "calibration.folds=2",
    "calibration.windows_px=[5, 9]",
]


def command(data, out):
    changes = [word for change in SMALL for word in ("--set", change)]
    return [*COMMAND, "--data", str(data), "--out", str(out), *changes]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("phantom") / "set", images=8, size=96, seed=1)


def test_a_killed_training_resumes_to_identical_weights(data, tmp_path):
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    subprocess.run(command(data, straight), check=True, capture_output=True)

    process = subprocess.Popen(command(data, killed), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    checkpoints = killed / "training" / "final" / "checkpoints"
    deadline = time.monotonic() + 120
    while not list(checkpoints.glob("step-*")):
        assert process.poll() is None, "training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "config.json").exists()

    done = subprocess.run(command(data, killed), check=True, capture_output=True, text=True)
    assert str(killed) in done.stdout
    expected, got = (load_file(folder / "model.safetensors") for folder in (straight, killed))
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    finders = [json.loads((folder / "config.json").read_text())["peak_finder"] for folder in (straight, killed)]
    assert finders[0] == finders[1]
    logs = [read_log(folder / "training" / "final" / "log.csv")["loss"].tolist() for folder in (straight, killed)]
    assert logs[0] == logs[1]
    assert len(logs[0]) == 8
