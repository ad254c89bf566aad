"""Found cells against the layouts that images were made from, and against others: values by hand."""

import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError, Length
from cellweave.metrics import score_fidelity

RADIUS = Length(3)


def layout(*xy, labels=None, shape=(40, 40), classes=("t", "s")):
    return Cells(np.reshape(xy, (-1, 2)), labels or [0] * len(xy), classes=classes, shape=shape, mpp=0.5)


@pytest.fixture
def three():
    """Three layouts that share some places."""
    return {"a": layout((10, 10)), "b": layout((10, 10), (30, 30), labels=[0, 1]), "c": layout((30, 30))}


def test_a_perfect_finder_scores_one_and_chance_is_as_computed_by_hand(three):
    fidelity = score_fidelity(three, three, radius=RADIUS)
    assert fidelity.f1 == {"all": 1.0, "t": 1.0, "s": 1.0, "mean class": 1.0}
    # found against layout, (tp, fp, fn) of all cells: a-b 1 0 1, a-c 0 1 1, b-a 1 1 0, b-c 1 1 0, c-a 0 1 1, c-b 1 0 1;
    # of t: 1 0 0, 0 1 1, 1 0 0, 0 1 1, 0 1 1, 0 1 1; no s is ever where another is
    assert fidelity.chance_f1 == pytest.approx({"all": 1 / 2, "t": 1 / 3, "s": 0.0, "mean class": 1 / 6})
    assert fidelity.margin == pytest.approx({"all": 1 / 2, "t": 2 / 3, "s": 1.0, "mean class": 5 / 6})
    assert fidelity.comparisons == 6
    assert fidelity.notes == ("Chance: 3 images, each against 2 layouts of other images of the same frame.",)


def test_a_finder_that_sees_the_next_image_scores_chance(three):
    """The mean over all cyclic shifts of a whole set is what one would find by being one or two images off."""
    names = sorted(three)
    off = [
        score_fidelity(three, {name: three[names[(i + by) % 3]] for i, name in enumerate(names)}, radius=RADIUS)
        for by in (1, 2)
    ]
    chance = score_fidelity(three, three, radius=RADIUS).chance_f1["all"]
    assert np.mean([one.f1["all"] for one in off]) == pytest.approx(chance)


def test_one_image_is_compared_with_its_own_layout_turned():
    # the copies are the cell in the middle and one of (20, 6), (20, 34), (34, 20): each meets the one in the middle
    alone = {"a": layout((20, 20), (6, 20))}
    fidelity = score_fidelity(alone, alone, radius=RADIUS)
    assert fidelity.comparisons == 3
    assert (fidelity.f1["all"], fidelity.chance_f1["all"]) == (1.0, 0.5)
    [note] = fidelity.notes
    assert note == "Chance: 1 image with no other layout in the same frame, against the own one, flipped and turned."


def test_images_with_more_layouts_to_meet_weigh_no_more():
    # a and b meet each other, 1 tp of 1; the wide one meets its three other orientations, 0 tp of 1: 1 tp of 3 an image
    layouts = {"a": layout((10, 10)), "b": layout((11, 10)), "wide": layout((5, 7), shape=(40, 60))}
    fidelity = score_fidelity(layouts, layouts, radius=RADIUS)
    assert fidelity.comparisons == 5
    assert fidelity.chance_f1["all"] == pytest.approx(2 / 3)


def test_an_image_that_nothing_else_can_stand_for_is_left_out_and_said():
    empty = {"a": layout()}
    fidelity = score_fidelity(empty, {"a": layout((5, 5))}, radius=RADIUS)
    assert fidelity.f1["all"] == 0.0
    assert fidelity.chance_f1 == {"all": None, "t": None, "s": None, "mean class": None}
    assert fidelity.margin == fidelity.chance_f1
    assert fidelity.notes == ("Chance: 1 image left out, as no other layout stands for the own one.",)


def test_cells_without_classes_are_scored_together():
    layouts = {"a": layout((5, 5), labels=[-1], classes=()), "b": layout((30, 5), labels=[-1], classes=())}
    fidelity = score_fidelity(layouts, layouts, radius=RADIUS)
    assert (fidelity.f1, fidelity.chance_f1) == ({"all": 1.0}, {"all": 0.0})


def test_the_order_of_the_classes_does_not_matter(three):
    swapped = {
        name: Cells(one.xy, 1 - one.labels, classes=("s", "t"), shape=one.shape, mpp=0.5) for name, one in three.items()
    }
    one, other = (score_fidelity(three, found, radius=RADIUS) for found in (three, swapped))
    assert (one.f1, one.chance_f1) == (other.f1, other.chance_f1)


def test_a_radius_in_micrometres(three):
    moved = {
        name: Cells(one.xy + np.array([0, 4]), one.labels, classes=one.classes, shape=one.shape)
        for name, one in three.items()
    }
    assert score_fidelity(three, moved, radius=Length(1.9, "um")).f1["all"] == 0.0
    assert score_fidelity(three, moved, radius=Length(2.1, "um")).f1["all"] == 1.0


def test_json_says_what_the_table_says(three):
    fidelity = score_fidelity(three, three, radius=RADIUS)
    about = fidelity.to_json()
    assert about["chance_f1"] == fidelity.chance_f1
    assert about["scores"]["rows"][0]["f1"] == about["f1"]["all"] == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"found": {"a": layout()}}, "image 'b' is on one side only"),
        (
            {"layouts": {"a": layout(), "b": layout(classes=("t",))}},
            "the layout of all images must have the same classes",
        ),
        ({"shifts": 0}, "1 or more other layouts, got 0"),
        ({"layouts": dict.fromkeys("ab", layout(classes=("mean class",)))}, "a class is called 'mean class'"),
        (
            {"radius": Length(3, "um"), "layouts": dict.fromkeys("ab", Cells([], classes=(), shape=(40, 40)))},
            "a length of",
        ),
    ],
)
def test_what_cannot_be_scored(change, message):
    both = {"a": layout((5, 5)), "b": layout((9, 9))}
    given = {"layouts": both, "found": both, "radius": RADIUS} | change
    if message == "a length of":
        given["found"] = given["layouts"]
    with pytest.raises(InvalidInputError, match=message):
        score_fidelity(given.pop("layouts"), given.pop("found"), **given)
