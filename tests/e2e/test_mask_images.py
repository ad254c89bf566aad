"""Images of masks through the command line: patches cut, a model trained in two phases, its images, and refusals."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cellweave.cli.main import main
from cellweave.data import CellDataset, check_dataset, write_png
from cellweave.data.phantom import write_phantom_dataset
from cellweave.diffusion import SamplerRecipe
from cellweave.images import ImageGenerator
from cellweave.training import read_log
from cellweave.training.checkpoint import Checkpoint

pytestmark = pytest.mark.slow

SMALL = [
    word
    for change in (
        "fit.precision=fp32",
        "fit.batch_size=2",
        "fit.checkpoint_every=2",
        "fit.log_every=1",
        "network.widths=[8,16]",
        "crop_px=32",
        "fine_tuning.share=0.5",
    )
    for word in ("--set", change)
]


def train(data: Path, out: Path, *extra: str) -> int:
    words = ["--recipe", "nasdm-laptop", "--data", str(data), "--out", str(out), "--steps", "4", "--device", "cpu"]
    return main(["train", "images", *words, *SMALL, *extra])


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Phantom tissue, ``set``, its patches, ``patches``, and a model of masks, ``model``."""
    root = tmp_path_factory.mktemp("masks")
    write_phantom_dataset(root / "set", images=6, size=128, seed=1)
    assert main(["data", "patches", str(root / "set"), str(root / "patches"), "--size", "32", "--overlap", "0"]) == 0
    assert train(root / "patches", root / "model") == 0
    return root


@pytest.fixture
def place(made, tmp_path, monkeypatch) -> Path:
    shutil.copytree(made, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    return tmp_path / "w"


def test_patches_are_a_data_set_whose_test_split_is_held_out(made):
    patches, whole = CellDataset.open(made / "patches"), CellDataset.open(made / "set")
    assert not check_dataset(patches.root).errors
    areas: dict[tuple[str, str], np.ndarray] = {}
    splits = dict(zip(patches.images["image"], patches.images["split"], strict=True))
    for name in patches.names():
        source, row, column = name.rsplit("-", 2)
        window = np.s_[int(row) : int(row) + 32, int(column) : int(column) + 32]
        np.testing.assert_array_equal(patches.read_image(name), whole.read_image(source)[window])
        np.testing.assert_array_equal(patches.read_mask(name).classes, whole.read_mask(source).classes[window])
        areas.setdefault((source, splits[name]), np.zeros((128, 128), bool))[window] = True
    sources = set(whole.names("training"))
    assert {split for source, split in areas if source in sources} == {"training", "test"}
    for source in sources:
        assert not (areas[source, "training"] & areas[source, "test"]).any()


def test_a_model_is_trained_in_two_phases(made):
    config = json.loads((made / "model" / "config.json").read_text())
    assert config["recipe"]["conditioning"] == "spade"
    rates = {}
    for phase in ("final", "fine-tuning"):
        log = read_log(made / "model" / "training" / phase / "log.csv")
        assert log["step"].tolist() == [1, 2]
        rates[phase] = float(log["learning_rate"].max())
    assert rates == {"final": 0.0005, "fine-tuning": 0.0001}
    assert "semantic masks" in (made / "model" / "README.md").read_text()
    assert main(["models", "check", str(made / "model"), "--device", "cpu"]) == 0


def test_images_of_masks_are_a_labelled_data_set(made, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["--model", str(made / "model"), "--masks", str(made / "patches"), "--split", "test", "--steps", "5"]
    capsys.readouterr()
    assert main(["generate", "images", *words, "--out", str(out), "--device", "cpu", "--json"]) == 0
    real, drawn = CellDataset.open(made / "patches"), CellDataset.open(out)
    assert json.loads(capsys.readouterr().out)["images"] == len(real.names("test")) > 4
    assert drawn.names() == real.names("test")
    assert not check_dataset(out).errors
    for name in drawn.names():
        assert drawn.read_image(name).shape == (32, 32, 3)
        np.testing.assert_array_equal(drawn.read_mask(name).classes, real.read_mask(name).classes)
        np.testing.assert_array_equal(drawn.read_cells(name).xy, real.read_cells(name).xy)
    provenance = pd.read_parquet(out / "provenance.parquet")
    assert provenance[["sampler", "sampler_steps", "guidance"]].drop_duplicates().values.tolist() == [["unipc", 5, 0.5]]
    assert provenance["masks"].unique().tolist() == [real.checksum]


def test_guidance_changes_images_and_batches_do_not(made):
    generator = ImageGenerator.from_pretrained(made / "model", device="cpu", precision="fp32")
    with torch.random.fork_rng():  # four steps of training have hardly told masks apart
        torch.manual_seed(0)
        torch.nn.init.normal_(generator.network.exit.weight, std=1.0)
    dataset = CellDataset.open(made / "patches")
    masks = list(enumerate(dataset.read_mask(name) for name in dataset.names()[:3]))
    sampler = SamplerRecipe(name="unipc", steps=2)

    def painted(**settings):
        images = generator.generate(masks, seed=1, sampler=sampler, **settings)
        return np.stack([image for _, image in images]).astype(int)

    own = painted(batch_size=3)
    assert np.abs(own - painted(batch_size=1)).max() <= 1  # grey levels
    assert np.array_equal(own, painted(batch_size=3, guidance=0.5))
    assert np.abs(own - painted(batch_size=3, guidance=10.0)).max() > 3


@pytest.mark.parametrize("phase", ["final", "fine-tuning"])
def test_a_training_that_was_stopped_in_a_phase_goes_on_there(made, tmp_path, monkeypatch, phase):
    """Killed after a checkpoint of either phase and started again, it ends with the weights of one never stopped."""

    save = Checkpoint.save

    def killed(self, stepper):
        save(self, stepper)
        if self.folder.parent.name == phase:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", killed)
    try:
        code = train(made / "patches", tmp_path / "model")
    except KeyboardInterrupt:
        code = 130
    assert code == 130
    assert not (tmp_path / "model" / "config.json").exists()
    monkeypatch.undo()
    assert train(made / "patches", tmp_path / "model") == 0
    weights = [(root / "model" / "model.safetensors").read_bytes() for root in (made, tmp_path)]
    assert weights[0] == weights[1]


def test_a_held_out_area_that_holds_no_patch_is_told(place, capsys):
    # 7.5 % of 128 × 128 px is a square of 35
    assert main(["data", "patches", "set", "large", "--size", "64"]) == 0
    assert "note     2 images whose held-out area holds no patch" in capsys.readouterr().out


REFUSED = {
    "data patches patches new --size 200": "give no patch of 200 px: 0 places have too many unknown pixels",
    "data patches set set --overwrite": "set is, lies in or holds set, which is read",
    "data patches set set/patches": "set/patches is, lies in or holds set, which is read",
    "data patches set new --overlap 1": "the overlap must be from 0 to below 1, got 1",
    "data patches bare new": "no image of bare has a mask of classes",
    "train images --recipe nasdm-laptop --data bare --steps 2 --out new": "has no mask of classes",
    "train images --recipe nasdm-laptop --data set --steps 1 --out new": "in two phases, of a step at least, got 1",
    "train images --recipe default --data set --steps 1 --out new --set masks.edges=true": (
        "conditioned on layouts or on masks; set condition or masks to null"
    ),
    "train images --data set --steps 1 --out new --set guidance=1": "guidance needs fine_tuning",
    "generate images --model model --out new": "painted of --layouts or of --masks; give one of them",
    "generate images --model model --layouts set --masks set --out new": "give one of them",
    "generate images --model model --layouts set --out new": "paints masks, not layouts; give it --masks",
    "generate images --model model --masks bare --out new": "has no mask of classes",
    "generate images --model model --masks set --guidance -1 --out new": "from 0 (none) to 100, got -1",
    "generate images --model model --masks unknown --out new": "of mask 0 is unknown, and the image model has seen",
}


@pytest.mark.parametrize("command", REFUSED)
def test_what_is_refused_in_one_line(place, refuse, command):
    shutil.copytree("set", "bare")
    shutil.rmtree("bare/classes")
    dataset = CellDataset.open("set")
    shutil.copytree("set", "unknown")

    write_png(f"unknown/classes/{dataset.names()[0]}.png", np.full((128, 128), 255, np.uint8))
    refuse(command, REFUSED[command])


def test_unknown_pixels_are_not_learnt_from(place, refuse):
    shutil.copytree("set", "unknown")
    name = CellDataset.open("set").names("training")[0]

    mask = CellDataset.open("set").read_mask(name).classes.copy()
    mask[0, :16] = 255
    write_png(f"unknown/classes/{name}.png", mask)
    command = "train images --recipe nasdm-laptop --data unknown --steps 2 --out new"
    refuse(command, f"0.1% of the mask of training image {name!r} is unknown; cut patches without such pixels")
