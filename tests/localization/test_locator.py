"""The localiser as users hold it, with a network made by hand (see conftest): storage, scale, and what it refuses."""

import json

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from cellweave.core import InvalidCellsError, InvalidImageError, InvalidInputError, ModelFolderError
from cellweave.localization import Locator
from cellweave.localization.class_reading import ClassReading


def nearest(found, truth):
    """Return the distance from every true cell to the nearest found one, and whether their classes agree."""
    distance = cdist(truth.xy, found.xy)
    return distance.min(axis=1), found.labels[distance.argmin(axis=1)] == truth.labels


def test_cells_are_found_with_class_and_score(spot_model, spot_image, spot_cells):
    found = spot_model.locator().locate(spot_image)
    assert (found.classes, found.shape, found.mpp) == (("blue", "red"), spot_cells.shape, 0.5)
    assert len(found) == len(spot_cells)
    distance, agree = nearest(found, spot_cells)
    assert distance.max() < 0.5
    assert agree.all()
    # the darkness at a centre is the mean of 0.9, 0.7 and 0.1, a little less where it lies between pixels
    assert 0.5 < found.scores.min() <= found.scores.max() < 0.57


def test_a_model_folder_gives_back_the_same_localiser(spot_model, spot_folder, spot_image):
    original, loaded = spot_model.locator(), Locator.from_pretrained(spot_folder, device="cpu", precision="fp32")
    assert (loaded.classes, loaded.mpp, loaded.finder) == (spot_model.classes, 0.5, spot_model.finder)
    assert loaded.recipe == spot_model.recipe
    assert loaded.colours == {"blue": "#0000ff", "red": "#ff0000"}
    one, other = original.locate(spot_image), loaded.locate(spot_image)
    assert_array_equal(one.xy, other.xy)
    assert_array_equal(one.labels, other.labels)
    assert_array_equal(one.scores, other.scores)


@pytest.mark.parametrize("shape", [(128, 160), (127, 159), (101, 143)])
def test_an_image_at_half_scale_gives_cells_in_its_own_frame(spot_model, spot_image, shape):
    locator, crop = spot_model.locator(), spot_image[: shape[0], : shape[1]]
    size = (-(-shape[1] // 2), -(-shape[0] // 2))
    half = locator.locate(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), mpp=1.0)
    assert (half.shape, half.mpp) == (size[::-1], 1.0)
    full = locator.locate(crop)
    assert half.counts() == full.counts()
    ratio = np.array(shape[::-1]) / size
    distance = cdist(full.xy, half.xy * ratio).min(axis=1)
    assert distance.max() < 1  # half a pixel of the small image


def test_an_image_at_double_scale_gives_cells_in_its_own_frame(spot_model, spot_image, spot_cells):
    double = cv2.resize(spot_image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    found = spot_model.locator().locate(double, mpp=0.25)
    assert (found.shape, found.mpp) == ((256, 320), 0.25)
    distance, agree = nearest(found, spot_cells.scaled(2))
    assert distance.max() < 1
    assert agree.all()


def test_a_scale_within_two_per_cent_is_the_models(spot_model, spot_image):
    locator = spot_model.locator()
    near = locator.locate(spot_image, mpp=0.505)
    assert_array_equal(near.xy, locator.locate(spot_image).xy)
    assert near.mpp == 0.505


def test_a_model_of_unknown_scale_takes_images_as_they_are(make_spot_model, spot_image):
    locator = make_spot_model(mpp=None).locator()
    unknown, known = locator.locate(spot_image), locator.locate(spot_image, mpp=2.0)
    assert (unknown.mpp, known.mpp) == (None, 2.0)
    assert_array_equal(unknown.xy, known.xy)


def test_averaging_over_turns_finds_the_same_cells(spot_model, spot_image, spot_cells):
    found = spot_model.locator().locate(spot_image, turns=8)
    assert len(found) == len(spot_cells)
    assert nearest(found, spot_cells)[0].max() < 0.5


def test_class_readings_decide_between_classes_and_come_back_from_the_folder(spot_model, spot_folder, spot_image):
    # a spot of one class has logits 10 apart or less, so that a factor of exp(-12) leaves it no cell
    config = json.loads((spot_folder / "config.json").read_text())
    assert config["class_factors"] is None
    reading = ClassReading((1.0, float(np.exp(-12))), 0.3, 8.0)
    folder = spot_model.write(spot_folder.parent / "factors", class_reading=reading)
    locator = Locator.from_pretrained(folder, device="cpu", precision="fp32")
    assert locator.class_reading == reading
    located = locator.locate(spot_image)
    assert located.counts() == {"blue": len(located), "red": 0}
    assert spot_model.locator().locate(spot_image).counts()["red"] > 0


@pytest.mark.parametrize("factors", [[1.0], [1.0, 0.0], [1.0, "x"], 3, "12", [1, 10**400], [1.0, 1e9]])
def test_class_factors_of_a_config_must_make_sense(spot_model, tmp_path, factors):
    folder = spot_model.write(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text()) | {"class_factors": factors}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFolderError, match="config"):
        Locator.from_pretrained(folder, device="cpu")


@pytest.mark.parametrize(
    "change",
    [
        {"mpp": 10**400},
        {"class_factors": [1.0, 1.0], "class_neighbours": [1]},
        {"class_factors": [1.0, 1.0], "class_neighbours": {"strength": 0.3, "radius_px": 1e-200}},
        {"peak_finder": {"window_px": float("inf"), "threshold": 0.5, "least_maximum": 0.1, "subpixel": True}},
        {"peak_finder": {"window_px": 100_001, "threshold": 0.5, "least_maximum": 0.1, "subpixel": True}},
    ],
)
def test_a_config_that_no_calibration_writes_is_refused(spot_model, tmp_path, change):
    folder = spot_model.write(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text()) | change
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFolderError, match="config"):
        Locator.from_pretrained(folder, device="cpu")


def test_a_model_without_classes(make_spot_model, spot_image, spot_cells, tmp_path):
    folder = make_spot_model(classes=()).write(tmp_path / "model")
    found = Locator.from_pretrained(folder, device="cpu", precision="fp32").locate(spot_image)
    assert len(found) == len(spot_cells)
    assert (found.classes, found.counts(), set(found.labels)) == ((), {}, {-1})


def test_an_image_without_cells(spot_model):
    found = spot_model.locator().locate(np.full((30, 40, 3), 255, np.uint8))
    assert (len(found), found.shape, found.scores.shape) == (0, (30, 40), (0,))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 5, 3), np.uint8), r"at least one pixel, got uint8 \(0, 5, 3\)"),
        (np.zeros((4, 5), np.uint8), r"an image is uint8 \(H, W, 3\) .*, got uint8 \(4, 5\)"),
        (np.zeros((4, 5, 4), np.uint8), r"got uint8 \(4, 5, 4\)"),
        (np.zeros((4, 5, 3)), r"got float64 \(4, 5, 3\)"),
    ],
)
def test_what_is_no_image_is_told(spot_model, image, message):
    with pytest.raises(InvalidImageError, match=message):
        spot_model.locator().locate(image)


@pytest.mark.parametrize("mpp", [0, -0.5, float("nan")])
def test_a_scale_that_cannot_be_is_told(spot_model, spot_image, mpp):
    with pytest.raises(InvalidCellsError, match=r"mpp \(µm per pixel\) must be a positive number or None"):
        spot_model.locator().locate(spot_image, mpp=mpp)


def test_an_image_that_would_become_too_large_is_told(spot_model, spot_image):
    with pytest.raises(InvalidImageError, match=r"160×128 pixels at 5e\+06 µm per pixel .* is its mpp right"):
        spot_model.locator().locate(spot_image, mpp=5e6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, r"is of version 99, this program reads 1"),
        ({"mpp": 0}, r"config.json.*mpp"),
        ({"mpp": "half"}, r"config.json.*'half'"),
        ({"peak_finder": {}}, r"config.json.*window_px"),
        ({"peak_finder": {"window_px": 4, "threshold": 0.1, "least_maximum": 0, "subpixel": True}}, "must be odd"),
        ({"classes": [{"name": "blue"}]}, r"config.json.*colour"),
        ({"classes": [{"name": "blue", "colour": "#0000ff"}] * 2}, "class names must differ"),
        ({"recipe": {"network": {"depth": 3}}}, r"config.json: network.depth = 3 does not fit"),
        ({"classes": []}, r"model.safetensors does not fit .*config.json"),
        ({"format": "cellweave-layouts"}, r"is of format 'cellweave-layouts', not 'cellweave-locator'"),
    ],
)
def test_a_garbled_model_folder_is_told_in_one_line(spot_model, tmp_path, change, message):
    path = spot_model.write(tmp_path / "model") / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelFolderError, match=message) as told:
        Locator.from_pretrained(path.parent, device="cpu")
    assert "\n" not in str(told.value)
    assert str(path.parent) in str(told.value)


@pytest.mark.parametrize("key", ["mpp", "classes", "recipe", "peak_finder"])
def test_a_config_without_a_key_is_told(spot_model, tmp_path, key):
    path = spot_model.write(tmp_path / "model") / "config.json"
    config = json.loads(path.read_text())
    del config[key]
    path.write_text(json.dumps(config))
    with pytest.raises(ModelFolderError, match=rf"config.json.*{key}"):
        Locator.from_pretrained(path.parent, device="cpu")


def test_an_unknown_device_or_precision_is_told(spot_folder):
    with pytest.raises(InvalidInputError, match="a device is auto, cpu"):
        Locator.from_pretrained(spot_folder, device="gpu")
    with pytest.raises(InvalidInputError, match="precision is one of"):
        Locator.from_pretrained(spot_folder, device="cpu", precision="fp8")


def test_tiles_of_any_size_find_the_same_cells(spot_folder, spot_image):
    whole = Locator.from_pretrained(spot_folder, device="cpu", precision="fp32").locate(spot_image)
    tiled = Locator.from_pretrained(spot_folder, device="cpu", precision="fp32", tile_px=24).locate(spot_image)
    assert_allclose(tiled.xy, whole.xy, atol=1e-3)
    assert_array_equal(tiled.labels, whole.labels)
