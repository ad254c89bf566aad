"""Layouts that an image was not made from: those of other images, or its own, turned."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from cellweave.core import Cells
from cellweave.metrics.foreign_layouts import foreign_layouts, turned_copies


def layout(*xy, shape=(20, 20), mpp=0.5):
    return Cells(np.reshape(xy, (-1, 2)), [0] * len(xy), classes=("t",), shape=shape, mpp=mpp)


def places(cells):
    return sorted(map(tuple, cells.xy.tolist()))


def test_a_square_has_seven_other_orientations():
    found = {places(one)[0] for one in turned_copies(layout((3, 8)))}
    assert found == {(17, 8), (3, 12), (17, 12), (8, 3), (12, 3), (8, 17), (12, 17)}


def test_a_rectangle_has_three():
    found = {places(one)[0] for one in turned_copies(layout((3, 8), shape=(20, 30)))}
    assert found == {(27, 8), (3, 12), (27, 12)}


def test_copies_that_look_the_same_are_left_out():
    assert turned_copies(layout((10, 10))) == []
    assert turned_copies(layout()) == []
    assert [places(one) for one in turned_copies(layout((5, 10), (15, 10)))] == [[(10, 5), (10, 15)]]


def test_a_cell_on_the_near_edge_stays_inside_the_far_one():
    for copy in turned_copies(layout((0, 0))):
        assert (copy.xy < 20).all()


@given(st.lists(st.tuples(st.floats(0, 19.9), st.floats(0, 19.9)), min_size=2, max_size=6), st.booleans())
def test_turning_keeps_counts_and_distances(xy, square):
    cells = layout(*xy, shape=(20, 20 if square else 31))
    for copy in turned_copies(cells):
        assert (copy.shape, copy.mpp, copy.counts()) == (cells.shape, cells.mpp, cells.counts())
        np.testing.assert_allclose(pdist(copy.xy), pdist(cells.xy), atol=1e-9)


@pytest.mark.parametrize(("count", "each"), [(2, 1), (4, 3), (6, 5), (9, 5)])
def test_every_image_meets_others_and_every_layout_is_met_as_often(count, each):
    layouts = {str(i): layout((i, i)) for i in range(count)}
    foreign = foreign_layouts(layouts, shifts=5)
    assert foreign.turned == ()
    met = Counter()
    for name, others in foreign.layouts.items():
        positions = [places(one)[0] for one in others]
        assert len(set(positions)) == each
        assert places(layouts[name])[0] not in positions
        met.update(positions)
    assert set(met.values()) == {each}


def test_the_choice_depends_on_the_seed_alone():
    layouts = {str(i): layout((i, i)) for i in range(9)}
    backwards = dict(reversed(layouts.items()))

    def choice(given, seed):
        chosen = foreign_layouts(given, shifts=2, seed=seed).layouts
        return {name: [places(one) for one in others] for name, others in chosen.items()}

    assert choice(layouts, 3) == choice(backwards, 3)
    assert len({str(choice(layouts, seed)) for seed in range(4)}) > 1


def test_images_of_one_layout_are_not_foreign_to_one_another():
    same, again, other = layout((1, 1), (5, 2)), layout((5, 2), (1, 1)), layout((9, 9))
    foreign = foreign_layouts({"a": same, "b": again, "c": other})
    assert {name: [places(one) for one in others] for name, others in foreign.layouts.items()} == {
        "a": [[(9, 9)]],
        "b": [[(9, 9)]],
        "c": [[(1, 1), (5, 2)]],
    }


def test_frames_and_scales_do_not_mix():
    layouts = {
        "a": layout((3, 8)),
        "b": layout((4, 9)),
        "wide": layout((3, 8), shape=(20, 30)),
        "coarse": layout((3, 8), mpp=1.0),
    }
    foreign = foreign_layouts(layouts)
    assert foreign.turned == ("coarse", "wide")
    assert {name: len(others) for name, others in foreign.layouts.items()} == {"a": 1, "b": 1, "coarse": 7, "wide": 3}
    for name, others in foreign.layouts.items():
        assert {(one.shape, one.mpp) for one in others} == {(layouts[name].shape, layouts[name].mpp)}
