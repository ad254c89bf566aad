import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cellweave.cli import data
from cellweave.cli.progress import LogLines
from cellweave.core import CellweaveError
from cellweave.data import write_png


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        write_png(tmp_path / "source" / f"{name}.png", np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))
    (tmp_path / "source" / "points.csv").write_text("image,x,y,label\na,1,2,tumor\na,3,30,\n")
    return tmp_path / "source" / "points.csv"


def run(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(data.app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def test_import_says_what_it_brought_in(tmp_path: Path, table: Path) -> None:
    table.write_text("image,x,y,label\na,1,2,tumor\na,3,20,\n")
    out = tmp_path / "set"
    assert run("import", "points-csv", table, out).splitlines() == [
        "images  1 (1 training) of 1 group",
        "cells   2 (1 tumor, 1 without a class)",
        "note    Moved into the image, because they lay a little outside it: 1 cell.",
        "note    Left out, because the table does not name them: 1 image (b.png).",
        f"written to {out}",
    ]
    summary = json.loads(run("import", "points-csv", table, out, "--overwrite", "--unlisted-are-empty", "--json"))
    assert summary["images"] == {"training": 2}
    assert (summary["path"], summary["clipped"]) == (str(out), 1)


def test_bad_input_is_one_error_of_ours(tmp_path: Path, table: Path) -> None:
    with pytest.raises(CellweaveError, match=r"points\.csv: row 2 .*y 30 is not inside"):
        run("import", "points-csv", table, tmp_path / "set")
    assert not (tmp_path / "set").exists()
    with pytest.raises(CellweaveError, match="nowhere does not exist"):
        run("check", tmp_path / "nowhere")


def test_check_stats_and_their_exit_codes(tmp_path: Path, table: Path) -> None:
    table.write_text("image,x,y,label\na,1,2,tumor\n")
    out = tmp_path / "set"
    run("import", "points-csv", table, out, "--mpp", "0.5", "--classes", "stromal, tumor")
    assert run("check", out) == f"{out}: 1 image, 1 cell, 0 errors, 0 warnings\n"
    rows = json.loads(run("stats", out, "--json"))
    assert [row["label"] for row in rows] == ["all", "stromal", "tumor"]
    assert "nearest µm" in run("stats", out)
    (out / "images" / "a.png").write_bytes(b"")
    assert "error    images/a.png: has changed" in run("check", out, code=1)
    report = json.loads(run("check", out, "--json", code=1))
    assert {finding["severity"] for finding in report["findings"]} == {"error"}


def test_help_needs_no_tables_or_networks() -> None:
    program = (
        "import sys, cellweave.cli.data, cellweave.cli.progress; "
        "print([name for name in ('torch', 'pandas', 'pyarrow', 'matplotlib', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_log_has_a_line_now_and_then() -> None:
    clock, stream = iter([0.0, 10.0, 31.0, 32.0, 40.0, 41.0, 42.0]), io.StringIO()
    lines = LogLines(stream, seconds=30.0, clock=lambda: next(clock))
    lines("training", 0, 9)
    lines("training", 1, 9)
    lines("training", 5, 9, "loss 0.5")
    lines("training", 6, 9)
    lines("training", 9, 9)
    lines("checking", 0, 1)
    lines("checking", 1, 1)  # quick work says nothing
    assert stream.getvalue().splitlines() == ["training: 5 of 9, loss 0.5", "training: 9 of 9"]
