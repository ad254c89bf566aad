from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import TableError
from cellweave.data.readers.placing import label_indices, place_inside

FILE = Path("points.csv")


def place(*points: tuple[float, float], shape: tuple[int, int] = (10, 20)) -> tuple[list[list[float]], int]:
    xy, count = place_inside(points, shape, file=FILE, rows=[f"row {i}" for i in range(1, len(points) + 1)])
    return xy.tolist(), count


def test_points_a_little_outside_move_to_the_nearest_pixel_centre() -> None:
    assert place((20.0, 10.0), (-5.0, 3.25), (19.9, 9.9)) == ([[19.5, 9.5], [0.5, 3.25], [19.9, 9.9]], 2)


def test_no_points() -> None:
    assert place() == ([], 0)


@pytest.mark.parametrize("point", [(25.1, 5.0), (5.0, -5.1), (float("nan"), 5.0), (5.0, float("inf"))])
def test_points_far_outside_name_file_row_and_value(point: tuple[float, float]) -> None:
    with pytest.raises(TableError, match=rf"points\.csv: row 2: x {point[0]:g}, y {point[1]:g} .*20×10.*exchanged"):
        place((1.0, 1.0), point)


@given(st.lists(st.tuples(st.floats(-5, 25), st.floats(-5, 15)), max_size=20))
def test_placed_points_lie_inside_and_those_inside_stay(points: list[tuple[float, float]]) -> None:
    placed, count = place(*points)
    before, after = np.array(points).reshape(-1, 2), np.array(placed).reshape(-1, 2)
    assert ((after >= 0) & (after < (20, 10))).all()
    inside = ((before >= 0) & (before < (20, 10))).all(axis=1)
    assert np.array_equal(after[inside], before[inside])
    assert count == np.sum(~inside)
    assert np.abs(after - before).max(initial=0) <= 5.5


def test_labels() -> None:
    rows = ["row 1", "row 2", "row 3"]
    assert label_indices(["b", None, "a"], ["a", "b"], file=FILE, rows=rows).tolist() == [1, -1, 0]
    with pytest.raises(TableError, match=r"points\.csv: row 3: class 'c' is not known; the classes are \['a', 'b'\]"):
        label_indices(["b", None, "c"], ["a", "b"], file=FILE, rows=rows)
