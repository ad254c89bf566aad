"""The kinds, options and formats of ``cellweave data``: the same in the command line, the code and its page."""

import inspect
import re
from pathlib import Path

import pytest

from cellweave.cli.data import Format, Kind, Level
from cellweave.data.readers import READERS
from cellweave.data.readers.nucls_boxes import CLASSES
from cellweave.workflows.export import ENDINGS

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
IMPORTS = re.findall(r"^cellweave data import (\S+) (.*)$", PAGE, re.MULTILINE)


def rows_of(section: str) -> dict[str, str]:
    """Return the first cell of every row of a section's table, without backticks, and the rest of the row."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", text, re.MULTILINE))


def options_of(kind: str) -> set[str]:
    names = [name for name in inspect.signature(READERS[kind]).parameters if name != "source"]
    return {f"--{name.replace('_', '-')}" for name in names}


def test_the_command_line_knows_every_reader_and_format() -> None:
    assert {kind.value for kind in Kind} == set(READERS)
    assert {one.value for one in Format} == set(ENDINGS)
    assert {one.value for one in Level} == set(CLASSES)


def test_the_page_has_every_kind_and_format() -> None:
    assert list(rows_of("Kinds")) == list(READERS)
    assert [kind for kind, _ in IMPORTS] == list(READERS)
    assert set(rows_of("Out")) == set(ENDINGS)


def test_the_page_gives_every_option_to_the_kinds_that_take_it() -> None:
    rows = rows_of("Options of some kinds")
    told = {option: set(re.findall(r"`([^`]+)`", row.split(" | ")[0])) for option, row in rows.items()}
    taken = {option: {kind for kind in READERS if option in options_of(kind)} for option in told}
    assert told == taken
    assert set(told) == set().union(*(options_of(kind) for kind in READERS))


@pytest.mark.parametrize(("kind", "words"), IMPORTS, ids=[kind for kind, _ in IMPORTS])
def test_the_examples_of_the_page_use_options_of_their_kind(kind: str, words: str) -> None:
    assert set(re.findall(r"--[a-z-]+", words)) <= options_of(kind)
