import pytest

from cellweave.core import RecipeError
from cellweave.localization import LocatorRecipe
from cellweave.localization.networks.unet import UNetRecipe
from cellweave.training import list_recipes, load_recipe


def test_every_shipped_recipe_is_valid():
    assert "default" in list_recipes("locator")
    for name in list_recipes("locator"):
        assert load_recipe(LocatorRecipe, "locator", name).fit.batch_size >= 1


def test_changes_reach_nested_keys():
    recipe = load_recipe(LocatorRecipe, "locator", "default", ["fit.batch_size=3", "network.widths=[8, 16]"])
    assert (recipe.fit.batch_size, recipe.network.widths) == (3, (8, 16))


def test_settings_of_another_choice_give_way_to_its_defaults():
    recipe = load_recipe(LocatorRecipe, "locator", "default", ["network.name=unet", "target.map=edt"])
    assert recipe.network == UNetRecipe()
    assert (recipe.target.map, recipe.target.settings, recipe.target.class_radius_px) == ("edt", {}, 4.0)


def test_settings_that_are_given_stay_in_whatever_order_they_are_given():
    for changes in (["network.name=unet", "network.width=8"], ["network.width=8", "network.name=unet"]):
        assert load_recipe(LocatorRecipe, "locator", "default", changes).network == UNetRecipe(width=8)


def test_choosing_what_is_chosen_already_changes_nothing():
    changed = load_recipe(LocatorRecipe, "locator", "default", ["network.name=half-unet", "target.map=gaussian"])
    assert changed == load_recipe(LocatorRecipe, "locator", "default")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("fit.batch_sise=3", r"fit.batch_sise = 3 does not fit: Extra inputs"),
        ("fit.batch_size=0", r"fit.batch_size = 0 does not fit: .*greater than or equal to 1"),
        ("fit.batch_size", "has the form a.b=value"),
        ("fit.batch_size=[", "not valid YAML"),
        ("fit.batch_size.x=1", "is a value, not a group of keys"),
    ],
)
def test_bad_changes_are_told(change, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(LocatorRecipe, "locator", "default", [change])


def test_bad_recipes_are_told(tmp_path):
    with pytest.raises(RecipeError, match=r"there is no recipe 'defualt' of kind 'locator'; there are \['default'"):
        load_recipe(LocatorRecipe, "locator", "defualt")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(LocatorRecipe, "locator", tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(RecipeError, match="must hold keys and values"):
        load_recipe(LocatorRecipe, "locator", tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("a: [\n")
    with pytest.raises(RecipeError, match="not valid YAML"):
        load_recipe(LocatorRecipe, "locator", tmp_path / "broken.yaml")


def test_a_recipe_is_read_from_a_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("fit: {learning_rate: 0.5}\n")
    assert load_recipe(LocatorRecipe, "locator", tmp_path / "mine.yaml").fit.learning_rate == 0.5
