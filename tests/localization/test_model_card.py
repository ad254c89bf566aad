"""The card of a localiser says what its files say, and that of the shipped one can be written again from them."""

import json
from pathlib import Path

import pytest

from cellweave.localization import LocatorRecipe
from cellweave.localization.model_card import locator_card
from cellweave.localization.training import logged_seconds
from cellweave.training import Budget, load_recipe
from cellweave.training.model_folder import list_shipped_models
from cellweave.workflows.training_command import locator_command
from cellweave.workflows.validation_card import with_validation

NAME = "locator-brca-m2c"


class Named:
    """A data set of which only the name matters."""

    def __init__(self, name):
        self.name = name


@pytest.fixture(scope="module")
def shipped():
    folder = list_shipped_models()[NAME]
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in ("config", "metrics", "validation")}


def test_the_shipped_card_is_written_from_the_files_beside_it(shipped):
    sources = [shipped["validation"]["data"]["source"]]
    card = with_validation(locator_card(shipped["config"], shipped["metrics"], sources=sources), shipped["validation"])
    assert (list_shipped_models()[NAME] / "README.md").read_text() == card


def test_config_and_metrics_of_the_shipped_model_agree(shipped):
    own = {name: value for name, value in shipped["config"]["training"].items() if name not in ("data", "seed")}
    assert own == shipped["metrics"]["training"]


def test_the_shipped_recipe_is_the_one_that_its_command_names(shipped):
    training = shipped["config"]["training"]
    assert training["command"] == locator_command([Named("BRCA-M2C")], budget=Budget(training["steps"], None))
    recipe = load_recipe(LocatorRecipe, "locator", "default")
    assert shipped["config"]["recipe"] == recipe.model_dump(mode="json")


def test_time_and_command_are_told_where_they_are_known(shipped):
    metrics = json.loads(json.dumps(shipped["metrics"]))
    metrics["training"] |= {"seconds": 90.0, "command": "cellweave train locator --data 'A b'"}
    text = " ".join(locator_card(shipped["config"], metrics, sources=["here"]).split())
    assert "seed 0, 90 s (2 minutes) with folds and calibration, AMD EPYC" in text
    assert "`cellweave train locator --data 'A b'`" in text
    del metrics["training"]["seconds"], metrics["training"]["command"]
    text = " ".join(locator_card(shipped["config"], metrics, sources=["here"]).split())
    assert "seed 0, AMD EPYC" in text
    assert "Command" not in text


def test_a_command_names_data_and_recipes_not_places(tmp_path):
    command = locator_command(
        [Named("set one"), Named("two")],
        synthetic=[Named("made")],
        synthetic_share=0.25,
        budget=Budget(None, 1.5),
        recipe=str(tmp_path / "own.yaml"),
        changes=["network.widths=[4, 8]"],
        seed=3,
    )
    assert command == (
        "cellweave train locator --data 'set one' --data two --synthetic made --synthetic-share 0.25 --out MODEL "
        "--minutes 1.5 --recipe own.yaml --set 'network.widths=[4, 8]' --seed 3"
    )


def test_time_of_earlier_starts_is_that_of_their_steps(tmp_path):
    for part, text in (("fold-1", "step,seconds_per_step\n10,0.5\n20,0.25\n25,1\n"), ("final", ""), ("x", None)):
        (tmp_path / part).mkdir()
        if text is not None:
            Path(tmp_path / part / "log.csv").write_text(text)
    assert logged_seconds(tmp_path) == 10 * 0.5 + 10 * 0.25 + 5
    assert logged_seconds(tmp_path / "x") == 0
