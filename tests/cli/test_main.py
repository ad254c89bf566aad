"""The frame of the command line: what it imports, how it reports errors, which code it exits with."""

import errno
import os
import subprocess
import sys

import pytest
import typer

import cellweave
from cellweave.cli import main as frame
from cellweave.core import DatasetError, OutputError

HEAVY = {"cv2", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "skimage", "sklearn", "torch"}


def cellweave_process(*words, code="from cellweave.cli.main import main; raise SystemExit(main())", **options):
    """Run a fresh interpreter as the installed command would."""
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs a command which raises, and gives (exit code, standard error output)."""

    def run_raising(error):
        app = typer.Typer(pretty_exceptions_enable=False)
        app.callback()(lambda: None)

        @app.command()
        def work() -> None:
            raise error

        monkeypatch.setattr(frame, "app", app)
        code = frame.main(["work"])
        return code, capsys.readouterr().err

    return run_raising


@pytest.mark.parametrize(
    "command", [[], ["demo"], ["data"], ["train"], ["train", "locator"], ["locate"], ["score"], ["models"], ["doctor"]]
)
def test_help_imports_nothing_heavy(command):
    code = (
        "import sys; from cellweave.cli.main import main; code = main(); "
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr); raise SystemExit(code)"
    )
    done = cellweave_process(*command, "--help", code=code)
    assert done.returncode == 0
    assert done.stderr == "[]\n"
    assert "Usage: cellweave" in done.stdout


def test_package_imports_nothing_heavy():
    code = f"import sys, cellweave; print(sorted({HEAVY!r} & set(sys.modules)))"
    assert cellweave_process(code=code).stdout == "[]\n"


def test_python_m_is_the_same_command():
    done = subprocess.run([sys.executable, "-m", "cellweave", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"cellweave {cellweave.__version__}\n"


def test_version(capsys):
    assert frame.main(["--version"]) == 0
    assert capsys.readouterr().out == f"cellweave {cellweave.__version__}\n"


@pytest.mark.parametrize("words", [[], ["data"]])
def test_bare_group_shows_help(words, capsys):
    assert frame.main(words) == 2
    captured = capsys.readouterr()
    assert " ".join(["Usage: cellweave", *words]) in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["weave"], "cellweave: error: No such command 'weave'. (see cellweave --help)\n"),
        (["doctors"], "cellweave: error: No such command 'doctors'. Did you mean 'doctor'? (see cellweave --help)\n"),
        (
            ["data", "import", "gold", "a", "b"],
            "cellweave: error: Invalid value for 'kind': 'gold' is not one of 'bcdata', 'brca-m2c', 'ccrcc', 'coco', "
            "'conic', 'consep', 'crchistophenotypes', 'deepliif', 'lizard', 'masks', 'nucls', 'pannuke', 'points-csv', "
            "'psu', 'qupath-geojson'. (see cellweave data import --help)\n",
        ),
        (["doctor", "now"], "cellweave: error: Got unexpected extra argument(s) (now) (see cellweave doctor --help)\n"),
    ],
)
def test_usage_error_is_one_line_with_a_hint(words, line, capsys):
    assert frame.main(words) == 2
    captured = capsys.readouterr()
    assert captured.err == line
    assert captured.out == ""


def test_usage_error_in_a_real_process():
    done = cellweave_process("doctor", "--nosuch")
    assert done.returncode == 2
    assert done.stderr.startswith("cellweave: error: No such option: --nosuch")
    assert done.stderr.endswith("(see cellweave doctor --help)\n")
    assert done.stderr.count("\n") == 1


def test_cellweave_error_is_one_line(run):
    code, err = run(DatasetError("out/brca holds no dataset.json;\n  import it first."))
    assert (code, err) == (2, "cellweave: error: out/brca holds no dataset.json; import it first.\n")


def test_output_error_keeps_its_own_words(run):
    assert run(OutputError("out cannot be written (full).")) == (2, "cellweave: error: out cannot be written (full).\n")


def test_operating_system_error_names_the_file(run):
    code, err = run(PermissionError(errno.EACCES, "Permission denied", "/data/cells.csv"))
    assert code == 2
    assert err == "cellweave: error: /data/cells.csv: Permission denied; check the path and its permissions.\n"


def test_full_disk(run):
    code, err = run(OSError(errno.ENOSPC, "No space left on device"))
    assert code == 2
    assert err == "cellweave: error: no space is left on the disk; free some, or choose another output path.\n"


def test_interrupt_says_how_to_go_on(run):
    code, err = run(KeyboardInterrupt())
    assert code == 130
    assert err.startswith("cellweave: interrupted; give the same command again")
    assert err.count("\n") == 1


@pytest.mark.parametrize("code", [0, 1, 7])
def test_exit_code_of_a_command(run, code):
    assert run(typer.Exit(code)) == (code, "")


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), OSError("nobody's file")])
def test_a_bug_passes_through(run, error):
    with pytest.raises(type(error), match=str(error)):
        run(error)


def test_closed_pipe_is_silent():
    """`cellweave --help | true`: nobody reads, and nothing complains."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as closed:
        command = [sys.executable, "-c", "from cellweave.cli.main import main; raise SystemExit(main())", "--help"]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.returncode == 1
