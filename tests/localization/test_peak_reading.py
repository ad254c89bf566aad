"""Reading cells off maps: a map of every class by itself, and the decoders with the settings of their sources."""

import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from cellweave.core import Cells, InvalidInputError, torch_generator
from cellweave.localization import Calibrator, HalfUNet, LocatorRecipe, Prediction, Predictor, locate_peaks
from cellweave.localization.class_reading import ClassReading
from cellweave.localization.networks import HalfUNetRecipe
from cellweave.localization.peak_reading import FIXED_DECODERS, class_values, finder_config, finder_from_config
from cellweave.localization.recipe import CalibrationRecipe
from cellweave.maps import CCLS, LMDS, PeakFinder
from cellweave.training import TrainingError
from cellweave.training.initialise import initialise

CLASSES = ("a", "b")


def maps(*peaks):
    """Return maps (2, 40, 60) with ``(class, row, column, height)`` each."""
    heights = np.zeros((2, 40, 60), np.float32)
    for label, row, column, height in peaks:
        heights[label, row, column] = height
    return heights


def separate(*peaks):
    heights = maps(*peaks)
    return Prediction(heights.max(axis=0), heights, separate=True)


def test_cells_of_two_classes_two_pixels_apart_are_both_found():
    prediction = separate((0, 10, 10, 0.9), (1, 10, 12, 0.6), (1, 30, 50, 0.7))
    cells = locate_peaks(prediction, PeakFinder(11, 0.5), classes=CLASSES, mpp=0.5)
    assert cells.xy.tolist() == [[10.5, 10.5], [12.5, 10.5], [50.5, 30.5]]
    assert cells.label_names() == ["a", "b", "b"]
    assert_allclose(cells.scores, [0.9, 0.6, 0.7], atol=1e-6)
    # of one class, or read off one map, they are one cell
    one = separate((0, 10, 10, 0.9), (0, 10, 12, 0.6), (1, 30, 50, 0.7))
    assert len(locate_peaks(one, PeakFinder(11, 0.5), classes=CLASSES)) == 2
    assert len(locate_peaks(prediction._replace(separate=False), PeakFinder(11, 0.5), classes=CLASSES)) == 2


def test_the_map_is_the_class_whatever_reading_there_is():
    prediction = separate((0, 10, 10, 0.9), (1, 10, 12, 0.6))
    reading = ClassReading((1.0, 1e6), 0.5, 24.0)
    cells = locate_peaks(prediction, PeakFinder(3, 0.5), classes=CLASSES, class_reading=reading)
    assert cells.label_names() == ["a", "b"]
    assert class_values(prediction, cells.xy).shape == (2, 0)


def test_maps_without_a_peak_have_no_cells():
    cells = locate_peaks(separate(), PeakFinder(3, 0.5), classes=CLASSES)
    assert (len(cells), cells.scores.shape, cells.shape) == (0, (0,), (40, 60))
    assert locate_peaks(separate((1, 3, 4, 0.8)), CCLS, classes=CLASSES).counts() == {"a": 0, "b": 1}


@pytest.mark.parametrize(("map_count", "class_count"), [(2, 0), (1, 2), (1, 0)])
def test_networks_with_a_map_a_class_are_read_map_by_map(map_count, class_count):
    network = HalfUNet(HalfUNetRecipe(widths=(4,), unshuffle=1), map_count, class_count)
    initialise(network, torch_generator(0, "test"))
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    prediction = Predictor(network.eval(), torch.device("cpu"), precision="fp32")(image)
    assert prediction.separate == (map_count == 2)
    assert prediction.classes.shape == (max(class_count, map_count if map_count > 1 else 0), 24, 32)
    if prediction.separate:
        assert_array_equal(prediction.heights, prediction.classes.max(axis=0))


def test_calibration_reads_every_map_by_itself():
    # one map of both would lose a cell at every window; a shadow of 0.8 beside each a needs one of more than 3 px
    calibrator = Calibrator(CalibrationRecipe(windows_px=(3, 11), subpixel=False), 1.0)
    prediction = separate((0, 10, 10, 0.9), (0, 10, 13, 0.8), (1, 10, 12, 0.85), (1, 30, 50, 0.7))
    truth = Cells([(10.5, 10.5), (12.5, 10.5), (50.5, 30.5)], [0, 1, 1], classes=CLASSES, shape=(40, 60))
    calibrator.add("one", prediction, truth)
    calibration = calibrator.choose({"one": "p"})
    assert calibration.finder == PeakFinder(11, 0.02, subpixel=False)
    assert calibration.curves()["f1"].max() == 1
    assert calibration.scores.mean_class_f1 == {"1": 1.0}
    assert calibration.class_reading is None
    stored = calibration.to_json()
    assert "class_factors" not in stored
    assert "decoder" not in stored


@pytest.mark.parametrize("name", FIXED_DECODERS)
def test_decoders_of_papers_are_not_calibrated(name):
    # CCLS finds the cell of 0.1 and not the one ten pixels beside another; LMDS the other way round
    calibrator = Calibrator(CalibrationRecipe(decoder=name, windows_px=(5,)), 1.0)
    field = maps((0, 10, 10, 0.9), (0, 10, 20, 0.8), (0, 30, 50, 0.1))[0]
    truth = Cells([(10.5, 10.5), (20.5, 10.5), (50.5, 30.5)], [0, 0, 0], classes=("a",), shape=(40, 60))
    calibrator.add("one", Prediction(field, np.zeros((0, 40, 60), np.float32)), truth)
    calibrator.add("two", Prediction(field, np.zeros((0, 40, 60), np.float32)), truth)
    calibration = calibrator.choose({"one": "p", "two": "q"})
    assert calibration.finder is FIXED_DECODERS[name]
    stored = json.loads(json.dumps(calibration.to_json()))
    expected = {"ccls": (21, 0.06), "lmds": (3, 100 / 255)}[name]
    assert (stored["decoder"], stored["window_px"], stored["threshold"]) == (name, *expected)
    assert (stored["settings_tried"], stored["precision"], stored["recall"]) == (1, 1.0, 0.6667)
    found = calibrator.cross_fitted({"one": 0, "two": 1})["one"].cells
    assert found.xy.tolist() == [[10.5, 10.5], {"ccls": [50.5, 30.5], "lmds": [20.5, 10.5]}[name]]


def test_a_decoder_that_finds_nothing_is_told_in_one_line():
    calibrator = Calibrator(CalibrationRecipe(decoder="lmds"), 1.0)
    truth = Cells([(10.5, 10.5)], [0], classes=("a",), shape=(40, 60))
    low = Prediction(maps((0, 10, 10, 0.09))[0], np.zeros((0, 40, 60), np.float32))
    calibrator.add("one", low, truth)
    with pytest.raises(TrainingError, match=r"^lmds with the settings .* maps do not suit it; .*decoder=peaks$"):
        calibrator.choose({"one": "p"})


@pytest.mark.parametrize(("finder", "name"), [(CCLS, "ccls"), (LMDS, "lmds"), (PeakFinder(21, 0.08), None)])
def test_decoders_are_stored_by_name(finder, name):
    stored = json.loads(json.dumps(finder_config(finder, 0.25)))
    assert stored.get("decoder") == name
    assert stored["window_um"] == finder.window_px / 4
    assert finder_from_config(stored) == finder


def test_an_unknown_decoder_is_told():
    with pytest.raises(InvalidInputError, match="decoder is one of ccls, lmds, got 'marker'"):
        finder_from_config({"decoder": "marker"})


def test_recipes_of_before_there_were_decoders_are_stored_as_they_were():
    assert "decoder" not in LocatorRecipe().model_dump(mode="json")["calibration"]
    recipe = LocatorRecipe.model_validate({"calibration": {"decoder": "ccls"}})
    assert recipe.model_dump(mode="json")["calibration"]["decoder"] == "ccls"
    assert LocatorRecipe.model_validate(recipe.model_dump(mode="json")) == recipe
