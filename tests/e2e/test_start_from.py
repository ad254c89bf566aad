"""``cellweave train --start-from``, as it is typed: what is taken over from a model, and what does not fit."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from cellweave.cli.main import main
from cellweave.core import sha256_of
from cellweave.data import CellDataset
from cellweave.data.phantom import write_phantom_dataset
from cellweave.images import ImageGenerator, ImageRecipe, ImageTraining
from cellweave.layouts import LayoutRecipe, LayoutTraining
from cellweave.training import Budget, load_recipe
from cellweave.training.model_folder import stored_in_bf16

NC = "CC BY-NC-SA 4.0"


def edit_json(path, change):
    stored = json.loads(Path(path).read_text(encoding="utf-8"))
    change(stored)
    Path(path).write_text(json.dumps(stored), encoding="utf-8")


def config(folder):
    return json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))


def weights(folder):
    return load_file(Path(folder) / "model.safetensors")


def farthest(one, other):
    assert one.keys() == other.keys()
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one)


@pytest.fixture
def train(workshop, tiny_recipes):
    """A function that trains a model for two steps on other tissue than that of the models ``img`` and ``lay``."""
    write_phantom_dataset("other", images=6, size=96, seed=5)

    def command(*words, kind="images"):
        common = ["--data", "other", "--device", "cpu", "--steps", "2", "--out", "out"]
        return main(["train", kind, *common, *tiny_recipes[kind], *words])

    return command


@pytest.mark.parametrize("rounded", [False, True])
def test_the_first_weights_are_those_of_the_model(workshop, tiny_recipes, rounded):
    learnt = weights("img")
    if rounded:
        save_file(stored_in_bf16(learnt), "img/model.safetensors")
    recipe = load_recipe(ImageRecipe, "images", "default", [one for one in tiny_recipes["images"] if one != "--set"])
    begun = {}
    for name, start in (("scratch", None), ("started", "img")):
        training = ImageTraining(
            CellDataset.open("set"), Path("out"), recipe, Budget(steps=2), seed=1, device="cpu", start_from=start
        )
        begun[name] = training.network().state_dict()
    largest = max(float(value.abs().max()) for value in learnt.values())
    assert farthest(begun["started"], learnt) <= (largest / 2**8 if rounded else 0)
    assert farthest(begun["scratch"], learnt) > 0.1
    assert {value.dtype for value in begun["started"].values()} == {torch.float32}


def test_steps_too_small_to_move_anything_leave_the_model(train):
    assert train("--start-from", "img", "--seed", "1", "--set", "fit.learning_rate=1e-12") == 0
    assert farthest(weights("out"), weights("img")) < 1e-7
    images = [list(ImageGenerator.from_pretrained(name, device="cpu").generate(scene(), seed=3)) for name in NAMES]
    assert (images[0][0][1] == images[1][0][1]).all()


NAMES = ("img", "out")


def scene():
    layouts = CellDataset.open("other")
    return [(0, layouts.read_cells(layouts.names()[0]))]


def test_basis_and_style_are_the_models_and_licences_join(train, capsys):
    edit_json("img/config.json", lambda stored: stored["training"]["data"].update(licence=NC, name="the first"))
    assert train("--start-from", "img") == 0
    first, second = config("img"), config("out")
    assert second["basis"] == first["basis"]
    assert second["stain"] == first["stain"]
    assert farthest(weights("out"), weights("img")) > 1e-6
    data = second["training"]["data"]
    assert [one["checksum"] for one in data] == [CellDataset.open(name).checksum for name in ("other", "set")]
    checksum = sha256_of(Path("img/model.safetensors"))
    assert second["training"]["started_from"] == {"name": "img", "weights_sha256": checksum}
    card = " ".join(Path("out/README.md").read_text(encoding="utf-8").split())
    assert f"started from the weights of img (sha256 `{checksum[:16]}`)" in card
    assert f"- **Learnt from before**: the first, licence {NC}; checksum" in card
    assert f"**Licences of all that its weights learnt from**: {data[0]['licence']} and {NC}." in card
    capsys.readouterr()
    assert main(["generate", "images", "--model", "out", "--layouts", "drawn", "--device", "cpu", "--out", "made"]) == 0
    assert NC in CellDataset.open("made").licence
    assert train("--out", "scratch") == 0
    assert config("scratch")["basis"] != first["basis"]
    assert config("scratch")["stain"] != first["stain"]
    assert "started_from" not in config("scratch")["training"]
    assert "from scratch" in Path("scratch/README.md").read_text(encoding="utf-8")


def test_a_third_model_inherits_from_both(train):
    edit_json("img/config.json", lambda stored: stored["training"]["data"].update(licence=NC))
    assert train("--start-from", "img") == 0
    assert train("--start-from", "out", "--out", "third") == 0  # on the data of the second: its record is there once
    assert config("third")["training"]["data"] == config("out")["training"]["data"]
    assert NC in Path("third/README.md").read_text(encoding="utf-8")


def test_only_the_same_start_goes_on(train, capsys):
    assert train("--start-from", "img") == 0
    before = weights("out")
    os.remove("out/config.json")  # as if it had been stopped after its last checkpoint
    assert train("--start-from", "img") == 0
    assert farthest(weights("out"), before) == 0
    capsys.readouterr()
    assert train() == 2
    assert "out holds a run with another started_from; give the same settings" in capsys.readouterr().err
    assert train("--out", "scratch") == 0
    assert train("--out", "scratch", "--start-from", "img") == 2
    assert "scratch holds a run with another started_from" in capsys.readouterr().err


COUNTS = ("--set", "condition=counts", "--set", "categories=5", "--set", "channels.density=kde")


def layout_training(words, start=None):
    recipe = load_recipe(LayoutRecipe, "layouts", "default", [one for one in words if one != "--set"])
    return LayoutTraining(
        CellDataset.open("other"), Path("new"), recipe, Budget(steps=2), device="cpu", start_from=start
    )


def test_layout_models_keep_their_scales(train, tiny_recipes, capsys):
    edit_json("lay/config.json", lambda stored: stored["training"]["data"].update(licence=NC))
    words = ["--seed", "1", "--set", "fit.learning_rate=1e-12"]
    assert train("--start-from", "lay", *words, kind="layouts") == 0
    assert farthest(weights("out"), weights("lay")) < 1e-7
    first, second = config("lay"), config("out")
    for key in ("scale", "category_bounds", "density_constant"):
        assert second[key] == first[key]
    assert second["training"]["started_from"]["name"] == "lay"
    assert f"and {NC}." in Path("out/README.md").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["models", "show", "out"]) == 0
    assert NC in " ".join(capsys.readouterr().out.split())
    assert train(*words, kind="layouts") == 2
    assert "out holds a run with another started_from" in capsys.readouterr().err
    scratch = layout_training(tiny_recipes["layouts"])
    assert scratch.samples.scale.to_json() != first["scale"]
    assert list(scratch.samples.categories.bounds) != first["category_bounds"]


def test_layout_models_are_told_numbers_as_before(train, tiny_recipes):
    assert train("--data", "set", "--out", "first", *COUNTS, kind="layouts") == 0
    words = [*tiny_recipes["layouts"], *COUNTS]
    started, scratch = layout_training(words, "first"), layout_training(words)
    first = config("first")["training_counts"]
    second, own = (training.samples.training_counts.to_json() for training in (started, scratch))
    assert [second[key] for key in ("mean", "spread")] == [first[key] for key in ("mean", "spread")]
    for key in ("lowest", "highest", "crops"):  # what can be asked for is what the new crops had
        assert second[key] == own[key]
    assert own["mean"] != first["mean"]
    assert started.density_constant == config("first")["density_constant"] != scratch.density_constant


LAYOUT_MISFITS = {
    "--start-from img": "img/config.json is of format 'cellweave-images', not 'cellweave-layouts'",
    "--start-from lay --out lay --overwrite": "--out lay is the model to start from; give another folder",
    "--start-from lay --set categories=3": "lay was trained with categories 2, the recipe has 3; give --set",
    "--start-from lay --set condition=counts --set categories=5": '"categories", the recipe has "counts"',
    "--start-from lay --set frame.crop_px=32": "lay was trained with frame.crop_px 64, the recipe has 32",
    "--start-from lay --set channels.cells=marker": 'channels.cells "shared", the recipe has "marker"',
    "--start-from layouts-brca-m2c": "layouts-brca-m2c was trained with frame.crop_px 256, the recipe has 64",
}


def test_layouts_that_do_not_fit_are_named(workshop, refuse, tiny_recipes):
    words = f"train layouts --data set --device cpu --steps 2 --out out {' '.join(tiny_recipes['layouts'])}"
    for options, message in LAYOUT_MISFITS.items():
        refuse(f"{words} {options}", message)


def other_classes():
    edit_json("img/config.json", lambda stored: stored["classes"].reverse())


MISFITS = {
    "--start-from nowhere": "'nowhere' is no model folder; shipped models are",
    "--start-from lay": "lay/config.json is of format 'cellweave-layouts', not 'cellweave-images'",
    "--start-from img --out img --overwrite": "--out img is the model to start from; give another folder",
    "--start-from img --set network.widths=[16,16]": "network.widths [8,16], the recipe has [16,16]; give --set",
    "--start-from img --set network.fold=1": "img was trained with network.fold 2, the recipe has 1",
    "--start-from img --set condition.peak_width_px=3": "condition.peak_width_px 4.0, the recipe has 3.0",
    "--start-from img --set basis.components=9": "img was trained with basis.components 12, the recipe has 9",
    "--start-from img --set basis=null": "img was trained with basis.side 4, the recipe has null",
    "--start-from img --set stain=reinhard": 'img was trained with stain "between-nuclei", the recipe has "reinhard"',
    "--start-from img --set process.schedule=linear": 'process.schedule "cosine", the recipe has "linear"',
    "--start-from images-brca-m2c": "images-brca-m2c was trained with network.widths [88,144,144], the recipe has",
}


def test_what_does_not_fit_is_named(workshop, refuse, tiny_recipes):
    words = f"train images --data set --device cpu --steps 2 --out out {' '.join(tiny_recipes['images'])}"
    for options, message in MISFITS.items():
        refuse(f"{words} {options}", message)
    other_classes()
    refuse(f"{words} --start-from img", "start from a model of the same classes")
    edit_json("img/config.json", lambda stored: stored.update(basis={"side": 4}))
    refuse(f"{words} --start-from img", "img/config.json lacks or garbles")


@pytest.mark.parametrize("stain", ["reinhard", "macenko", "as-is"])
def test_other_styles_are_taken_over_too(train, stain):
    assert train("--out", "first", "--set", f"stain={stain}") == 0
    words = ["--data", "set", "--set", f"stain={stain}", "--start-from", "first"]
    assert train(*words) == 0
    assert config("out")["stain"] == config("first")["stain"]
