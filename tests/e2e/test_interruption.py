"""Commands that are stopped: nothing half-written stays, and the same command given again works."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.training.stepper import Stepper
from cellweave.workflows import locate

INTERRUPTED = 130
SLOW_IMPORT = """
import sys, time
from cellweave import data
from cellweave.cli.main import main
data.read_image = lambda path: time.sleep(600)
main(sys.argv[1:])
"""
"""An import that hangs at its first image, so that it can be killed there."""


def interrupt_at(call, function):
    """Return a function that does what another does, and is interrupted at some call."""
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == call:
            raise KeyboardInterrupt
        return function(*args, **kwargs)

    return interrupted


def test_an_interrupted_locating_leaves_nothing(place, monkeypatch, capsys):
    command = ["locate", "images", "--model", "model", "--out", "out"]
    before = sorted(os.listdir())
    with monkeypatch.context() as patched:
        patched.setattr(locate, "draw_cells", interrupt_at(2, locate.draw_cells))
        assert main(command) == INTERRUPTED
    said = capsys.readouterr()
    assert said.err.startswith("cellweave: interrupted; give the same command again")
    assert said.err.count("\n") == 1
    assert sorted(os.listdir()) == before
    assert main(command) == 0
    assert pd.read_csv("out/cells.csv")["image"].isin(["a", "b"]).all()


def test_an_interrupted_training_goes_on(place, small_run, monkeypatch, capsys):
    command = ["train", "locator", "--data", "set", "--out", "run", *small_run.split()]
    with monkeypatch.context() as patched:
        patched.setattr(Stepper, "take", interrupt_at(8, Stepper.take))  # in the final network, after 3 + 3 + 1 steps
        assert main(command) == INTERRUPTED
    assert capsys.readouterr().err.count("\n") == 1
    assert not Path("run/config.json").exists()
    with monkeypatch.context() as patched:
        patched.setattr(Stepper, "take", interrupt_at(3, Stepper.take))  # two steps are left
        assert main(command) == 0
    assert Path("run/config.json").is_file()
    assert not list(Path("run").rglob("*partial*"))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_import_leaves_a_hidden_folder_at_most(place, capsys):
    command = ["data", "import", "points-csv", "points.csv", "out", "--images", "images"]
    before = set(os.listdir())
    process = subprocess.Popen([sys.executable, "-c", SLOW_IMPORT, *command], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (left := set(os.listdir()) - before):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert [name.startswith(".out.partial-") for name in left] == [True]
    assert main(command) == 0
    assert main(["data", "check", "out"]) == 0
