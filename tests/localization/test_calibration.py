"""Folds of whole patients, the best window and threshold, and classes read off beside the peaks."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells, InvalidInputError, Length
from cellweave.localization import Calibrator, Prediction, grouped_folds, locate_peaks
from cellweave.localization.calibration import THRESHOLDS
from cellweave.localization.peak_reading import finder_config, finder_from_config
from cellweave.localization.recipe import CalibrationRecipe
from cellweave.maps import PeakFinder
from cellweave.training import TrainingError

CLASSES = ("a", "b")
RECIPE = CalibrationRecipe(windows_px=(3, 7, 11), subpixel=False)
RADIUS = 2.0


def prediction(heights, *, of_b=()):
    """Return a prediction with these peaks, ``{(row, column): height}``; class b around ``of_b``, class a elsewhere."""
    field = np.zeros((40, 60), np.float32)
    for place, height in heights.items():
        field[place] = height
    b = np.zeros_like(field)
    for row, column in of_b:
        b[row - 2 : row + 3, column - 2 : column + 3] = 1
    return Prediction(field, np.stack([1 - b, b]))


def truth(places, labels):
    xy = [(column + 0.5, row + 0.5) for row, column in places]
    return Cells(xy, labels, classes=CLASSES, shape=(40, 60))


@st.composite
def groups(draw):
    return draw(st.lists(st.sampled_from("pqrstuv"), min_size=2, max_size=30).filter(lambda some: len(set(some)) > 1))


@given(groups(), st.integers(2, 6))
def test_every_image_is_held_out_once_together_with_its_group(of_image, folds):
    held_out = grouped_folds(of_image, folds)
    assert len(held_out) == min(folds, len(set(of_image)))
    assert sorted(np.concatenate(held_out)) == list(range(len(of_image)))
    inside = [{of_image[i] for i in fold} for fold in held_out]
    assert all(len(fold) for fold in held_out)
    assert sum(len(fold) for fold in inside) == len(set(of_image))  # so no group is in two folds


def test_one_group_cannot_be_held_out():
    with pytest.raises(
        InvalidInputError, match=r"of at least two groups .*, got 3 images of 1; annotate another patient"
    ):
        grouped_folds(["p", "p", "p"], 3)


@pytest.fixture
def calibrator():
    """Return two images that only a window of more than 3 px and a threshold from 0.3 to 0.46 read without error.

    Two of the four cells are as low as 0.5, and a cell of 0.9 has a shadow of 0.8 three pixels away, so no threshold
    alone separates them; a speck of 0.29 far from all cells needs the threshold.
    """
    calibrator = Calibrator(RECIPE, RADIUS)
    calibrator.add(
        "one",
        prediction({(10, 10): 0.9, (10, 13): 0.8, (30, 50): 0.5}, of_b=[(10, 10)]),
        truth([(10, 10), (30, 50)], [1, 0]),
    )
    calibrator.add(
        "two",
        prediction({(20, 20): 0.5, (20, 40): 0.9, (5, 55): 0.29}, of_b=[(20, 20)]),
        truth([(20, 20), (20, 40)], [1, 1]),
    )
    return calibrator


def test_the_best_setting_is_found_and_of_equals_the_smallest(calibrator):
    calibration = calibrator.choose({"one": "p", "two": "q"})
    # with 11 px, and with thresholds up to 0.46, the result is as good
    assert calibration.finder == PeakFinder(7, 0.3, subpixel=False)
    f1 = calibration.curves()["f1"]
    best = np.argwhere(f1 == 1)
    assert {(int(calibration.windows_px[w]), float(THRESHOLDS[t])) for w, t in best} == {
        (window, threshold) for window in (7, 11) for threshold in (0.3, 0.34, 0.38, 0.42, 0.46)
    }


def test_counts_by_hand(calibrator):
    calibration = calibrator.choose({"one": "p", "two": "q"})
    lowest, highest = 0, list(THRESHOLDS).index(0.8)
    # window 3, every peak: the shadow and the speck are false; window 3 above 0.8: the two low cells are missed
    assert calibration.counts[0, lowest].tolist() == [[2, 1, 0], [2, 1, 0]]
    assert calibration.counts[0, highest].tolist() == [[1, 0, 1], [1, 0, 1]]
    curves = calibration.curves()
    assert [curves[name][0, lowest] for name in ("precision", "recall", "f1")] == pytest.approx([4 / 6, 1, 0.8])
    assert curves["f1"][0, -1] == 0  # nothing is higher than 0.9


def test_scores_say_how_well_classes_are_told_apart(calibrator):
    scores = calibrator.choose({"one": "p", "two": "p"}).scores
    radius = Length(RADIUS)
    assert scores.row("all", radius).f1 == 1
    # the cell at (20, 40) is b, and read as a: one of two a is false, one of three b is missed
    a, b = scores.row("a", radius), scores.row("b", radius)
    assert (a.tp, a.fp, a.fn) == (1, 1, 0)
    assert (b.tp, b.fp, b.fn) == (2, 0, 1)
    assert scores.mean_class_f1 == {"2": pytest.approx((2 / 3 + 4 / 5) / 2)}
    assert scores.groups == 1


def test_class_readings_are_chosen_at_the_chosen_setting():
    # b is right at three cells, where it has 0.45; a factor above 0.55 / 0.45 finds them, above 0.8 / 0.2 loses the a
    field = prediction({(10, 10): 0.9, (10, 30): 0.9, (30, 10): 0.9, (30, 30): 0.9})
    b = np.full_like(field.heights, 0.45)
    b[5:15, 5:15] = 0.2
    maps = Prediction(field.heights, np.stack([1 - b, b]))
    cells = truth([(10, 10), (10, 30), (30, 10), (30, 30)], [0, 1, 1, 1])
    for wanted, factors, f1 in ((True, [0.707, 1.0], 1.0), (False, None, (2 / 5 + 0) / 2)):
        calibrator = Calibrator(RECIPE.model_copy(update={"class_reading": wanted}), RADIUS)
        calibrator.add("one", maps, cells)
        calibration = calibrator.choose({"one": "p"})
        assert calibration.to_json().get("class_factors") == factors
        assert calibration.scores.mean_class_f1 == {"2": pytest.approx(f1)}


def test_the_result_is_json_with_the_choice_and_its_curves(calibrator):
    stored = json.loads(json.dumps(calibrator.choose({"one": "p", "two": "q"}).to_json()))
    assert (stored["window_px"], stored["threshold"], stored["f1"]) == (7, 0.3, 1)
    assert np.shape(stored["f1_by_window_and_threshold"]) == (3, len(THRESHOLDS))
    assert stored["settings_tried"] == 3 * len(THRESHOLDS)
    assert [row["label"] for row in stored["scores"]["rows"]] == ["all", "a", "b"]


def test_networks_that_have_learnt_nothing_are_told():
    calibrator = Calibrator(RECIPE, RADIUS)
    calibrator.add("one", prediction({}), truth([(10, 10)], [0]))
    with pytest.raises(TrainingError, match=r"no window and threshold finds a single cell out of fold: .* give more"):
        calibrator.choose({"one": "p"})


def test_nothing_to_calibrate_on_is_told():
    with pytest.raises(InvalidInputError, match="there are no images to calibrate on"):
        Calibrator(RECIPE, RADIUS).choose({})


def test_a_peak_takes_the_class_of_its_surroundings():
    heights = np.zeros((20, 20), np.float32)
    heights[10, 10] = heights[0, 0] = 1
    of_b = np.zeros_like(heights)
    of_b[8:13, 8:11] = 0.9  # 15 of the 25 pixels around the first peak
    of_b[:2, :2] = 1  # at the corner the pixels of the edge are repeated: all but 9 of 25 are these
    cells = locate_peaks(Prediction(heights, np.stack([1 - of_b, of_b])), PeakFinder(5, 0.5), classes=CLASSES, mpp=0.25)
    assert cells.xy.tolist() == [[0.5, 0.5], [10.5, 10.5]]
    assert cells.label_names() == ["b", "b"]
    assert (cells.scores.tolist(), cells.mpp, cells.shape) == ([1, 1], 0.25, (20, 20))
    of_b[8:13, 10] = 0
    cells = locate_peaks(Prediction(heights, np.stack([1 - of_b, of_b])), PeakFinder(5, 0.5), classes=CLASSES)
    assert cells.label_names() == ["b", "a"]


def test_without_classes_cells_are_of_unknown_class():
    heights = np.zeros((9, 9), np.float32)
    heights[4, 4] = 1.2
    cells = locate_peaks(Prediction(heights, np.zeros((0, 9, 9), np.float32)), PeakFinder(3, 0.5), classes=())
    assert (cells.labels.tolist(), cells.counts()) == ([-1], {})
    assert cells.scores.tolist() == [1]  # a map overshoots 1 a little; a score does not


@pytest.mark.parametrize("mpp", [None, 0.25])
def test_a_finder_is_stored_whole(mpp):
    finder = PeakFinder(9, 0.12, least_maximum=0.02, subpixel=True)
    stored = json.loads(json.dumps(finder_config(finder, mpp)))
    assert finder_from_config(stored) == finder
    assert stored["window_um"] == (None if mpp is None else 2.25)
