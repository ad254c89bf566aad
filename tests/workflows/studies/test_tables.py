"""The tables of a study: what they hold, how they read, and what is said of arms that failed."""

import re

import pytest

from cellweave.core import OutputError
from cellweave.workflows.studies.design import Arm, Design, Pair
from cellweave.workflows.studies.drawing import draw_study
from cellweave.workflows.studies.markdown import claim_rows, markdown, overview_columns, overview_rows
from cellweave.workflows.studies.tables import make_tables

GROUPS = ("p", "q", "r")
GOOD, BAD = [(9, 1, 1)] * 3, [(5, 5, 5)] * 3
DESIGN = Design(
    "test",
    "Good or bad",
    tuple(Arm(name, name.upper()) for name in ("good", "bad", "ugly")),
    (Pair("good", "bad"),),
)


@pytest.fixture
def results(make_result):
    good = {seed: make_result(GOOD, GROUPS, title="GOOD") for seed in (0, 1)}
    bad = {seed: make_result(BAD, GROUPS, title="BAD", parameters=2_000_000) for seed in (0, 1)}
    return {"good": good, "bad": bad}


def failed(make_result):
    whole = make_result(GOOD, GROUPS, title="UGLY")
    kept = ("title", "value", "parameters", "hardware", "threads")
    return {name: whole[name] for name in kept} | {"failed": "the loss is not finite at step 3"}


def test_scores_and_costs(results):
    tables = make_tables(DESIGN, [6.0], results)
    row = tables.row("good", decoder="peaks", protocol="greedy", radius_px=6.0, measure="f1")
    assert (row["mean"], row["sd"], row["low"], row["high"], row["seeds"]) == pytest.approx((0.9, 0, 0.9, 0.9, 2))
    assert tables.row("ugly", decoder="peaks", protocol="greedy", radius_px=6.0, measure="f1") is None
    cost = tables.arms.set_index("arm").loc["good"]
    assert (cost["seconds_per_step"], cost["megapixels_per_second"], cost["seeds"]) == (0.5, 3.0, "0,1")
    assert (tables.images, tables.groups, tables.labels) == (3, 3, ("all", "tumor"))


def test_differences_and_their_verdicts(results):
    tables = make_tables(DESIGN, [6.0], results)
    one = tables.differences.set_index(["decoder", "protocol", "measure"]).loc[("ccls", "matching", "f1")]
    assert (one["better"], one["other"], one["verdict"]) == ("good", "bad", "holds")
    assert one["mean"] == pytest.approx(0.4)


def test_fewer_count_errors_are_better(make_result):
    # the counts of the first are exact, those of the second 2 too many in every image
    exact, many = [(6, 2, 2)] * 3, [(6, 4, 2)] * 3
    results = {"good": {0: make_result(exact, GROUPS)}, "bad": {0: make_result(many, GROUPS)}}
    table = make_tables(DESIGN, [6.0], results).differences.set_index(["decoder", "protocol", "measure"])
    one = table.loc[("ccls", "matching", "mae")]
    assert (one["mean"], one["verdict"]) == (-2, "holds")


def test_the_overview_names_costs_where_they_differ(results, make_result):
    tables = make_tables(DESIGN, [6.0], results)
    assert overview_columns(DESIGN, tables) == (
        "arm",
        "seeds",
        "parameters",
        "MP/s a core",
        "s a step",
        "ccls",
        "lmds",
        "peaks",
    )
    rows = overview_rows(DESIGN, tables, radius_px=6.0, protocol="matching")
    score = "0.900 ± 0.000 [0.900, 0.900]"
    assert rows[0] == ("GOOD", "0,1", "1.00 M", "5.00", "0.500", score, score, score)
    alone = make_tables(DESIGN, [6.0], {"good": results["good"]})
    assert overview_columns(DESIGN, alone) == ("arm", "seeds", "ccls", "lmds", "peaks")


def test_claims_in_words(results):
    rows = claim_rows(make_tables(DESIGN, [6.0], results), protocol="greedy", radii_px=[6.0], decoders=["ccls"])
    assert rows[0] == (
        "GOOD better than BAD",
        "ccls",
        "6 px",
        "F1",
        "+0.400 ± 0.000 [+0.400, +0.400]",
        "holds",
    )
    assert [row[3] for row in rows] == ["F1", "mean class F1", "MAE"]


def test_every_class_has_its_rates(make_result):
    results = {"good": {0: make_result([(2, 4, 3), (1, 1, 0), (0, 0, 0)], GROUPS, title="GOOD")}}
    tables = make_tables(DESIGN, [6.0], results)
    row = tables.row("good", decoder="peaks", protocol="greedy", radius_px=6.0, measure="recall:tumor")
    assert row["mean"] == 0.5
    text = markdown(DESIGN, tables, about=[], radii_px=[6.0], radius_px=6.0, protocol="matching")
    section = text.split("## Classes, read by `peaks`, within 6 px")[1]
    assert "| arm | class | F1 | precision | recall |" in section
    assert re.search(r"^\| GOOD \| tumor \| 0\.429 .*\| 0\.375 .*\| 0\.500 .*\|$", section, re.MULTILINE)


def test_an_arm_that_failed_is_said(results, make_result):
    tables = make_tables(DESIGN, [6.0], {**results, "ugly": {0: failed(make_result)}})
    text = markdown(DESIGN, tables, about=["a fact"], radii_px=[6.0], radius_px=6.0, protocol="matching")
    assert "- ugly: seed 0: the loss is not finite at step 3" in text
    assert re.search(r"^\| UGLY \| 0 \|.*\| – \| – \| – \|$", text, re.MULTILINE)
    widths = {line.count("|") for line in text.split("## Claims")[0].splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_all_arms_failed(make_result, tmp_path):
    tables = make_tables(DESIGN, [6.0], {"ugly": {0: failed(make_result)}})
    text = markdown(DESIGN, tables, about=[], radii_px=[6.0], radius_px=6.0, protocol="matching")
    assert "not finite" in text
    assert draw_study(DESIGN, tables, tmp_path, protocol="matching", radius_px=6.0) == ()


def test_figures_of_arms_pairs_and_speeds(results, tmp_path):
    made = draw_study(DESIGN, make_tables(DESIGN, [6.0], results), tmp_path, protocol="matching", radius_px=6.0)
    assert [path.name for path in made] == ["f1.png", "differences.png", "speed.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in made)


def test_a_study_of_one_decoder_shows_its_measures(results, tmp_path):
    design = Design(
        "test", "Good or bad", DESIGN.arms, DESIGN.pairs, decoders=("peaks",), measures=("f1", "mean_class_f1")
    )
    good = {seed: one | {"parameters": 2_000_000} for seed, one in results["good"].items()}
    tables = make_tables(design, [6.0], {**results, "good": good})
    assert overview_columns(design, tables) == ("arm", "seeds", "F1", "mean class F1")
    score = "0.900 ± 0.000 [0.900, 0.900]"
    assert overview_rows(design, tables, radius_px=6.0, protocol="greedy")[0] == ("GOOD", "0,1", score, score)
    text = markdown(design, tables, about=[], radii_px=[6.0], radius_px=6.0, protocol="greedy")
    heading = "## F1 of all cells and mean F1 of the classes within 6 px, read by `peaks`, protocol greedy"
    assert heading in text.splitlines()
    assert "| ccls |" not in text
    assert "Read by `lmds`" not in text
    made = draw_study(design, tables, tmp_path, protocol="matching", radius_px=6.0)
    assert [path.stem for path in made] == ["f1", "differences", "mean_class_f1", "mean_class_f1_differences"]
    assert set(tables.scores["decoder"]) == {"ccls", "lmds", "peaks"}


def test_results_of_different_images_are_refused(results, make_result):
    results["good"][1] = make_result(GOOD, ("p", "q", "s"), title="GOOD")
    with pytest.raises(OutputError, match="seed 1 of arm good was scored on other images"):
        make_tables(DESIGN, [6.0], results)


def test_a_damaged_result_is_refused(results):
    del results["good"][1]["counts"]["lmds"]
    with pytest.raises(OutputError, match="a result of arm good is damaged"):
        make_tables(DESIGN, [6.0], results)
