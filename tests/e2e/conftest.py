"""A folder of good things to break, and what it means that a command refuses one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cellweave.cli.main import main
from cellweave.core import Cells
from cellweave.data import DatasetWriter
from cellweave.data.phantom import write_phantom_dataset


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def good_things(tmp_path_factory, spot_model, noise) -> Path:
    """An image, a folder of images, a table, a data set, a model, and places that are taken."""
    root = tmp_path_factory.mktemp("good")
    spot_model.write(root / "model")
    (root / "images").mkdir()
    for path in ("a.png", "images/a.png", "images/b.png"):
        Image.fromarray(noise).save(root / path)
    (root / "points.csv").write_text("image,x,y,label\na,1,2,red\nb,3,4,blue\n")
    with DatasetWriter(root / "set", name="set", classes=("blue", "red"), licence="CC0", source="a test") as writer:
        for number, split in enumerate(("training", "training", "validation")):
            xy = np.random.default_rng(number).uniform(0, 48, (6, 2))
            cells = Cells(xy, [0, 1] * 3, classes=("blue", "red"), shape=(48, 64), mpp=0.5)
            writer.add(f"i{number}", cells, pixels=noise, split=split, group=f"patient-{number}")
    (root / "file").write_text("mine")
    (root / "full").mkdir()
    (root / "full" / "thesis.txt").write_text("mine")
    return root


@pytest.fixture
def place(good_things, tmp_path, monkeypatch) -> Path:
    """A copy of the good things, which is the working folder."""
    shutil.copytree(good_things, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    return tmp_path / "w"


@pytest.fixture
def refuse(capsys) -> Callable[[str, str], None]:
    """A function that runs a command and checks that it is refused: one line, exit code 2, nothing written."""

    def check(command: str, message: str) -> None:
        before = contents()
        code = main(command.split())
        said = capsys.readouterr()
        assert message in said.err
        assert said.err.startswith("cellweave: error: ")
        assert said.err.count("\n") == 1
        assert (code, said.out) == (2, "")
        assert contents() == before

    return check


def options(*changes: str) -> list[str]:
    """Return changes of a recipe as the words of a command."""
    return [word for change in changes for word in ("--set", change)]


TINY = ("fit.precision=fp32", "fit.batch_size=2", "fit.checkpoint_every=5", "fit.log_every=5", "sampler.steps=3")
TINY_NETWORK = ("network.widths=[8,16]", "network.blocks=1", "network.attention_levels=[1]", "network.fold=2")


@pytest.fixture(scope="session")
def tiny_recipes() -> dict[str, list[str]]:
    """Options of trainings of layouts and of images that take a second for some steps."""
    return {
        "layouts": options(*TINY, *TINY_NETWORK, "frame.crop_px=64", "condition=categories", "categories=2", "drop=0"),
        "images": options(*TINY, *TINY_NETWORK, "crop_px=32"),
    }


@pytest.fixture(scope="session")
def generators(tmp_path_factory, tiny_recipes) -> Path:
    """A data set of phantom tissue, ``set``, a layout model of it, ``lay``, an image model, ``img``, and ``drawn``."""
    root = tmp_path_factory.mktemp("generators")
    data = write_phantom_dataset(root / "set", images=8, size=96, seed=1)
    for kind, name in (("layouts", "lay"), ("images", "img")):
        common = ["--data", str(data), "--device", "cpu", "--steps", "4", "--out", str(root / name)]
        assert main(["train", kind, *common, *tiny_recipes[kind]]) == 0
    words = ["--model", str(root / "lay"), "--count", "3", "--device", "cpu", "--out", str(root / "drawn")]
    assert main(["generate", "layouts", *words]) == 0
    return root


@pytest.fixture
def workshop(generators, tmp_path, spot_model, monkeypatch) -> Path:
    """A copy of the generators and their data, beside a localiser and places that are taken, as the working folder."""
    root = tmp_path / "w"
    shutil.copytree(generators, root)
    spot_model.write(root / "localiser")
    (root / "file").write_text("mine")
    (root / "full").mkdir()
    (root / "full" / "thesis.txt").write_text("mine")
    monkeypatch.chdir(root)
    return root


@pytest.fixture(scope="session")
def small_run() -> str:
    """Options of a training that takes a second."""
    changes = (
        "network.widths=[4]",
        "augmentation.crop_px=32",
        "fit.batch_size=1",
        "fit.checkpoint_every=1",
        "fit.log_every=1",
        "calibration.folds=2",
        "calibration.windows_px=[5]",
        "calibration.share=1",
    )
    return " ".join(["--steps 3 --device cpu", *(f"--set {change}" for change in changes)])


def contents() -> dict[str, bytes | None]:
    """Return the bytes of every file below the working folder, None for folders."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in Path().rglob("*")}
