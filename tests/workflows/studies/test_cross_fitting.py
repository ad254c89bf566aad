"""Window and threshold of an image are chosen on others' images, never on its own."""

import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError, Length
from cellweave.localization.calibration import Calibrator
from cellweave.localization.inference import Prediction
from cellweave.localization.recipe import CalibrationRecipe, LocatorRecipe
from cellweave.training import TrainingError
from cellweave.workflows.studies.held_out import HeldOut

SHAPE = (32, 32)
CELL, GHOST = (10.5, 10.5), (24.5, 24.5)


def prediction(cell_height, ghost_height):
    """Return a map with a peak at the one cell and one where there is none."""
    heights = np.zeros(SHAPE, np.float32)
    heights[10, 10], heights[24, 24] = cell_height, ghost_height
    return Prediction(heights, np.zeros((0, *SHAPE), np.float32))


TRUTH = Cells([CELL], classes=(), shape=SHAPE, mpp=0.5)
# cells are high and ghosts lower in the images of one part; in those of the other a threshold for the first finds none
HIGH, LOW = prediction(0.9, 0.5), prediction(0.4, 0.1)


def test_each_part_is_read_as_the_other_wants():
    calibrator = Calibrator(CalibrationRecipe(windows_px=(3,)), 6.0)
    for name, made in (("a", HIGH), ("b", HIGH), ("c", LOW), ("d", LOW)):
        calibrator.add(name, made, TRUTH)
    fitted = calibrator.cross_fitted({"a": 0, "b": 0, "c": 1, "d": 1})
    assert list(fitted) == ["a", "b", "c", "d"]
    # the lowest threshold that leaves out the other part's ghosts: 0.5 and 0.1
    assert [finder.threshold for finder, _ in fitted.values()] == [0.1, 0.1, 0.5, 0.5]
    assert [len(cells) for _, cells in fitted.values()] == [2, 2, 0, 0]


def test_parts_that_find_nothing_choose_the_first_setting():
    calibrator = Calibrator(CalibrationRecipe(windows_px=(3, 5)), 6.0)
    for name in ("a", "b"):
        calibrator.add(name, prediction(0.0, 0.0), TRUTH)
    (finder, cells), _ = calibrator.cross_fitted({"a": 0, "b": 1}).values()
    assert (finder.window_px, finder.threshold, len(cells)) == (3, 0.02, 0)


def test_one_part_is_not_enough():
    calibrator = Calibrator(CalibrationRecipe(), 6.0)
    calibrator.add("a", HIGH, TRUTH)
    with pytest.raises(InvalidInputError, match="at least two parts, got 1"):
        calibrator.cross_fitted({"a": 0})


def held_out(images, folds):
    recipe = LocatorRecipe.model_validate({"calibration": {"windows_px": [3]}})
    groups = {name: f"patient {name}" for name in images}
    collected = HeldOut(recipe, 0.5, [Length(5), Length(10)], groups)
    for (name, made), fold in zip(images.items(), folds, strict=True):
        collected.add(name, made, TRUTH, fold=fold)
    return collected.counts(lambda *_: None)


def test_counts_of_every_decoder_protocol_and_radius():
    made = held_out({"a": HIGH, "b": LOW}, folds=[1, 2])
    assert made["labels"] == ["all"]
    assert [(one["image"], one["group"], one["fold"], one["true"]) for one in made["images"]] == [
        ("a", "patient a", 1, 1),
        ("b", "patient b", 2, 1),
    ]
    # ccls takes all above 0.06; lmds all above 100/255 of the highest; peaks as the other fold wants
    assert [one["predicted"] for one in made["images"]] == [
        {"ccls": 2, "lmds": 2, "peaks": 2},
        {"ccls": 2, "lmds": 1, "peaks": 0},
    ]
    assert made["counts"]["ccls"]["matching"] == [[[[1, 1, 0]], [[1, 1, 0]]]] * 2
    assert made["counts"]["peaks"]["greedy"] == [[[[1, 1, 0]], [[1, 1, 0]]], [[[0, 0, 1]], [[0, 0, 1]]]]
    assert [one["settings"]["threshold"] for one in made["images"]] == [0.1, 0.5]


def test_one_fold_is_halved_by_patients():
    made = held_out({"a": HIGH, "b": HIGH, "c": HIGH, "d": HIGH}, folds=[1] * 4)
    assert [one["settings"]["threshold"] for one in made["images"]] == [0.5] * 4
    assert [one["predicted"]["peaks"] for one in made["images"]] == [1] * 4


def test_a_map_that_is_not_finite_is_a_training_that_failed():
    broken = prediction(np.nan, 0.0)
    with pytest.raises(TrainingError, match="held-out image 'a' is not finite"):
        held_out({"a": broken}, folds=[1])
