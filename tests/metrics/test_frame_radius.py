import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells, InvalidInputError, Length, numpy_generator
from cellweave.metrics import FrameRadius, radius_key, score_cells
from cellweave.metrics.frame_radius import reach_in


def one_cell(x, y, shape):
    return {"a": Cells([[x, y]], classes=(), shape=shape)}


def hits(truth, found, radius, protocol="matching"):
    return score_cells(truth, found, protocol=protocol, radii=[radius], resamples=0).rows[0].tp


def test_in_a_square_image_it_is_scaled_by_the_side():
    shape = (1024, 1024)
    truth = one_cell(100, 100, shape)
    assert hits(truth, one_cell(110, 100, shape), FrameRadius(5)) == 1  # 10 px here are 5 px of the frame
    assert hits(truth, one_cell(110.01, 100, shape), FrameRadius(5)) == 0
    assert hits(truth, one_cell(110, 100, shape), FrameRadius(5), "greedy") == 0  # less than, not at most
    row = score_cells(truth, truth, protocol="matching", radii=[FrameRadius(5)]).to_json()["rows"][0]
    assert (row["radius_px"], row["radius_512"]) == (10, 5)


def test_in_an_oblong_image_each_axis_is_scaled_by_itself():
    shape = (256, 1024)  # x is halved, y doubled
    truth = one_cell(100, 100, shape)
    assert hits(truth, one_cell(110, 100, shape), FrameRadius(5)) == 1
    assert hits(truth, one_cell(100, 102.5, shape), FrameRadius(5)) == 1
    assert hits(truth, one_cell(100, 103, shape), FrameRadius(5)) == 0
    assert hits(truth, one_cell(106, 102, shape), FrameRadius(5)) == 1  # 3, 4, 5
    row = score_cells(truth, truth, protocol="matching", radii=[FrameRadius(5)]).rows[0]
    assert row.radius_px is None
    assert math.isnan(reach_in(FrameRadius(5), shape, None).radius_px)


def test_images_of_different_sides_have_no_common_radius_in_pixels():
    truth = one_cell(5, 5, (512, 512)) | {"b": Cells([[5, 5]], classes=(), shape=(256, 256))}
    scores = score_cells(truth, truth, protocol="matching", radii=[FrameRadius(5)])
    assert scores.rows[0].radius_px is None
    assert [image.rows[0].radius_px for image in scores.per_image] == [5, 2.5]


@given(st.integers(0, 2**32), st.sampled_from(["matching", "greedy"]))
def test_in_the_frame_itself_it_is_a_radius_in_pixels(seed, protocol):
    generator = numpy_generator(seed)
    truth, found = ({"a": Cells(generator.uniform(0, 512, (80, 2)), classes=(), shape=(512, 512))} for _ in range(2))
    assert hits(truth, found, FrameRadius(40), protocol) == hits(truth, found, Length(40), protocol)


@given(st.integers(0, 2**32), st.sampled_from(["matching", "greedy"]))
def test_resizing_an_image_changes_nothing(seed, protocol):
    generator = numpy_generator(seed)
    xy = generator.integers(0, 256, (2, 60, 2)) + 0.5
    small = [{"a": Cells(one, classes=(), shape=(256, 256))} for one in xy]
    large = [{"a": Cells(one * 4, classes=(), shape=(1024, 1024))} for one in xy]  # a power of 2: no rounding
    assert hits(*small, FrameRadius(30), protocol) == hits(*large, FrameRadius(30), protocol)


def test_it_has_a_key_of_its_own():
    assert radius_key(FrameRadius(7.5)) == "7.5in512"
    truth = one_cell(1, 1, (512, 512))
    scores = score_cells(truth, truth, protocol="greedy", radii=[Length(5), FrameRadius(5)])
    assert list(scores.mean_class_f1) == ["5", "5in512"]


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_it_is_positive(value):
    with pytest.raises(InvalidInputError, match="must be a positive number of pixels of the 512-frame, got"):
        FrameRadius(value)
