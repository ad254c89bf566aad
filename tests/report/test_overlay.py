from typing import Any

import numpy as np
import pytest

from cellweave.core import Cells, InvalidImageError, InvalidInputError
from cellweave.report import draw_cells, draw_comparison

CLASSES = ("lymphocyte", "tumor")
COLOURS = {"lymphocyte": "#0000ff", "tumor": "#ff0000"}
BLUE, ORANGE, BLACK = [0, 114, 178], [230, 159, 0], [17, 17, 17]


@pytest.fixture
def pixels() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.full((60, 90, 3), 120, np.uint8)


def cells(xy: list[list[float]], labels: list[int] | None = None) -> Cells:
    return Cells(xy, labels, classes=CLASSES, shape=(60, 90))


def test_every_cell_gets_a_ring_of_its_class(pixels: Any) -> None:
    picture = draw_cells(pixels, cells([[20.5, 30.5], [45.5, 30.5], [70.5, 30.5]], [0, 1, -1]), COLOURS)
    assert [picture[30, x + 6].tolist() for x in (20, 45, 70)] == [[0, 0, 255], [255, 0, 0], [232, 232, 232]]
    assert [picture[30, x].tolist() for x in (20, 45, 70)] == [[120, 120, 120]] * 3
    assert (pixels == 120).all(), "the image itself must not be drawn on"


def test_no_cells_leave_the_image_as_it_is(pixels: Any) -> None:
    np.testing.assert_array_equal(draw_cells(pixels, cells([]), COLOURS), pixels)


def test_an_enlarged_picture_is_the_picture_of_the_enlarged_frame(pixels: Any) -> None:
    some = cells([[20.25, 30.5], [45.5, 12.75]], [0, 1])
    twice = np.full((120, 180, 3), 120, np.uint8)
    expected = draw_cells(twice, some.scaled(2), COLOURS, radius_px=8)
    np.testing.assert_array_equal(draw_cells(pixels, some, COLOURS, radius_px=4, scale=2), expected)


def test_a_reduced_picture_keeps_positions(pixels: Any) -> None:
    picture = draw_cells(pixels, cells([[40.0, 20.0]], [1]), COLOURS, radius_px=10, scale=0.5)
    assert picture.shape == (30, 45, 3)
    rows, columns = np.nonzero(picture[..., 0] > 200)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((20, 10), abs=0.3)


def test_a_legend_is_a_strip_below(pixels: Any) -> None:
    some = cells([[20.5, 30.5], [45.5, 12.5]], [0, -1])
    bare, explained = (draw_cells(pixels, some, COLOURS, scale=4, legend=legend) for legend in (False, True))
    np.testing.assert_array_equal(explained[: len(bare)], bare)
    strip = explained[len(bare) :]
    assert 20 < len(strip) < 60
    assert (strip == (0, 0, 255)).all(axis=-1).any(), "lymphocytes are explained"
    assert (strip == (255, 0, 0)).all(axis=-1).any(), "a class without cells is explained too"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colours": {"lymphocyte": "#0000ff"}}, "class 'tumor' has no colour"),
        ({"colours": COLOURS | {"tumor": "red"}}, "a colour is written #rrggbb, got 'red'"),
        ({"radius_px": -1.0}, "radius_px must be a positive number, got -1.0"),
        ({"scale": float("nan")}, "scale must be a positive number, got nan"),
    ],
)
def test_bad_options_are_told(pixels: Any, change: dict[str, Any], message: str) -> None:
    options = {"colours": COLOURS, **change}
    with pytest.raises(InvalidInputError, match=message):
        draw_cells(pixels, cells([[1, 1]]), **options)


def test_an_image_of_another_size_or_kind_is_told(pixels: Any) -> None:
    with pytest.raises(InvalidImageError, match="the image is 90×50 pixels, its cells live in a frame of 90×60"):
        draw_cells(pixels[:50], cells([]), COLOURS)
    with pytest.raises(InvalidImageError, match=r"is uint8 \(H, W, 3\), got float64"):
        draw_cells(pixels / 255, cells([]), COLOURS)


def test_hits_misses_and_false_alarms_differ(pixels: Any) -> None:
    truth = cells([[20.5, 30.5], [45.5, 30.5]])
    predicted = cells([[75.5, 30.5], [22.5, 30.5]])
    picture = draw_comparison(pixels, truth, predicted, matched_truth=[0], matched_predicted=[1], radius_px=8)
    assert picture[30, 12].tolist() == BLUE, "the annotated cell that was found: a ring of the matching radius"
    assert picture[30, 22].tolist() == BLUE, "where it was found: a dot"
    assert picture[30, 53].tolist() == ORANGE
    assert picture[30, 45].tolist() == [120, 120, 120], "a miss has no dot"
    assert picture[30, 75].tolist() == BLACK


def test_the_legend_of_a_comparison_shows_all_three(pixels: Any) -> None:
    options: Any = {"matched_truth": [], "matched_predicted": [], "radius_px": 6, "scale": 4, "legend": True}
    strip = draw_comparison(pixels, cells([]), cells([]), **options)[240:]
    assert all((strip == colour).all(axis=-1).any() for colour in (BLUE, ORANGE, BLACK))


@pytest.mark.parametrize(
    ("found", "finding", "message"),
    [
        ([0], [0, 1], "got 1 true and 2 predicted ones"),
        ([2], [0], r"matched_truth must hold different indices from 0 to 1, \(M,\), got \[2\]"),
        ([-1], [0], "matched_truth must hold"),
        ([0, 1], [1, 1], "matched_predicted must hold different indices"),
        ([0.5], [0], "matched_truth must hold"),
        ([[0, 1]], [0], "matched_truth must hold"),
    ],
)
def test_bad_matches_are_told(pixels: Any, found: Any, finding: Any, message: str) -> None:
    both = cells([[20.5, 30.5], [45.5, 30.5]])
    with pytest.raises(InvalidInputError, match=message):
        draw_comparison(pixels, both, both, matched_truth=found, matched_predicted=finding, radius_px=6)
