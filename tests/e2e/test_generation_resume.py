"""Generators and generations killed with SIGKILL at chosen places: the same command again ends as if never stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from cellweave.cli.main import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork, nor kill with SIGKILL"),
]

KILLED = """
import importlib, json, os, signal, sys
import cellweave.workflows.generate, cellweave.workflows.train
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from cellweave.cli.main import main

def kill_at(place, call):
    module, _, name = place.partition(":")
    owner = importlib.import_module(module)
    *parents, last = name.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    function, calls = getattr(owner, last), []
    def killed(*args, **kwargs):
        calls.append(args)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    setattr(owner, last, killed)

for line in sys.stdin:
    words, place, call = json.loads(line)
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        kill_at(place, call)
        os._exit(main(words))
    _, status = os.waitpid(child, 0)
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status), flush=True)
"""
"""Runs commands that kill themselves when they call a function for the n-th time; it imports only once."""


@pytest.fixture(scope="module")
def server():
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.stdin.close()
    process.stdout.close()
    process.wait()


@pytest.fixture
def run_armed(server):
    """A function that runs a command which is killed should it call a function for the n-th time; True if it was."""

    def run(words, place, call):
        server.stdin.write(json.dumps([[str(word) for word in words], place, call]) + "\n")
        server.stdin.flush()
        ended = int(server.stdout.readline())
        assert ended in (0, signal.SIGKILL)
        return ended == signal.SIGKILL

    return run


def contents(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


TRAININGS = {
    "before its plan": ("cellweave.training.run:atomic_file", 1),
    "amid its steps": ("cellweave.training.stepper:Stepper.take", 8),
    "amid a checkpoint": ("cellweave.training.checkpoint:_optimizer_tensors", 2),
    "between two checkpoints": ("cellweave.training.checkpoint:shutil.rmtree", 3),
    "between the files of the model": ("cellweave.training.model_folder:atomic_file", 2),
    "with the model complete": ("cellweave.training.run:shutil.rmtree", 6),
}


def training(kind, data, out, recipes):
    words = ["--data", str(data), "--out", str(out), "--device", "cpu", "--steps", "11", "--seed", "3"]
    return ["train", kind, *words, *recipes[kind]]


@pytest.fixture(scope="module")
def straight(generators, tiny_recipes, tmp_path_factory):
    """Models of either kind whose training was never stopped."""
    root = tmp_path_factory.mktemp("straight")
    for kind in ("layouts", "images"):
        assert main(training(kind, generators / "set", root / kind, tiny_recipes)) == 0
    return root


@pytest.mark.parametrize(
    ("kind", "name"),
    [*[("layouts", name) for name in TRAININGS], ("images", "amid its steps"), ("images", "amid a checkpoint")],
)
def test_a_killed_training_ends_in_the_same_model(run_armed, straight, generators, tiny_recipes, tmp_path, kind, name):
    out = tmp_path / "run"
    words = training(kind, generators / "set", out, tiny_recipes)
    assert run_armed(words, *TRAININGS[name])
    assert (out / "config.json").exists() == (name == "with the model complete")
    assert main(words) == 0
    assert (out / "model.safetensors").read_bytes() == (straight / kind / "model.safetensors").read_bytes()
    configs = [json.loads((root / "config.json").read_text()) for root in (out, straight / kind)]
    for config in configs:
        del config["training"]["seconds_since_last_start"]
    assert configs[0] == configs[1]
    if name == "with the model complete":
        assert not run_armed(words, "cellweave.training.stepper:Stepper.take", 1)  # it takes no step


LAYOUTS = "cellweave.workflows.layout_stage"
STAGES = "cellweave.workflows.generation_stages"
GENERATIONS = {
    "layouts": ["--count", "5", "--batch-size", "2"],
    "images": ["--batch-size", "2"],
    "dataset": ["--count", "5", "--batch-size", "2"],
    "corrected-dataset": ["--count", "5", "--batch-size", "2", "--size", "72x64", "--correct", "reject"],
}
KILLS = [
    ("layouts", f"{LAYOUTS}:write_cells_table", 4, 3),
    ("images", f"{STAGES}:write_png", 2, 1),
    ("images", "cellweave.data.dataset_writer:shutil.copyfile", 2, 3),
    ("dataset", f"{LAYOUTS}:write_cells_table", 4, 3),
    ("dataset", f"{STAGES}:write_png", 4, 5 + 3),
    ("dataset", "cellweave.data.dataset_writer:sha256_of", 2, 5 + 5),
    ("corrected-dataset", f"{LAYOUTS}:write_cells_table", 4, 3),
    ("corrected-dataset", f"{STAGES}:write_png", 4, 5 + 3),
]


def generation(kind, models, out):
    command = kind.rpartition("-")[2]
    given = {
        "layouts": ["--model", models / "lay"],
        "images": ["--model", models / "img", "--layouts", models / "drawn"],
        "dataset": ["--layouts", models / "lay", "--images", models / "img"],
    }
    words = ["generate", command, *given[command], *GENERATIONS[kind], "--seed", "3", "--device", "cpu", "--out", out]
    return [str(word) for word in words]


@pytest.fixture(scope="module")
def undisturbed(generators, tmp_path_factory):
    """Data sets whose generation was never stopped."""
    root = tmp_path_factory.mktemp("undisturbed")
    for kind in GENERATIONS:
        assert main(generation(kind, generators, root / kind)) == 0
    return root


@pytest.mark.parametrize(("kind", "place", "call", "kept"), KILLS)
def test_a_killed_generation_ends_in_the_same_data_set(
    run_armed, undisturbed, generators, tmp_path, kind, place, call, kept
):
    out = tmp_path / "out"
    words = generation(kind, generators, out)
    assert run_armed(words, place, call)
    assert not out.exists()
    assert len(list(tmp_path.glob(".out.unfinished/sample-*"))) == kept
    if kept >= 5:  # all layouts are there: none is drawn again
        assert not run_armed(words, f"{LAYOUTS}:write_cells_table", 1)
    else:
        assert main(words) == 0
    assert contents(out) == contents(undisturbed / kind)
    assert not (tmp_path / ".out.unfinished").exists()


@pytest.mark.parametrize("kind", GENERATIONS)
def test_a_killed_generation_leaves_what_it_was_to_replace(run_armed, undisturbed, generators, tmp_path, kind):
    out = tmp_path / "out"
    shutil.copytree(generators / "set", out)
    words = [*generation(kind, generators, out), "--overwrite"]
    assert run_armed(words, "cellweave.core.files:_replace_folder", 1)
    assert contents(out) == contents(generators / "set")
    assert main(words) == 0
    assert contents(out) == contents(undisturbed / kind)


def test_other_settings_do_not_go_on_with_a_killed_generation(run_armed, generators, tmp_path, capsys):
    words = generation("dataset", generators, tmp_path / "out")
    assert run_armed(words, f"{STAGES}:write_png", 2)
    staged = contents(tmp_path)
    for other in (
        ["--seed", "4"],
        ["--batch-size", "1"],
        ["--category", "1"],
        ["--correct", "trim"],
        ["--size", "72x64"],
    ):
        assert main([*words, *other]) == 2
        assert ".out.unfinished holds an unfinished run with other settings" in capsys.readouterr().err
    assert contents(tmp_path) == staged
