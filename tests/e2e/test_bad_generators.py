"""Damaged folders of layout and image models: one line that names the file, exit code 2, nothing written."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

COMMANDS = {
    "lay": "generate layouts --model lay --count 2 --device cpu --out out",
    "img": "generate images --model img --layouts drawn --device cpu --out out",
}


def cut(path):
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[: len(whole) // 2])


def edit(path, **changes):
    Path(path).write_text(json.dumps(json.loads(Path(path).read_text()) | changes))


def edit_recipe(path, key, value):
    """Change a value of the recipe, named as ``--set`` names it."""
    config = json.loads(Path(path).read_text())
    inner = config["recipe"]
    *parents, last = key.split(".")
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    Path(path).write_text(json.dumps(config))


def rewrite_weights(change):
    weights = load_file("model.safetensors")
    save_file(change(weights), "model.safetensors")


def with_nan(weights):
    name = next(iter(weights))
    return weights | {name: torch.full_like(weights[name], torch.nan)}


OF_BOTH = {
    "no weights": (lambda: os.remove("model.safetensors"), "has no model.safetensors; copy the whole folder"),
    "weights cut": (lambda: cut("model.safetensors"), "model.safetensors is damaged"),
    "weights empty": (lambda: Path("model.safetensors").write_bytes(b""), "model.safetensors is damaged"),
    "pickle": (
        lambda: Path("model.safetensors").write_bytes(pickle.dumps({"weight": 1})),
        "model.safetensors is damaged",
    ),
    "weights of NaN": (lambda: rewrite_weights(with_nan), "model.safetensors holds NaN or infinity"),
    "weights of other shapes": (
        lambda: rewrite_weights(lambda weights: {name: torch.zeros(3) for name in weights}),
        "model.safetensors does not fit",
    ),
    "a weight missing": (
        lambda: rewrite_weights(lambda weights: dict(list(weights.items())[1:])),
        "model.safetensors does not fit",
    ),
    "still in training": (lambda: os.remove("config.json"), "its training has not finished: give the training command"),
    "config cut": (lambda: cut("config.json"), "config.json is not valid JSON"),
    "config nested": (lambda: Path("config.json").write_text("[" * 100_000), "config.json is not valid JSON"),
    "config of bytes": (lambda: Path("config.json").write_bytes(b"\xff\x00"), "config.json is not valid JSON"),
    "config a list": (lambda: Path("config.json").write_text("[]"), "config.json is of format None"),
    "later version": (lambda: edit("config.json", version=2), "is of version 2, this program reads 1"),
    "classes null": (lambda: edit("config.json", classes=None), "config.json lacks or garbles"),
    "no classes": (lambda: edit("config.json", classes=[]), "model needs at least one class; copy it again"),
    "class thrice": (
        lambda: edit("config.json", classes=3 * [{"name": "a", "colour": "#ff0000"}]),
        "config.json: class names must differ, got ['a', 'a', 'a']; copy it again",
    ),
    "bad colour": (
        lambda: edit("config.json", classes=[{"name": "a", "colour": "red"}]),
        "config.json: the colour of class 'a' is 'red'; write it as #rrggbb",
    ),
    "scale of 0": (lambda: edit("config.json", mpp=0), "config.json: mpp (µm per pixel) must be a positive number"),
    "scale below 0": (lambda: edit("config.json", mpp=-1), "config.json: mpp (µm per pixel) must be a positive number"),
    "scale of NaN": (lambda: edit("config.json", mpp=float("nan")), "mpp (µm per pixel) must be a positive number"),
    "scale of infinity": (lambda: edit("config.json", mpp=float("inf")), "mpp (µm per pixel) must be a positive"),
    "scale too large": (lambda: edit("config.json", mpp=10**400), "config.json lacks or garbles int too large"),
    "scale in words": (lambda: edit("config.json", mpp="x"), "config.json lacks or garbles could not convert"),
    "recipe null": (lambda: edit("config.json", recipe=None), "config.json: Input should be a valid dictionary"),
    "unknown key": (lambda: edit_recipe("config.json", "x", 1), "config.json: x = 1 does not fit: Extra inputs"),
    "other network": (lambda: edit_recipe("config.json", "network.widths", [8, 24]), "model.safetensors does not fit"),
    "too many sampler steps": (
        lambda: edit_recipe("config.json", "sampler.steps", 5000),
        "5000",
    ),
}
OF_LAYOUTS = {
    "one class": (
        lambda: edit("config.json", classes=[{"name": "a", "colour": "#ff0000"}]),
        "config.json: scale is of 4 channels, the model's rasters have 2; copy it again",
    ),
    "scale of one channel": (
        lambda: edit("config.json", scale={"mean": [0.0], "spread": [1.0]}),
        "config.json: scale is of 1 channels, the model's rasters have 4; copy it again",
    ),
    "means without counts": (
        lambda: edit("config.json", channel_means={"weights": np.zeros((10, 4)).tolist()}),
        "config.json: channel_means go with the condition 'counts', not 'categories'; copy it again",
    ),
    "window of 4": (
        lambda: edit("config.json", decoder={"window_px": 4, "threshold": 0.5}),
        "config.json: window_px must be odd and >= 3, got 4; copy it again",
    ),
    "window too wide": (
        lambda: edit("config.json", decoder={"window_px": 10**9 + 1, "threshold": 0.5}),
        "config.json: window_px 1000000001 is wider than a raster of 32 px; copy it again",
    ),
    "window of infinity": (
        lambda: edit("config.json", decoder={"window_px": float("inf"), "threshold": 0.5}),
        "config.json lacks or garbles cannot convert float infinity",
    ),
    "threshold of NaN": (
        lambda: edit("config.json", decoder={"window_px": 3, "threshold": float("nan")}),
        "config.json: thresholds must be finite, got nan",
    ),
    "decoder a list": (lambda: edit("config.json", decoder=[]), "config.json lacks or garbles"),
    "bounds lost": (
        lambda: edit("config.json", category_bounds=[]),
        "config.json: category_bounds [] are not the ascending bounds of 2 categories; copy it again",
    ),
    "bounds of NaN": (
        lambda: edit("config.json", category_bounds=[float("nan")]),
        "config.json: category_bounds [nan] are not the ascending bounds of 2 categories",
    ),
    "too many bounds": (
        lambda: edit("config.json", category_bounds=[3, 2]),
        "config.json: category_bounds [3.0, 2.0] are not the ascending bounds of 2 categories",
    ),
    "categories lost": (lambda: edit_recipe("config.json", "categories", 0), "lay/config.json"),
    "window as large as a slide": (
        lambda: edit_recipe("config.json", "frame.crop_px", 4 * 10**9),
        "4000000000",
    ),
    "window that does not divide": (
        lambda: edit_recipe("config.json", "frame.crop_px", 66),
        "config.json: the raster has a side of 33 px, which must be a multiple of 4",
    ),
}
OF_IMAGES = {
    "one class of three": (
        lambda: edit("config.json", classes=[{"name": "a", "colour": "#ff0000"}]),
        "model.safetensors does not fit",
    ),
    "crop that does not divide": (
        lambda: edit_recipe("config.json", "crop_px", 33),
        "config.json: crop_px 33 must be a multiple of",
    ),
    "other classes": (
        lambda: edit("config.json", classes=[{"name": name, "colour": "#ff0000"} for name in "abc"]),
        "has the classes ['lymphocyte', 'tumor', 'stromal'], the image model ['a', 'b', 'c']; use models",
    ),
}
CASES = [
    *[(model, name) for model in COMMANDS for name in OF_BOTH],
    *[("lay", name) for name in OF_LAYOUTS],
    *[("img", name) for name in OF_IMAGES],
]


@pytest.mark.parametrize(("model", "name"), CASES)
def test_bad_generators(workshop, refuse, monkeypatch, model, name):
    damage, message = (OF_BOTH | OF_LAYOUTS | OF_IMAGES)[name]
    with monkeypatch.context() as patched:
        patched.chdir(workshop / model)
        damage()
    refuse(COMMANDS[model], message)
