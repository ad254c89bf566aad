"""What a demonstration remembers: finished parts, their times, and what they belong to."""

import json

import pytest

from cellweave.core import InvalidInputError, OutputError
from cellweave.workflows.demo_plan import DemoPlan
from cellweave.workflows.demo_record import DemoRecord


def test_nothing_is_written_before_a_part_ends(tmp_path):
    record = DemoRecord(tmp_path / "out", {"seed": 0})
    assert not record.done("data")
    assert not (tmp_path / "out").exists()


def test_a_finished_part_keeps_its_first_time(tmp_path):
    with DemoRecord(tmp_path, {"seed": 0}).part("data"):
        pass
    again = DemoRecord(tmp_path, {"seed": 0})
    assert again.done("data")
    first = again.parts["data"]
    with again.part("data"):
        assert sum(range(100_000)) > 0
    assert DemoRecord(tmp_path, {"seed": 0}).parts["data"] == first
    assert again.seconds == first.seconds


def test_an_interrupted_part_adds_up(tmp_path):
    with pytest.raises(KeyboardInterrupt), DemoRecord(tmp_path, {"seed": 0}).part("data"):
        raise KeyboardInterrupt
    record = DemoRecord(tmp_path, {"seed": 0})
    assert not record.done("data")
    spent = record.parts["data"].seconds
    assert spent > 0
    with record.part("data"):
        pass
    assert record.parts["data"].done
    assert record.parts["data"].seconds > spent


def test_a_failed_part_leaves_nothing(tmp_path):
    with pytest.raises(InvalidInputError), DemoRecord(tmp_path, {"seed": 0}).part("data"):
        raise InvalidInputError("no")
    assert list(tmp_path.iterdir()) == []


def test_another_demonstration_is_told_apart_or_begun_anew(tmp_path):
    with DemoRecord(tmp_path, {"seed": 0, "minutes": 8}).part("data"):
        pass
    with pytest.raises(OutputError, match="with another seed and minutes; give the same settings to go on with it"):
        DemoRecord(tmp_path, {"seed": 1, "minutes": 9})
    assert not DemoRecord(tmp_path, {"seed": 1, "minutes": 9}, overwrite=True).done("data")


@pytest.mark.parametrize("content", ["", "[]", '{"demo": {}, "parts": {"data": {}}}', json.dumps({"demo": 1})])
def test_a_damaged_record_is_told(tmp_path, content):
    (tmp_path / "demo.json").write_text(content)
    with pytest.raises(OutputError, match=r"demo.json is damaged .*; pass --overwrite to begin anew"):
        DemoRecord(tmp_path, {"seed": 0})


def test_the_plan_leaves_time_for_more_than_training():
    plan = DemoPlan()
    budgets = plan.budgets(8.0)
    planned = budgets["layouts"].minutes + budgets["images"].minutes + 2 * budgets["locator"].minutes
    assert 0.5 * 8 < planned < 0.85 * 8
    assert {part: one.least_steps for part, one in budgets.items()} == {"layouts": 80, "images": 240, "locator": 64}
    assert plan.budgets(0.01)["locator"].least_steps == 1
    with pytest.raises(InvalidInputError, match=r"together below 1, got 0.5, 0.3 and twice 0.15"):
        DemoPlan(layouts=0.5)
