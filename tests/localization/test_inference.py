import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from cellweave.core import InvalidInputError, torch_generator
from cellweave.localization.inference import Predictor, folded
from cellweave.localization.networks import HalfUNet, HalfUNetRecipe
from cellweave.localization.samples import normalised, transmitted_light
from cellweave.training.initialise import initialise

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network():
    model = HalfUNet(HalfUNetRecipe(widths=(6, 8, 10), unshuffle=2), map_count=1, class_count=3)
    generator = torch_generator(1, "test")
    initialise(model, generator)
    with torch.no_grad():  # batch statistics as if trained, so that folding has something to do
        for name, value in model.named_buffers():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) * 0.2 + (0.9 if "var" in name else 0.0))
    return model.eval()


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(2).integers(0, 256, (150, 203, 3), dtype=np.uint8)


def test_folding_batch_normalisation_changes_nothing(network, image):
    inputs = torch.from_numpy(normalised(transmitted_light(image[:64, :96])))[None]
    with torch.inference_mode():
        for got, expected in zip(folded(network)(inputs), network(inputs), strict=True):
            assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize("tile_px", [8, 40, 64])
def test_tiles_give_what_the_whole_image_gives(network, image, tile_px):
    whole = Predictor(network, CPU, precision="fp32", tile_px=4096)(image)
    tiled = Predictor(network, CPU, precision="fp32", tile_px=tile_px)(image)
    # the same sums in another order: float32 rounding of values as large as the random network's
    assert abs(tiled.heights - whole.heights).max() < 1e-5 * np.ptp(whole.heights)
    assert abs(tiled.classes - whole.classes).max() < 1e-4


def test_a_pixel_farther_than_the_margin_changes_nothing(network, image):
    predictor = Predictor(network, CPU, precision="fp32")
    changed = image.copy()
    changed[:, 0] = 255 - changed[:, 0]
    difference = abs(predictor(image).heights - predictor(changed).heights).max(axis=0)
    assert difference[: network.margin].max() > 0
    assert difference[network.margin + 1 :].max() == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (33, 31)])
def test_any_size_works_and_probabilities_sum_to_one(network, shape):
    prediction = Predictor(network, CPU, precision="fp32")(np.full((*shape, 3), 200, np.uint8))
    assert prediction.heights.shape == shape
    assert_allclose(prediction.classes.sum(axis=0), np.ones(shape), atol=1e-5)


def test_bf16_stays_near_fp32(network, image):
    exact = Predictor(network, CPU, precision="fp32")(image)
    half = Predictor(network, CPU, precision="bf16")(image)
    # bfloat16 has 8 bits of mantissa; some ten layers leave an error of a few per cent of the range
    assert abs(half.heights - exact.heights).max() < 0.05 * np.ptp(exact.heights)
    # a pixel between two classes swings further; on average a probability moves by less than a hundredth
    assert abs(half.classes - exact.classes).mean() < 0.01


def test_averaging_over_turns_makes_the_result_turn_with_the_image(network, image):
    square = np.ascontiguousarray(image[:64, :64])
    predictor = Predictor(network, CPU, precision="fp32")
    direct = predictor(square, turns=8)
    turned = predictor(np.ascontiguousarray(np.rot90(square)), turns=8)
    assert_allclose(np.rot90(direct.heights), turned.heights, atol=1e-5)
    assert (
        abs(np.rot90(predictor(square).heights) - predictor(np.ascontiguousarray(np.rot90(square))).heights).max()
        > 1e-3
    )


@pytest.mark.parametrize(("turns", "turned_by"), [(2, 2), (4, 1)])
def test_averaging_over_fewer_turns_follows_those_turns(network, image, turns, turned_by):
    square = np.ascontiguousarray(image[:64, :64])
    predictor = Predictor(network, CPU, precision="fp32")
    direct = predictor(square, turns=turns)
    turned = predictor(np.ascontiguousarray(np.rot90(square, turned_by)), turns=turns)
    assert_allclose(np.rot90(direct.heights, turned_by), turned.heights, atol=1e-5)
    assert_allclose(np.rot90(direct.classes, turned_by, axes=(1, 2)), turned.classes, atol=1e-5)


def test_other_numbers_of_turns_are_refused(network, image):
    with pytest.raises(InvalidInputError, match="1, 2, 4 or 8 orientations, got 3"):
        Predictor(network, CPU)(image, turns=3)


def test_averaging_works_on_oblongs(network, image):
    prediction = Predictor(network, CPU, precision="fp32")(image, turns=8)
    assert prediction.heights.shape == image.shape[:2]
    assert prediction.classes.shape == (3, *image.shape[:2])


def test_prediction_does_not_change_the_network(network, image):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    Predictor(network, CPU, precision="bf16")(image)
    for name, value in network.state_dict().items():
        assert_array_equal(value, before[name])


def test_an_unknown_precision_is_told(network):
    with pytest.raises(InvalidInputError, match="precision is one of auto, fp32, bf16, got 'fp16'"):
        Predictor(network, CPU, precision="fp16")
