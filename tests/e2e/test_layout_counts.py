"""Layouts with counts, of any size, corrected: by the command line, from training to the report beside them."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.data import CellDataset, check_dataset
from cellweave.layouts import parse_counts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def counted(generators, tiny_recipes, tmp_path_factory):
    """A model that is told counts."""
    folder = tmp_path_factory.mktemp("counted") / "model"
    words = ["--data", str(generators / "set"), "--device", "cpu", "--steps", "2", *tiny_recipes["layouts"]]
    changes = ["--set", "condition=counts", "--set", "categories=5", "--set", "drop=0.1"]
    assert main(["train", "layouts", *words, "--out", str(folder), *changes]) == 0
    return folder


def generate(model, out, *words):
    return main(["generate", "layouts", "--model", str(model), "--device", "cpu", "--out", str(out), *words])


def report_of(out):
    return json.loads((out / "counts.json").read_text())


def test_exact_counts_are_asked_for_and_reported(counted, tmp_path, capsys):
    highest = json.loads((counted / "config.json").read_text())["training_counts"]["highest"]
    out = tmp_path / "out"
    capsys.readouterr()
    assert generate(counted, out, "--count", "3", "--counts", f"tumor={highest[1]}") == 0
    said = capsys.readouterr().out
    assert "counts before correction: " in said
    assert "note  counts of lymphocyte, stromal are those of training crops with similar counts" in said
    report = report_of(out)
    assert report["layouts"] == 3
    assert report["before_correction"]["counts"]["each"]["tumor"]["mean_asked"] == highest[1]
    dataset = CellDataset.open(out)
    made = [len(dataset.read_cells(name)) for name in dataset.names()]
    assert report["before_correction"]["mean_cells"] == pytest.approx(sum(made) / 3)
    provenance = pd.read_parquet(out / "provenance.parquet")
    asked = [sum(parse_counts(one).values()) for one in provenance["counts"]]
    crops = json.loads((counted / "config.json").read_text())["training_counts"]["crops"]
    bounds = np.quantile([sum(one) for one in crops], [0.2, 0.4, 0.6, 0.8], method="inverted_cdf")
    same = np.mean(np.searchsorted(bounds, asked) == np.searchsorted(bounds, made))
    totals = report["before_correction"]["counts"]["all_cells"]
    assert totals["fifth_bounds"] == bounds.tolist()
    assert totals["in_fifth"] == pytest.approx(same)
    assert f", {same:.0%} have a total in the fifth asked for, " in said
    assert all(f"tumor={highest[1]}," in one for one in provenance["counts"])
    assert check_dataset(out).findings == ()


def test_layout_i_does_not_depend_on_batch_or_correction_by_trimming(counted, tmp_path):
    assert generate(counted, tmp_path / "one", "--count", "3", "--batch-size", "1", "--seed", "4") == 0
    assert generate(counted, tmp_path / "all", "--count", "3", "--seed", "4", "--correct", "trim") == 0
    one, other = (CellDataset.open(tmp_path / name) for name in ("one", "all"))
    before, after = (report_of(tmp_path / name) for name in ("one", "all"))
    assert before["before_correction"] == after["before_correction"]
    removed = after["after_correction"]["cells_removed"]
    totals = [sum(len(dataset.read_cells(name)) for name in dataset.names()) for dataset in (one, other)]
    assert totals[0] - totals[1] == removed > 0


def test_rejection_is_bounded_and_reported_apart(counted, tmp_path):
    assert generate(counted, tmp_path / "out", "--count", "2", "--correct", "reject", "--counts", "tumor=1") == 0
    after = report_of(tmp_path / "out")["after_correction"]
    assert 2 <= after["tries"] <= 16
    assert after["acceptance_rate"] == (2 - after["given_up"]) / after["tries"]


@pytest.mark.parametrize("kind", ["categories", "counts"])
def test_layouts_of_any_size(generators, counted, tmp_path, kind):
    model = counted if kind == "counts" else generators / "lay"
    assert generate(model, tmp_path / "out", "--count", "2", "--size", "100x72") == 0
    dataset = CellDataset.open(tmp_path / "out")
    assert dataset.read_cells("sample-000001").shape == (72, 100)
    report = report_of(tmp_path / "out")
    assert report["windows"] == 100 * 72 / 64**2
    assert kind in report["before_correction"]


def test_the_crops_own_size_changes_nothing(generators, tmp_path):
    for name, words in (("plain", []), ("sized", ["--size", "64x64"])):
        assert generate(generators / "lay", tmp_path / name, "--count", "2", *words) == 0
    plain, sized = (CellDataset.open(tmp_path / name) for name in ("plain", "sized"))
    for name in plain.names():
        assert plain.read_cells(name).xy.tolist() == sized.read_cells(name).xy.tolist()


def test_a_data_set_of_asked_counts_and_size(generators, counted, tmp_path, capsys):
    highest = json.loads((counted / "config.json").read_text())["training_counts"]["highest"]
    models = ["--layouts", str(counted), "--images", str(generators / "img")]
    asked = ["--counts", f"tumor={highest[1]}", "--size", "100x72", "--correct", "trim", "--count", "2"]
    out = tmp_path / "out"
    assert main(["generate", "dataset", *models, *asked, "--device", "cpu", "--out", str(out), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    report = report_of(out)
    assert summary["counts"] == report
    assert report["windows"] == 100 * 72 / 64**2
    assert report["before_correction"]["counts"]["each"]["tumor"]["mean_asked"] == highest[1]
    dataset = CellDataset.open(out)
    assert dataset.read_image("sample-000001").shape == (72, 100, 3)
    made = [len(dataset.read_cells(name)) for name in dataset.names()]
    assert report["after_correction"]["mean_cells"] == pytest.approx(sum(made) / 2)
    assert set(pd.read_parquet(out / "provenance.parquet")["correction"]) == {"trim"}
    assert check_dataset(out).findings == ()

    # the same layouts are drawn without images
    assert generate(counted, tmp_path / "drawn", *asked, "--batch-size", "4") == 0
    drawn = CellDataset.open(tmp_path / "drawn")
    for name in dataset.names():
        assert dataset.read_cells(name).xy.tolist() == drawn.read_cells(name).xy.tolist()


@pytest.mark.parametrize("command", ["layouts", "dataset"])
@pytest.mark.parametrize(
    ("model", "words", "message"),
    [
        ("lay", "--counts tumor=3", "this model takes a counting category; leave the counts out, or train a model"),
        ("lay", "--counts tumor", "counts are CLASS=NUMBER, commas between classes"),
        ("lay", "--size 64", "a size is WIDTHxHEIGHT in pixels, as in 1024x768; got '64'"),
        ("lay", "--size 63x64", "at least the 64 px of the model's crop"),
        ("lay", "--correct cut", "a correction is one of trim, reject, got 'cut'"),
        ("counted", "--counts tumor=99999", "99999 cells of class 'tumor' are asked for; training crops had"),
        ("counted", "--counts glia=1", "no class 'glia' to count; the classes are lymphocyte, tumor, stromal"),
        ("counted", "--category 0", "there is no counting category 0; the model has none"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    generators, counted, tmp_path, capsys, command, model, words, message
):
    capsys.readouterr()
    folder = str(counted if model == "counted" else generators / model)
    models = {"layouts": ["--model", folder], "dataset": ["--layouts", folder, "--images", str(generators / "img")]}
    out = str(tmp_path / "out")
    assert main(["generate", command, *models[command], "--device", "cpu", "--out", out, *words.split()]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_layouts_are_held_to_their_counts_unless_that_is_left_out(counted, tmp_path):
    without = tmp_path / "model"
    shutil.copytree(counted, without)
    config = json.loads((counted / "config.json").read_text())
    (without / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "channel_means"}))
    runs = {"held": (counted, []), "free": (counted, ["--no-hold-counts"]), "before": (without, [])}
    made = {}
    for name, (model, words) in runs.items():
        assert generate(model, tmp_path / name, "--count", "2", *words) == 0
        dataset = CellDataset.open(tmp_path / name)
        made[name] = [dataset.read_cells(one).xy.tolist() for one in dataset.names()]
    assert made["held"] != made["free"] == made["before"]


def test_coarse_levels_are_reused_unless_that_is_left_out(counted, tmp_path):
    """A model stored before there was reuse makes what `--no-reuse` makes."""
    config = json.loads((counted / "config.json").read_text())
    plain = {"name": "ddim", "steps": 8}
    for name, sampler in (("reusing", plain | {"reuse_interval": 4, "reuse_below": 0.9}), ("before", plain)):
        shutil.copytree(counted, tmp_path / name)
        changed = {**config, "recipe": config["recipe"] | {"sampler": sampler}}
        (tmp_path / name / "config.json").write_text(json.dumps(changed))
    made = {}
    for name, model, words in (
        ("reused", "reusing", []),
        ("whole", "reusing", ["--no-reuse"]),
        ("before", "before", []),
    ):
        assert generate(tmp_path / model, tmp_path / "made" / name, "--count", "2", "--no-hold-counts", *words) == 0
        dataset = CellDataset.open(tmp_path / "made" / name)
        made[name] = [dataset.read_cells(one).xy.tolist() for one in dataset.names()]
    assert made["reused"] != made["whole"] == made["before"]


def test_a_data_set_is_not_held_to_counts_where_that_is_left_out(generators, counted, tmp_path):
    out = tmp_path / "out"
    models = ["--layouts", str(counted), "--images", str(generators / "img")]
    words = ["generate", "dataset", *models, "--count", "2", "--device", "cpu", "--out", str(out)]
    assert main([*words, "--no-hold-counts"]) == 0
    assert set(pd.read_parquet(out / "provenance.parquet")["held_to_counts"]) == {False}

    # the same layouts as those of the command for layouts alone; held, they would be others
    for name, options in (("free", ["--no-hold-counts"]), ("held", [])):
        assert generate(counted, tmp_path / name, "--count", "2", *options) == 0
    made, free, held = (
        [dataset.read_cells(name).xy.tolist() for name in dataset.names()]
        for dataset in map(CellDataset.open, (out, tmp_path / "free", tmp_path / "held"))
    )
    assert made == free != held


def test_means_of_other_classes_are_refused(counted, tmp_path, capsys):
    model = tmp_path / "model"
    shutil.copytree(counted, model)
    config = json.loads((counted / "config.json").read_text())
    config["channel_means"]["weights"].pop()
    (model / "config.json").write_text(json.dumps(config))
    assert generate(model, tmp_path / "out", "--count", "2") == 2
    assert "channel_means need finite weights" in capsys.readouterr().err
