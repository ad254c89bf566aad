"""Every arm of every study is a recipe that can be built, and no option quietly undoes what arms differ in."""

import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError
from cellweave.localization.networks import NETWORKS
from cellweave.maps import MAPS
from cellweave.workflows.studies.budget import StudyBudget
from cellweave.workflows.studies.design import Pair
from cellweave.workflows.studies.designs import maps_design, networks_design, recipes_design, theta_design
from cellweave.workflows.studies.locator_study import arm_recipe, working_scale
from cellweave.workflows.studies.reach import typical_reach_px
from cellweave.workflows.studies.seeds import require_seeds

MAPS_STUDY, NETWORKS_STUDY = maps_design(40, separate=True), networks_design()
THETA_STUDY = theta_design("hrnet", (0.5, 0.0, 1.0))
RECIPES_STUDY = recipes_design(
    ["plain", "blob=target.map=gaussian;target.settings={sigma_px: 3.5}", "wide = network.widths=[8,16,32] ; turns=4;"]
)
STUDIES = (MAPS_STUDY, THETA_STUDY, NETWORKS_STUDY, RECIPES_STUDY)


@pytest.mark.parametrize("design", STUDIES, ids=lambda design: design.name)
def test_arms_are_recipes_that_differ(design):
    recipes = [arm_recipe(arm, "default", ["fit.batch_size=4"]) for arm in design.arms]
    assert len({recipe.model_dump_json() for recipe in recipes}) == len(recipes)
    assert {recipe.fit.batch_size for recipe in recipes} == {4}
    names = [arm.name for arm in design.arms]
    assert len(set(names)) == len(names)
    assert {name for pair in design.pairs for name in (pair.better, pair.other)} <= set(names)


def test_maps_are_all_there():
    targets = {arm.name: arm_recipe(arm, "default", ()).target for arm in MAPS_STUDY.arms}
    assert {target.map for target in targets.values()} == set(MAPS)
    assert targets["edt-5-1"].settings == {"slope": 5.0, "offset": 1.0}
    assert targets["edt-fixed"].settings["reach_px"] == 40
    assert targets["idt"].settings == {}


def test_a_map_for_each_class_is_compared_with_one_map_of_all():
    targets = {arm.name: arm_recipe(arm, "default", ()).target for arm in MAPS_STUDY.arms}
    separate = {name: target for name, target in targets.items() if target.mode == "separate"}
    assert set(separate) == {"edt-separate", "gaussian-separate"}
    for name, target in separate.items():
        one = targets[name.removesuffix("-separate")]
        assert (one.map, one.settings, one.mode) == (target.map, target.settings, "classes")
        assert Pair(name.removesuffix("-separate"), name) in MAPS_STUDY.pairs
    assert not any("separate" in arm.name for arm in maps_design(40, separate=False).arms)


def test_networks_are_all_there_with_and_without_the_module():
    recipes = {arm.name: arm_recipe(arm, "default", ()).network for arm in NETWORKS_STUDY.arms}
    assert {recipe.name for recipe in recipes.values()} == set(NETWORKS)
    having = {name for name, recipe in NETWORKS.items() if "mga" in recipe.model_fields}
    assert {name.removeprefix("m-") for name in recipes if name.startswith("m-")} == having
    assert [(recipes[name].mga, recipes[f"m-{name}"].mga) for name in having] == [(False, True)] * len(having)


def test_thetas_are_in_order_and_compared_with_none():
    assert [(arm.name, arm.value) for arm in THETA_STUDY.arms] == [("theta-0", 0), ("theta-0.5", 0.5), ("theta-1", 1)]
    recipes = [arm_recipe(arm, "default", ["network.width=4"]).network for arm in THETA_STUDY.arms]
    assert [(recipe.mga, recipe.theta, recipe.width) for recipe in recipes] == [(True, t, 4) for t in (0, 0.5, 1)]
    assert theta_design("hrnet", (0.5, 1.0)).pairs == ()
    assert arm_recipe(theta_design("lite-unet", (0.3,)).arms[0], "default", ()).network.theta == 0.3


@pytest.mark.parametrize(
    ("network", "thetas", "message"),
    [
        ("half-unet", (0.5,), "--network half-unet has no theta; give one of hrnet"),
        ("w-net", (0.5,), "--network w-net has no theta"),
        ("hrnet", (0.5, 1.2), "must be numbers from 0 to 1, got 0.5, 1.2"),
        ("hrnet", (0.5, float("nan")), "must be numbers from 0 to 1"),
        ("hrnet", (), "must be numbers from 0 to 1"),
        ("hrnet", (0.5, 0.5), "given twice"),
    ],
)
def test_thetas_that_make_no_sense(network, thetas, message):
    with pytest.raises(InvalidInputError, match=message):
        theta_design(network, thetas)


def test_any_recipes_are_compared_with_the_first():
    recipes = {arm.name: arm_recipe(arm, "default", ["target.class_radius_px=3"]) for arm in RECIPES_STUDY.arms}
    assert list(recipes) == ["plain", "blob", "wide"]
    assert (recipes["blob"].target.map, recipes["blob"].target.settings) == ("gaussian", {"sigma_px": 3.5})
    assert (recipes["wide"].network.widths, recipes["wide"].turns) == ((8, 16, 32), 4)
    assert {recipe.target.class_radius_px for recipe in recipes.values()} == {3}
    assert [(pair.better, pair.other) for pair in RECIPES_STUDY.pairs] == [("blob", "plain"), ("wide", "plain")]
    assert RECIPES_STUDY.facts[0] == "Arm plain: the recipe as given."
    assert RECIPES_STUDY.facts[2] == "Arm wide: `network.widths=[8,16,32]`, `turns=4`."
    with pytest.raises(InvalidInputError, match="changes what the arms of the study differ in"):
        arm_recipe(RECIPES_STUDY.arms[2], "default", ["turns=1"])


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ([], "compares two or more, got 0; give --arm twice or more"),
        (["a"], "compares two or more, got 1"),
        (["a", "A=turns=2"], "the arm 'A' is given twice in --arm"),
        (["a", "=turns=2"], "begins with no name"),
        (["a", "../b=turns=2"], r"begins with no name; .*: write NAME=a\.b=value"),
        (["a", "turns=2"], r"--arm 'turns=2': '2' is no change of a recipe; write NAME=a\.b=value"),
        (["a", "b=mpp=0.5"], "changes the scale.*give --set mpp=0.5 for all"),
    ],
)
def test_arms_that_make_no_sense(arms, message):
    with pytest.raises(InvalidInputError, match=message):
        recipes_design(arms)


@pytest.mark.parametrize("change", ["target.map=idt", "target.settings.slope=3", "target={map: idt}"])
def test_what_arms_differ_in_cannot_be_set(change):
    with pytest.raises(InvalidInputError, match="changes what the arms of the study differ in"):
        arm_recipe(MAPS_STUDY.arms[0], "default", [change])


def test_other_things_of_the_same_part_can_be_set():
    assert arm_recipe(MAPS_STUDY.arms[0], "default", ["target.class_radius_px=3"]).target.class_radius_px == 3


def test_arms_are_chosen_by_name_in_the_order_of_the_study():
    assert [arm.name for arm in MAPS_STUDY.chosen(["idt", "edt"])] == ["edt", "idt"]
    for names, message in ((["pdt"], "has no arm 'pdt'; it has edt, "), (["edt", "edt"], "is given twice")):
        with pytest.raises(InvalidInputError, match=message):
            MAPS_STUDY.chosen(names)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0, 5, 1), "--steps must be at least 1, got 0"),
        ((1, 1, 1), "--folds must be at least 2, got 1"),
        ((1, 3, 4), "--use-folds must be 1 to the 3 of --folds, got 4"),
        ((1, 3, 0), "--use-folds must be 1 to the 3"),
    ],
)
def test_budgets_that_make_no_sense(numbers, message):
    with pytest.raises(InvalidInputError, match=message):
        StudyBudget(*numbers)


@pytest.mark.parametrize(("seeds", "message"), [((), "one or more"), ((-1,), "'-1'"), ((0, 1, 0), "given twice")])
def test_seeds_that_make_no_sense(seeds, message):
    with pytest.raises(InvalidInputError, match=message):
        require_seeds(seeds)


def test_the_reach_is_that_of_the_median_image():
    # farthest pixel from a cell in a corner: 9 px off in both directions; from one in the middle column, less
    corner = Cells([[0.5, 0.5]], classes=(), shape=(10, 10), mpp=0.5)
    line = Cells([[x + 0.5, 0.5] for x in range(10)], classes=(), shape=(4, 10), mpp=0.5)
    assert typical_reach_px([corner], None) == round(9 * np.sqrt(2))
    assert typical_reach_px([corner, line, line], None) == 3
    assert typical_reach_px([corner], 0.25) == round(18 * np.sqrt(2))
    with pytest.raises(InvalidInputError, match="have no cells"):
        typical_reach_px([Cells.empty(classes=(), shape=(9, 9))], None)


def test_the_scale_is_the_recipes_or_that_of_the_median_image():
    images = [Cells.empty(classes=(), shape=(9, 9), mpp=mpp) for mpp in (0.25, 0.5, 0.5)]
    recipe = arm_recipe(MAPS_STUDY.arms[0], "default", ())
    assert working_scale(recipe, images) == 0.5
    assert working_scale(recipe, [Cells.empty(classes=(), shape=(9, 9))]) is None
    assert working_scale(arm_recipe(MAPS_STUDY.arms[0], "default", ["mpp=0.4"]), images) == 0.4
