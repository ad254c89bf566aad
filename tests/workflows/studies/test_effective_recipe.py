"""Studies are compared by the recipe that comes of what was asked for."""

import pytest

from cellweave.core import RecipeError
from cellweave.localization import LocatorRecipe
from cellweave.training import load_recipe
from cellweave.workflows.studies.effective_recipe import with_effective_recipe


def identity(recipe, *changes):
    values = load_recipe(LocatorRecipe, "locator", recipe).model_dump(mode="json")
    return {"name": "maps", "recipe": values, "changes": sorted(changes)}


def effective(stored):
    return with_effective_recipe(stored, LocatorRecipe)


def test_ways_to_the_same_recipe_are_one():
    wide = "network.widths=[48, 96, 160, 256, 320]"
    assert effective(identity("fast", "turns=2", wide)) == effective(identity("default"))
    assert effective(identity("fast", "turns=2")) != effective(identity("default"))
    assert "changes" not in effective(identity("fast", "turns=2"))


def test_what_is_left_to_defaults_is_written_out():
    told, left = "target={map: peak, settings: {width_px: 3.0}}", "target={map: peak}"
    assert effective(identity("fast", told)) == effective(identity("fast", left))
    other = effective(identity("fast", "target={map: peak, settings: {width_px: 4.0}}"))
    assert other != effective(identity("fast", left))
    arm = {"changed": LocatorRecipe.model_validate({"target": {"map": "peak"}}).model_dump(mode="json")}
    full = {"changed": arm["changed"] | {"target": arm["changed"]["target"] | {"settings": {"width_px": 3.0}}}}
    assert effective(arm) == effective(full)


def test_recipes_of_earlier_versions_and_changes_for_the_arms_alone_are_compared_as_written():
    older = identity("fast", "turns=2")
    older["recipe"]["calibration"]["class_factors"] = older["recipe"]["calibration"].pop("class_reading")
    merged = effective(older)["recipe"]
    assert (merged["turns"], merged["calibration"]["class_factors"]) == (2, True)
    assert effective(older) != effective(identity("fast", "turns=2"))
    narrow = effective(identity("fast", "network.head_width=2"))["recipe"]  # of networks that the recipe has not
    assert narrow["network"]["head_width"] == 2


def test_other_identities_stay_as_they_are():
    assert with_effective_recipe({"recipe": 1, "changes": ["x"]}, None) == {"recipe": 1, "changes": ["x"]}
    assert effective({"name": "theta"}) == {"name": "theta"}
    with pytest.raises(RecipeError, match=r"has the form a\.b=value"):
        effective(identity("fast", "turns"))
