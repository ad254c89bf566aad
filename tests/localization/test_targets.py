"""Targets: one map or one a class, any map by name, and recipes of before there were several."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from cellweave.core import Cells, InvalidInputError
from cellweave.localization.targets import TargetRecipe
from cellweave.maps import MAPS, exponential_distance_map

CELLS = Cells([[8.5, 8.5], [20.5, 15.5]], [0, 1], classes=("a", "b"), shape=(24, 32))


def test_recipes_of_before_there_were_several_maps_draw_what_they_drew():
    old = TargetRecipe.model_validate(
        {"slope": 5.0, "offset": 1.0, "constant": 1.0, "cutoff": 0.02, "reach_px": None, "class_radius_px": 3.0}
    )
    assert old.class_radius_px == 3.0
    expected = exponential_distance_map(CELLS.xy, CELLS.shape, slope=5.0, offset=1.0, cutoff=0.02)
    assert_array_equal(old.draw(CELLS)[0], expected)


@pytest.mark.parametrize("name", MAPS)
def test_every_map_is_one_high_at_a_cell(name):
    drawn = TargetRecipe(map=name, settings={"most_px": 2.0} if name == "gaussian-knn" else {}).draw(CELLS)
    assert drawn.shape == (1, 24, 32)
    assert_allclose([drawn[0, 8, 8], drawn[0, 15, 20]], 1, rtol=0.1)


def test_separate_draws_a_map_of_every_class():
    target = TargetRecipe(map="peak", mode="separate")
    assert target.outputs(2) == (2, 0)
    first, second = target.draw(CELLS)
    assert first[8, 8] == second[15, 20] == 1
    assert first[15, 20] < 0.01
    assert_allclose(np.maximum(first, second), TargetRecipe(map="peak").draw(CELLS)[0])


def test_uniform_and_classes_differ_in_the_logits_alone():
    assert TargetRecipe(mode="uniform").outputs(3) == (1, 0)
    assert TargetRecipe(mode="classes").outputs(3) == (1, 3)


def test_separate_needs_classes_for_all():
    target = TargetRecipe(mode="separate")
    with pytest.raises(InvalidInputError, match="1 cells of an image have no class"):
        target.draw(Cells([[1.5, 1.5]], [-1], classes=("a",), shape=(4, 4)))
    with pytest.raises(InvalidInputError, match="the data have no classes"):
        target.outputs(0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"map": "edf"}, "a map is one of edt"),
        ({"map": "peak", "settings": {"width_px": 0.0}}, "width_px must be a number > 0"),
        ({"map": "peak", "settings": {"sigma": 1.0}}, "has the settings"),
        ({"map": "edt", "slope": 5.0}, "belong into target.settings"),
    ],
)
def test_settings_that_no_map_has_are_told(values, message):
    with pytest.raises(ValidationError, match=message):
        TargetRecipe.model_validate(values)
