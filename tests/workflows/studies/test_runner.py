"""A study is looked at, gone on with, or begun anew; what its trials need is read where one is run, and only there."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cellweave.core import InvalidInputError, OutputError
from cellweave.workflows.studies.design import Arm, Design
from cellweave.workflows.studies.folder import STUDY, Trial
from cellweave.workflows.studies.options import LayoutStudyOptions, StudyOptions
from cellweave.workflows.studies.runner import missing_trials, run_or_look


@dataclass
class Squares:
    """A study whose trials square their seeds, and which notes what is done, in order."""

    options: StudyOptions
    identity: dict[str, Any] = field(default_factory=lambda: {"name": "squares", "recipe": 1})
    done: list[object] = field(default_factory=list)
    design = Design("squares", "Squares", (Arm("one", "One"),), ())
    recipe_type = None

    def prepare(self) -> None:
        self.done.append("prepared")

    def trials(self, seeds):
        return [Trial("one", seed, {}, lambda _, seed=seed: self.square(seed)) for seed in seeds]

    def square(self, seed):
        self.done.append(seed)
        return {"square": seed * seed}


def squares(tmp_path: Path, *, seeds=(0, 3), overwrite=False, **identity):
    study = Squares(StudyOptions(data="none", out=tmp_path / "out", seeds=seeds, overwrite=overwrite))
    study.identity |= identity
    return study


def test_what_trials_need_is_read_only_where_one_is_run(tmp_path):
    first, again, more, anew = (squares(tmp_path, seeds=seeds) for seeds in ((0, 3), (3, 0), (3, 4), (3,)))
    assert [trial.seed for trial in missing_trials(first)] == [0, 3]
    assert not (tmp_path / "out").exists()
    folder, outcome = run_or_look(first)
    assert (first.done, outcome.finished) == (["prepared", 0, 3], 2)
    assert folder.results() == {"one": {0: {"square": 0}, 3: {"square": 9}}}
    assert run_or_look(again)[1] == outcome
    assert again.done == []
    assert [trial.seed for trial in missing_trials(more)] == [4]
    run_or_look(more)
    assert more.done == ["prepared", 4]
    anew.options = StudyOptions(data="none", out=tmp_path / "out", seeds=(3,), overwrite=True)
    assert run_or_look(anew)[0].results() == {"one": {3: {"square": 9}}}
    assert anew.done == ["prepared", 3]


def test_a_look_runs_and_writes_nothing(tmp_path):
    study = squares(tmp_path)
    assert run_or_look(study, only_tables=True)[1].missing == ("one, seed 0", "one, seed 3")
    assert study.done == []
    assert not (tmp_path / "out").exists()


def test_only_a_look_may_differ_from_the_study_begun(tmp_path):
    run_or_look(squares(tmp_path, seeds=(0,)))
    other = squares(tmp_path, recipe=2)
    for options in ({}, {"only_tables": True}, {"may_differ": ["recipe"]}):
        with pytest.raises(OutputError, match=r"holds a study with other settings \(recipe\)"):
            run_or_look(other, **options)
    with pytest.raises(OutputError, match=r"holds a study with other settings \(recipe\)"):
        missing_trials(other)
    assert other.done == []
    folder, outcome = run_or_look(other, only_tables=True, may_differ=["recipe"])
    assert folder.identity["recipe"] == 1
    assert outcome.missing == ("one, seed 3",)
    assert json.loads((tmp_path / "out" / STUDY).read_text())["study"]["recipe"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": (0, 0)}, "a seed is given twice"),
        ({"steps": 0}, "--steps must be at least 1, got 0"),
        ({"use_folds": 3}, "--use-folds must be 1 to the 2 of --folds, got 3"),
    ],
)
def test_options_are_checked_when_they_are_made(options, message):
    with pytest.raises(InvalidInputError, match=message):
        LayoutStudyOptions(**{"data": "none", "out": "none", "steps": 1} | options)
