"""Trials are run once, kept whole, taken over by the same study alone, and shared between processes."""

import json

import pytest

from cellweave.core import InvalidInputError, OutputError
from cellweave.workflows.studies.folder import StudyFolder, Trial
from cellweave.workflows.studies.runner import look, look_by_name, run_trials

IDENTITY = {"name": "maps", "steps": 3}


class Work:
    """Work that counts its calls, and may fail."""

    def __init__(self, value, *, fails=False):
        self.value, self.fails, self.folders = value, fails, []

    def __call__(self, folder):
        self.folders.append(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "checkpoint").touch()
        if self.fails:
            raise KeyboardInterrupt
        return {"value": self.value}


def study(tmp_path, identity=IDENTITY):
    folder = StudyFolder(tmp_path / "out", identity)
    folder.start()
    return folder


def trials(*works, arm="edt"):
    return [Trial(arm, seed, {"recipe": 1}, work) for seed, work in enumerate(works)]


def test_every_trial_is_run_once(tmp_path):
    works = Work("a"), Work("b")
    outcome = run_trials(study(tmp_path), trials(*works))
    assert (outcome.finished, outcome.elsewhere) == (2, ())
    assert run_trials(study(tmp_path), trials(*works)).finished == 2
    assert [len(work.folders) for work in works] == [1, 1]
    assert study(tmp_path).results() == {"edt": {0: {"value": "a"}, 1: {"value": "b"}}}
    assert not works[0].folders[0].exists()


def test_a_stopped_trial_goes_on_in_its_folder(tmp_path):
    first, stopped = Work("a"), Work("b", fails=True)
    with pytest.raises(KeyboardInterrupt):
        run_trials(study(tmp_path), trials(first, stopped))
    assert (stopped.folders[0] / "checkpoint").exists()
    stopped.fails = False
    assert look(study(tmp_path), trials(first, stopped)).missing == ("edt, seed 1",)
    run_trials(study(tmp_path), trials(first, stopped))
    assert len(first.folders) == 1
    assert stopped.folders[0] == stopped.folders[1]
    assert look(study(tmp_path), trials(first, stopped)).finished == 2


def test_a_trial_of_another_process_is_left_to_it(tmp_path):
    works = Work("a"), Work("b")
    folder, both = study(tmp_path), trials(*works)
    with folder.lock(both[0]) as held:
        assert held
        outcome = run_trials(study(tmp_path), both)
        assert (outcome.finished, outcome.elsewhere) == (1, ("edt, seed 0",))
        with pytest.raises(OutputError, match="is being worked on by process"):
            study(tmp_path).start(overwrite=True)
    assert works[0].folders == []
    assert study(tmp_path).results() == {"edt": {1: {"value": "b"}}}


def test_another_study_is_refused_or_thrown_away(tmp_path):
    run_trials(study(tmp_path), trials(Work("a")))
    other = StudyFolder(tmp_path / "out", {**IDENTITY, "steps": 4})
    with pytest.raises(OutputError, match=r"holds a study with other settings \(steps\); give the same"):
        other.start()
    other.start(overwrite=True)
    assert other.results() == {}
    with pytest.raises(OutputError, match=r"other settings \(steps\)"):
        study(tmp_path)


def test_a_study_of_an_earlier_version_is_read_but_not_gone_on_with(tmp_path):
    run_trials(study(tmp_path), trials(Work("a")))
    now = StudyFolder(tmp_path / "out", {**IDENTITY, "class_reading": "chosen"})
    with pytest.raises(OutputError, match="a version of this program without class_reading began, and results of both"):
        now.start()
    begun = now.as_begun(may_differ=["class_reading"])
    assert begun.identity == IDENTITY
    assert begun.results() == {"edt": {0: {"value": "a"}}}
    assert look_by_name(begun, trials(Work("a"), Work("b"))).missing == ("edt, seed 1",)
    with pytest.raises(OutputError, match=r"holds a study with other settings \(class_reading\)"):
        now.as_begun(may_differ=["steps"])
    with pytest.raises(OutputError, match=r"holds a study with other settings \(name\)"):
        StudyFolder(tmp_path / "out", {**IDENTITY, "name": "theta"}).as_begun(may_differ=["steps"])


def test_an_arm_with_other_settings_is_refused(tmp_path):
    run_trials(study(tmp_path), trials(Work("a")))
    changed = Trial("edt", 0, {"recipe": 2}, Work("b"))
    with pytest.raises(OutputError, match=r"is of a trial with other settings \(recipe\); give the same settings"):
        run_trials(study(tmp_path), [changed])


def test_other_things_are_not_taken_for_a_study(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match="exists and holds no study"):
        StudyFolder(tmp_path / "full", IDENTITY)
    with pytest.raises(InvalidInputError, match="is a file"):
        StudyFolder(tmp_path / "full" / "thesis.txt", IDENTITY)


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"version": 1})])
def test_a_damaged_result_is_said(tmp_path, text):
    run_trials(study(tmp_path), trials(Work("a")))
    (tmp_path / "out" / "arms" / "edt" / "seed-0" / "result.json").write_text(text)
    with pytest.raises(OutputError, match=r"result\.json"):
        study(tmp_path).results()
    with pytest.raises(OutputError, match=r"result\.json"):
        study(tmp_path).result(trials(Work("a"))[0])
