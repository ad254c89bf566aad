"""Synthetic images scored by a localiser made by hand (see conftest): images of blue and red spots."""

import json

import numpy as np
import pytest

from cellweave.core import Cells, DatasetError, InvalidInputError, Length, OutputError
from cellweave.data import CellDataset, DatasetWriter
from cellweave.workflows.score_images import score_image_datasets

FIXED = {"device": "cpu", "precision": "fp32", "resamples": 50}
CLASSES = ("blue", "red")
SHAPE = (128, 128)


def spots(number, *, classes=CLASSES, mpp=0.5):
    """Return nine cells, one in each part of the frame, so that a localiser can tell them apart."""
    rng = np.random.default_rng(number)
    grid = np.stack(np.meshgrid([22, 64, 106], [22, 64, 106]), axis=-1).reshape(-1, 2)
    return Cells(grid + rng.uniform(-13, 13, grid.shape), rng.permutation(9) % 2, classes=classes, shape=SHAPE, mpp=mpp)


def write(root, layouts, drawn, draw, *, split="training"):
    """Write the layouts with images of others."""
    with DatasetWriter(root, name="", classes=layouts[0].classes, licence="", source="") as writer:
        for i, (layout, shown) in enumerate(zip(layouts, drawn, strict=True)):
            writer.add(f"i{i}", layout, pixels=None if shown is None else draw(shown), split=split, group=f"g{i}")
    return root


@pytest.fixture(scope="module")
def layouts():
    return [spots(i) for i in range(6)]


@pytest.fixture(scope="module")
def faithful(tmp_path_factory, layouts, paint_spots):
    return write(tmp_path_factory.mktemp("faithful") / "set", layouts, layouts, paint_spots)


def test_faithful_images_score_one_far_above_chance(faithful, spot_folder, tmp_path):
    steps = []
    scores = score_image_datasets(
        faithful, spot_folder, **FIXED, out=tmp_path / "s.json", progress=lambda *words: steps.append(words[:3])
    )
    assert scores.fidelity.f1 == {"all": 1.0, "blue": 1.0, "red": 1.0, "mean class": 1.0}
    assert scores.fidelity.comparisons == 30
    assert 0 < scores.fidelity.chance_f1["all"] < 0.5
    assert (scores.real, scores.real_colours, scores.ratio) == (None, None, {})
    assert scores.fidelity.scores.groups == 6
    assert steps[-1] == ("locating cells in synthetic images", 6, 6)
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8")) == scores.to_json()


def test_images_of_other_layouts_score_no_more_than_chance(layouts, paint_spots, spot_folder, tmp_path):
    """Every image shows the layout of the next; that one is among the layouts that chance is the mean of."""
    root = write(tmp_path / "off", layouts, [*layouts[1:], layouts[0]], paint_spots)
    fidelity = score_image_datasets(root, spot_folder, **FIXED).fidelity
    assert fidelity.f1["all"] < 0.5
    assert fidelity.margin["all"] < 0


def test_images_that_miss_a_class_lose_that_class_alone(layouts, paint_spots, spot_folder, faithful, tmp_path):
    root = write(tmp_path / "blue", layouts, [one.of_class("blue") for one in layouts], paint_spots)
    scores = score_image_datasets(root, spot_folder, real=faithful, real_split="training", **FIXED)
    assert (scores.fidelity.f1["blue"], scores.fidelity.f1["red"]) == (1.0, 0.0)
    assert scores.ratio == {"all": scores.fidelity.f1["all"], "blue": 1.0, "red": 0.0, "mean class": 0.5}
    red, elsewhere = scores.colours.density["red"], scores.colours.elsewhere
    assert red == pytest.approx(elsewhere, abs=0.02)
    assert scores.colours.density["blue"] > 10 * elsewhere
    assert scores.real_colours.density["red"] > 10 * scores.real_colours.elsewhere


def test_real_images_are_told_from_synthetic_ones(faithful, spot_folder):
    scores = score_image_datasets(faithful, spot_folder, real=faithful, real_split="training", **FIXED)
    assert scores.ratio == dict.fromkeys(("all", "blue", "red", "mean class"), 1.0)
    assert scores.colours == scores.real_colours
    assert "6 images of the same data set stand on both sides, synthetic and real." in scores.notes
    about = scores.to_json()
    assert (about["real"]["split"], about["real"]["f1"]) == ("training", about["synthetic"]["f1"])


def test_a_localiser_that_has_learnt_the_images_is_told(faithful, spot_folder, tmp_path):
    def notes():
        return [one for one in score_image_datasets(faithful, tmp_path / "model", **FIXED).notes if "learnt" in one]

    (tmp_path / "model").mkdir()
    for path in spot_folder.iterdir():
        (tmp_path / "model" / path.name).write_bytes(path.read_bytes())
    assert notes() == []
    config = json.loads((spot_folder / "config.json").read_text())
    config["training"]["data"] = [{"checksum": CellDataset.open(faithful).checksum}]
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    assert notes() == ["The localiser has learnt from synthetic images that are scored, and does better on these."]


def test_images_of_another_scale_are_resized_for_the_localiser(spot_folder, paint_spots, tmp_path):
    fine = [spots(i).scaled(2) for i in range(2)]
    drawn = write(tmp_path / "fine", fine, fine, lambda cells: paint_spots(cells, sigma=6.0))
    scores = score_image_datasets(drawn, spot_folder, radius=Length(3, "um"), **FIXED)
    assert scores.fidelity.f1["all"] == 1.0
    assert scores.fidelity.scores.rows[0].radius_px == 12.0


def test_images_of_unknown_scale_are_taken_to_have_the_localisers(spot_folder, paint_spots, tmp_path):
    unknown = [spots(i, mpp=None) for i in range(2)]
    root = write(tmp_path / "unknown", unknown, unknown, paint_spots)
    scores = score_image_datasets(root, spot_folder, radius=Length(3, "um"), **FIXED)
    assert scores.fidelity.f1["all"] == 1.0
    assert scores.notes[0] == (
        "The scale of 2 of 2 synthetic images is not known: taken to be the localiser's, 0.5 µm per pixel."
    )


def test_a_radius_in_micrometres_needs_a_scale_from_someone(make_spot_model, paint_spots, tmp_path):
    model = make_spot_model(mpp=None).write(tmp_path / "model")
    unknown = [spots(0, mpp=None)]
    root = write(tmp_path / "unknown", unknown, unknown, paint_spots)
    with pytest.raises(InvalidInputError, match=r"image i0 of .*: a length of 3 µm cannot be used"):
        score_image_datasets(root, model, radius=Length(3, "um"), **FIXED)


def test_classes_go_by_name(spot_folder, layouts, paint_spots, tmp_path):
    swapped = [Cells(one.xy, 1 - one.labels, classes=("red", "blue"), shape=SHAPE, mpp=0.5) for one in layouts[:2]]
    root = write(tmp_path / "swapped", swapped, layouts[:2], paint_spots)
    scores = score_image_datasets(root, spot_folder, **FIXED)
    assert scores.fidelity.f1 == {"all": 1.0, "red": 1.0, "blue": 1.0, "mean class": 1.0}
    other = write(tmp_path / "other", [spots(0, classes=("blue", "green"))], [spots(0)], paint_spots)
    with pytest.raises(DatasetError, match=r"has the classes \['blue', 'green'\], but the localiser .* finds"):
        score_image_datasets(other, spot_folder, **FIXED)


def test_layouts_without_images_are_refused_on_either_side(spot_folder, faithful, layouts, paint_spots, tmp_path):
    bare = write(tmp_path / "bare", layouts, [None, *layouts[1:]], paint_spots)
    message = r"has layouts without an image \(i0\).*`cellweave generate images` first"
    with pytest.raises(DatasetError, match=message):
        score_image_datasets(bare, spot_folder, **FIXED)
    with pytest.raises(DatasetError, match=message):
        score_image_datasets(faithful, spot_folder, real=bare, real_split="training", **FIXED)


def test_the_output_is_checked_before_the_work(spot_folder, faithful, tmp_path):
    steps = []
    (tmp_path / "taken.json").write_text("mine")
    for out, overwrite, message in (
        (tmp_path / "taken.json", False, "pass --overwrite"),
        (faithful / "dataset.json", True, "which is to be read"),
        (spot_folder / "new.json", False, "which is to be read"),
        (tmp_path, True, "is a folder where a file is to be written"),
    ):
        with pytest.raises(OutputError, match=message):
            score_image_datasets(
                faithful,
                spot_folder,
                out=out,
                overwrite=overwrite,
                **FIXED,
                progress=lambda *words: steps.append(words),
            )
    assert steps == []
    score_image_datasets(faithful, spot_folder, out=tmp_path / "taken.json", overwrite=True, **FIXED)
    assert json.loads((tmp_path / "taken.json").read_text())["radius"] == "6"
