"""Window and threshold of an image are chosen on others' images, never on its own."""

import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError, Length
from cellweave.localization.calibration import Calibrator
from cellweave.localization.class_choice import FACTORS
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
    assert [one.finder.threshold for one in fitted.values()] == [0.1, 0.1, 0.5, 0.5]
    assert [len(one.cells) for one in fitted.values()] == [2, 2, 0, 0]


def test_parts_that_find_nothing_choose_the_first_setting():
    calibrator = Calibrator(CalibrationRecipe(windows_px=(3, 5)), 6.0)
    for name in ("a", "b"):
        calibrator.add(name, prediction(0.0, 0.0), TRUTH)
    first, _ = calibrator.cross_fitted({"a": 0, "b": 1}).values()
    assert (first.finder.window_px, first.finder.threshold, len(first.cells)) == (3, 0.02, 0)
    assert first.class_reading is None


def test_one_part_is_not_enough():
    calibrator = Calibrator(CalibrationRecipe(), 6.0)
    calibrator.add("a", HIGH, TRUTH)
    with pytest.raises(InvalidInputError, match="at least two parts, got 1"):
        calibrator.cross_fitted({"a": 0})


CLASSES = ("often", "seldom")
PLACES = [(8.5, 8.5), (8.5, 24.5), (24.5, 8.5), (24.5, 24.5)]


def seldom_is(share):
    """Return an image of three cells of the frequent class and one of the other, which has so much of it."""
    heights, seldom = np.zeros(SHAPE, np.float32), np.full(SHAPE, 0.02, np.float32)
    for x, y in PLACES:
        heights[int(y), int(x)] = 0.9
    seldom[22:27, 22:27] = share
    return Prediction(heights, np.stack([1 - seldom, seldom]))


OF_TWO = Cells(PLACES, [0, 0, 0, 1], classes=CLASSES, shape=SHAPE, mpp=0.5)


@pytest.mark.parametrize("wanted", [True, False])
def test_classes_are_read_as_the_other_part_wants(wanted):
    calibrator = Calibrator(CalibrationRecipe(windows_px=(3,), class_reading=wanted), 6.0)
    for name, share in (("a", 0.3), ("b", 0.9)):
        calibrator.add(name, seldom_is(share), OF_TWO)
    first, second = calibrator.cross_fitted({"a": 0, "b": 1}).values()
    # b wants nothing changed, so a's seldom cell is missed; a wants 7 / 3 or more, which costs b nothing
    assert [one.cells.labels.tolist() for one in (first, second)] == [[0, 0, 0, 0], [0, 0, 0, 1]]
    if not wanted:
        assert (first.class_reading, second.class_reading) == (None, None)
        return
    assert first.class_reading.factors == (1.0, 1.0)
    assert first.class_reading.strength == 0
    assert second.class_reading.factors == (1.0, min(factor for factor in FACTORS if factor > 7 / 3))


def test_an_image_has_no_say_in_the_reading_of_its_own_part():
    read = []
    for own in (0.3, 0.9):
        calibrator = Calibrator(CalibrationRecipe(windows_px=(3,)), 6.0)
        for name, share in (("a", own), ("b", 0.3)):
            calibrator.add(name, seldom_is(share), OF_TWO)
        read.append(calibrator.cross_fitted({"a": 0, "b": 1})["a"].class_reading)
    assert read[0] == read[1]
    assert read[0].factors[1] > 1


def held_out(images, folds, truth=TRUTH):
    recipe = LocatorRecipe.model_validate({"calibration": {"windows_px": [3]}})
    groups = {name: f"patient {name}" for name in images}
    collected = HeldOut(recipe, 0.5, [Length(5), Length(10)], groups)
    for (name, made), fold in zip(images.items(), folds, strict=True):
        collected.add(name, made, truth, fold=fold)
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


def test_settings_are_stored_with_their_class_reading():
    made = held_out({"a": seldom_is(0.9), "b": seldom_is(0.3)}, folds=[1, 2], truth=OF_TWO)
    settings = [one["settings"] for one in made["images"]]
    assert [one["class_reading"]["class_factors"] for one in settings] == [[1.0, 2.378], [1.0, 1.0]]
    assert settings[0]["class_reading"]["class_neighbours"] == {"strength": 0.0, "radius_px": 24.0}
    assert [one["settings"]["class_reading"] for one in held_out({"a": HIGH, "b": LOW}, folds=[1, 2])["images"]] == [
        None,
        None,
    ]


def test_only_peaks_are_read_so():
    made = held_out({"a": seldom_is(0.3), "b": seldom_is(0.3)}, folds=[1, 2], truth=OF_TWO)
    assert made["labels"] == ["all", "often", "seldom"]
    for decoder, of_seldom in (("ccls", [0, 0, 1]), ("lmds", [0, 0, 1]), ("peaks", [1, 0, 0])):
        assert [one[0][2] for one in made["counts"][decoder]["greedy"]] == [of_seldom] * 2


def test_one_fold_is_halved_by_patients():
    made = held_out({"a": HIGH, "b": HIGH, "c": HIGH, "d": HIGH}, folds=[1] * 4)
    assert [one["settings"]["threshold"] for one in made["images"]] == [0.5] * 4
    assert [one["predicted"]["peaks"] for one in made["images"]] == [1] * 4


def test_a_map_that_is_not_finite_is_a_training_that_failed():
    broken = prediction(np.nan, 0.0)
    with pytest.raises(TrainingError, match="held-out image 'a' is not finite"):
        held_out({"a": broken}, folds=[1])
