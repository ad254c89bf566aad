"""``cellweave train layouts --density-cache``: densities kept from run to run, which change no model."""

import json
from pathlib import Path

import pytest

from cellweave.cli.main import main
from cellweave.data import CellDataset
from cellweave.data.phantom import write_phantom_dataset
from cellweave.maps import densities

pytestmark = pytest.mark.slow


def test_kept_densities_make_the_same_model(tmp_path, tiny_recipes, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_phantom_dataset("set", images=6, size=64, seed=1)
    fitted, fit = [], densities.fit_densities

    def watched(point_sets, *settings, **options):
        fitted.append(len(point_sets))
        return fit(point_sets, *settings, **options)

    monkeypatch.setattr(densities, "fit_densities", watched)
    words = ["train", "layouts", "--data", "set", "--device", "cpu", "--steps", "2", *tiny_recipes["layouts"]]
    words += ["--set", "channels.density=kde"]
    kept = ["--density-cache", "kept/densities"]
    assert main([*words, "--out", "without"]) == 0
    assert main([*words, "--out", "first", *kept]) == 0
    assert len(list(Path("kept/densities").iterdir())) == len(CellDataset.open("set").names("training"))
    assert main([*words, "--out", "without", *kept]) == 0  # the same run, whether densities are kept or not
    assert fitted[0] == fitted[1] > 0
    assert fitted[2] == 0
    for file in ("model.safetensors", "config.json"):
        assert same_but_for_time(Path("first", file)) == same_but_for_time(Path("without", file))


def same_but_for_time(path):
    if path.suffix != ".json":
        return path.read_bytes()
    stored = json.loads(path.read_text())
    stored["training"].pop("seconds_since_last_start", None)
    return stored


def test_a_place_that_is_taken_is_refused(place, refuse, tiny_recipes):
    words = f"train layouts --data set --device cpu --steps 2 --out new {' '.join(tiny_recipes['layouts'])}"
    refuse(f"{words} --set frame.crop_px=32 --set channels.density=kde --density-cache file", "cannot be written (")
