"""The project's own papers agree with one another: pins, README, citation, licence, layers."""

import re
import shlex
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import typer
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import cellweave
from cellweave.cli.main import app

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REQUIREMENTS = [
    Requirement(line)
    for lines in (PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values())
    for line in lines
]


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def commands_in(text):
    """Return the words after ``cellweave`` of every command line in the fenced blocks of a Markdown text."""
    blocks = re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [words[1:] for words in lines if words and words[0] == "cellweave"]


def unknown_words(words):
    """Return the words of a command line that the command line does not know."""
    command, words = typer.main.get_command(app), list(words)
    while words and hasattr(command, "commands"):
        name = words.pop(0)
        if name not in command.commands:
            return [name]
        command = command.commands[name]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return [word for word in words if word.startswith("-") and word not in options]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_constraints_pin_every_dependency(requirement):
    version = pins().get(canonicalize_name(requirement.name))
    assert version is not None, f"constraints.txt pins no {requirement.name}"
    assert requirement.specifier.contains(version)


def test_constraints_hold_public_versions_only():
    assert {name: version for name, version in pins().items() if Version(version).local} == {}


def test_torch_is_the_tested_one():
    assert pins()["torch"] == "2.13.0"


README_COMMANDS = commands_in((ROOT / "README.md").read_text())


def test_readme_shows_commands():
    assert len(README_COMMANDS) >= 5


@pytest.mark.parametrize("words", README_COMMANDS, ids=" ".join)
def test_readme_commands_exist(words):
    assert unknown_words(words) == []


def test_readme_lists_every_command():
    listed = re.findall(r"^\| `cellweave (\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(typer.main.get_command(app).commands)


def test_unknown_words_are_found():
    assert unknown_words(["weave"]) == ["weave"]
    assert unknown_words(["doctor", "--loud", "--json"]) == ["--loud"]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text())
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == cellweave.__version__ == metadata.version("cellweave")


def test_one_licence():
    text = (ROOT / "LICENSE").read_text()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["project"]["license"] == citation["license"] == "Apache-2.0"


def test_contributing_names_every_layer():
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = {room for line in layers for room in line.split(" | ")}
    table = "\n".join(re.findall(r"^\| (`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", table)) == rooms


def test_ci_runs_what_developers_run():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111, ".ci/run is not executable"
    assert "make test" in script.read_text()
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["jobs"]["test"]["steps"][-1]["run"] == ".ci/run"
