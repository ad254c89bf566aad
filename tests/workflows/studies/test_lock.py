"""A lock keeps others out, and is free again however its holder ends."""

import os
import signal
import subprocess
import sys

import pytest

from cellweave.core import OutputError
from cellweave.workflows.studies.lock import try_lock

HOLD = """
import sys, time
from pathlib import Path
from cellweave.workflows.studies.lock import try_lock
with try_lock(Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(600)
"""


def test_one_holder_at_a_time(tmp_path):
    path = tmp_path / "trial" / "lock"
    with try_lock(path) as first:
        assert first
        assert path.read_text() == f"{os.getpid()}\n"
        with try_lock(path) as second:
            assert not second
    with try_lock(path) as after:
        assert after


def test_a_killed_process_holds_nothing(tmp_path):
    path = tmp_path / "lock"
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "True\n"
        with try_lock(path) as held:
            assert not held
        assert path.read_text() == f"{other.pid}\n"
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
    with try_lock(path) as held:
        assert held


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="choose another output folder"), try_lock(tmp_path / "file" / "lock"):
        pass
