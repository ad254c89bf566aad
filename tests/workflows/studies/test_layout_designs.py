"""What the studies of layout models compare, and that it is possible with the shipped recipes."""

import pytest

from cellweave.core import InvalidInputError
from cellweave.layouts import LayoutRecipe
from cellweave.workflows.studies.design import recipe_of
from cellweave.workflows.studies.layout_designs import (
    bandwidth_design,
    categories_design,
    components_design,
    densities_design,
)

DESIGNS = [
    densities_design(),
    densities_design(["marker", "shared", "edt"]),
    categories_design(counts=True),
    bandwidth_design(),
    components_design(),
    components_design("gmcm"),
]


def recipes(design, recipe="default"):
    return {arm.name: recipe_of(LayoutRecipe, "layouts", arm, recipe, ["fit.batch_size=4"]) for arm in design.arms}


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
@pytest.mark.parametrize("recipe", ["default", "paper"])
def test_arms_differ_in_what_is_compared_alone(design, recipe):
    resolved = recipes(design, recipe)
    assert all(one.fit.batch_size == 4 for one in resolved.values())
    dumped = [one.model_dump_json() for one in resolved.values()]
    assert len(set(dumped)) == len(dumped)
    compared = {"channels"} if design.name != "categories" else {"condition", "categories"}
    rest = [one.model_dump_json(exclude=compared) for one in resolved.values()]
    assert len(set(rest)) == 1
    assert {name for pair in design.pairs for name in (pair.better, pair.other)} <= set(resolved)


def test_densities():
    assert {name: one.channels.density for name, one in recipes(densities_design()).items()} == {
        name: name for name in ("none", "kde", "gmm", "gmcm")
    }
    crossed = recipes(densities_design(["marker", "edt"]))
    assert len(crossed) == 8
    assert (crossed["marker-kde"].channels.cells, crossed["marker-kde"].channels.density) == ("marker", "kde")
    pairs = [(pair.better, pair.other) for pair in densities_design(["marker", "edt"]).pairs]
    assert ("edt-gmm", "marker-gmm") in pairs
    assert ("edt-gmm", "edt-none") in pairs


def test_numbers():
    told = {name: one.told_categories for name, one in recipes(categories_design(counts=True)).items()}
    assert told == {"categories-0": 0, "categories-5": 5, "categories-10": 10, "categories-20": 20, "counts": 0}
    assert recipes(categories_design(counts=True))["counts"].condition == "counts"
    widths = {name: one.channels.bandwidth for name, one in recipes(bandwidth_design()).items()}
    assert widths == {"scott": None, "factor-0.05": 0.05, "factor-0.1": 0.1, "factor-0.5": 0.5, "factor-1": 1.0}
    numbers = {name: one.channels.components for name, one in recipes(components_design("gmcm")).items()}
    assert numbers == {"bic": None, "components-4": 4, "components-6": 6, "components-8": 8, "components-10": 10}


@pytest.mark.parametrize("change", ["channels.density=kde", "channels.bandwidth=2", "channels={density: gmm}"])
def test_what_the_arms_differ_in_is_not_for_the_user_to_change(change):
    with pytest.raises(InvalidInputError, match="changes what the arms of the study differ in"):
        recipe_of(LayoutRecipe, "layouts", densities_design().arms[0], "default", [change])
