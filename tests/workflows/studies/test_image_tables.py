"""The tables of studies of image models, from results made by hand."""

import math
import re

import pytest

from cellweave.core import OutputError
from cellweave.workflows.studies.design import Arm, Design, Pair
from cellweave.workflows.studies.image_markdown import claim_rows, image_markdown, score_columns, score_rows
from cellweave.workflows.studies.image_measures import MEASURES, RESAMPLES
from cellweave.workflows.studies.image_tables import make_image_tables, reference_of
from cellweave.workflows.studies.image_values import image_values

DESIGN = Design(
    "samplers",
    "Good or bad",
    tuple(Arm(name, name.upper()) for name in ("good", "bad", "ugly")),
    (Pair("good", "bad"),),
)


def fold(value, *, seconds=1.0, width=0.0, reduce=1, floor=1.0, held_out=("a 0 0", "a 0 64")):
    """Return a fold whose measures all have one value, with resamples spread evenly over ``width`` around it."""
    samples = [value + width * (i / (RESAMPLES - 1) - 0.5) for i in range(RESAMPLES)]
    values = dict.fromkeys(MEASURES, value) | {"FID": None}
    return {
        "fold": 1,
        "reduce": reduce,
        "held_out": list(held_out),
        "seconds_per_image": seconds,
        "values": values,
        "samples": dict.fromkeys(MEASURES, samples) | {"FID": [None] * RESAMPLES},
        "references": {"real": {"IS": 2.0}, "learnt": {"KID": floor, "FID": None}, "dots": {"KID": 9.0, "FID": None}},
        "patches": 2,
        "tiles": 8,
        "features": 64,
        "units": 2,
    }


def result(*folds, title="an arm", failed=None):
    about = {"title": title, "value": None, "hardware": "a machine", "threads": 1, "failed": failed}
    return about if failed else {**about, "folds": list(folds)}


@pytest.fixture
def tables():
    good = {seed: result(fold(2.0 + seed, width=1.0), title="GOOD") for seed in (0, 1)}
    bad = {seed: result(fold(4.0 + seed, width=1.0, seconds=5.0), title="BAD") for seed in (0, 1)}
    ugly = {0: result(title="UGLY", failed="the loss is not finite at step 3")}
    return make_image_tables(DESIGN, {"good": good, "bad": bad, "ugly": ugly})


def test_values_are_means_over_folds():
    values = image_values("arm", {0: result(fold(2.0), fold(4.0, seconds=3.0))})
    assert values.values[0, values.quantities.index("KID")] == 3
    assert values.values[0, values.quantities.index("s an image")] == 2
    assert math.isnan(values.values[0, values.quantities.index("FID")])


def test_scores_and_differences(tables):
    row = tables.row("good", "KID")
    assert (row["mean"], row["seeds"]) == (2.5, 2)
    assert row["sd"] == pytest.approx(math.sqrt(0.5))
    assert row["low"] < 2.1 < 2.9 < row["high"]
    assert math.isnan(tables.row("good", "s an image")["low"])
    assert tables.row("ugly", "KID") is None
    by_measure = tables.differences.set_index("measure")
    # resamples of both arms are drawn in pairs, so that what they share falls out of the difference
    assert by_measure.loc["KID", ["mean", "low", "high"]].tolist() == pytest.approx([-2, -2, -2])
    assert by_measure["verdict"].to_dict() == {
        "KID": "holds",
        "FID": "–",
        "IS": "does not hold",
        "F1": "does not hold",
        "mean class F1": "does not hold",
        "KID position": "holds",
        "FID position": "holds",
        "s an image": "–",
    }
    assert reference_of(tables, "learnt", "KID", ["good", "bad"]) == 1
    assert math.isnan(reference_of(tables, "learnt", "FID", ["good"]))
    assert math.isnan(reference_of(tables, "real", "KID", ["good"]))


def test_in_words(tables):
    assert score_columns(tables)[:4] == ("arm", "seeds", "KID", "IS")
    good, bad, ugly, real, learnt, dots = score_rows(tables)
    assert good[:2] == ("GOOD", "0,1")
    assert good[2].startswith("2.5000 ± 0.7071 [")
    assert bad[-1] == "5.00 ± 0.00"
    assert ugly[2] == "–"
    assert (real[0], real[3]) == ("the real patches themselves", "2.000")
    assert (learnt[2], dots[2]) == ("1.0000", "9.0000")
    assert claim_rows(tables, ["KID"]) == [
        ("GOOD better than BAD", "KID", "−2.0000 ± 0.0000 [−2.0000, −2.0000]", "holds")
    ]
    text = image_markdown(DESIGN, tables, about=["A fact."], encoder="encoder of a test", fidelity="F1 of a test.")
    assert "- F1 of a test." in text
    assert "interval, for which 2 groups (patients, slides or regions; an image without one is its own)" in text
    assert "No interval" not in text
    assert "The first arm minus the second, on the same seeds and groups." in text
    assert "- A fact." in text
    assert "features by the encoder of a test" in text
    assert "No FID: 8 squares do not fix the covariance of 64 features." in text
    assert "- ugly: seed 0: the loss is not finite at step 3" in text
    widths = [{line.count("|") for line in block.splitlines()} for block in re.findall(r"(?:^\|.*\n)+", text, re.M)]
    assert all(len(one) == 1 for one in widths)


def test_measures_without_an_interval_are_named():
    bare = fold(2.0, width=1.0)
    bare["samples"] = bare["samples"] | dict.fromkeys(["KID", "FID position"], [None] * RESAMPLES)
    tables = make_image_tables(DESIGN, {"good": {0: result(bare, title="GOOD")}})
    assert tables.without_interval() == ["KID", "FID position"]
    text = image_markdown(DESIGN, tables, about=[], encoder="encoder of a test")
    assert "- No interval of KID, FID position: of 2 groups, too many draws hold a single one, or too few" in text
    assert "F1 of" not in text


def test_distances_of_images_of_different_scales_are_not_subtracted():
    good = {0: result(fold(2.0, width=1.0), title="GOOD")}
    bad = {0: result(fold(4.0, reduce=2, floor=3.0, width=1.0), title="BAD")}
    tables = make_image_tables(DESIGN, {"good": good, "bad": bad})
    assert not tables.alike
    assert [row[1] for row in claim_rows(tables)] == [
        "F1",
        "mean class F1",
        "KID position",
        "FID position",
        "s an image",
    ]
    names = [row[0] for row in score_rows(tables)]
    assert "other real patches, GOOD" in names
    assert "other real patches, BAD" in names


def test_damaged_results_are_named():
    broken = result(fold(3.0))
    del broken["folds"][0]["samples"]["KID"]
    with pytest.raises(OutputError, match="a result of arm good is damaged"):
        make_image_tables(DESIGN, {"good": {0: broken}})
    other = {0: result(fold(1.0)), 1: result(fold(1.0, held_out=("b 0 0",)))}
    with pytest.raises(OutputError, match="the seeds of arm good were compared with different images"):
        make_image_tables(DESIGN, {"good": other})
