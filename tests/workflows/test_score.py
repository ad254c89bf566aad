import json
from itertools import product

import pytest

from cellweave.core import Cells, DatasetError, InvalidInputError, Length, OutputError, TableError
from cellweave.data import DatasetWriter, read_image, write_cells_table
from cellweave.metrics import FrameRadius
from cellweave.workflows.score import score_cells_files

CLASSES = ("lymphocyte", "tumor")
FIVE = [Length(5)]


def grid(labels, *, classes=CLASSES):
    places = list(product((10, 30, 50), (10, 30, 50)))[: len(labels)]
    return Cells(places, labels, classes=classes, shape=(64, 60), mpp=0.5)


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "set"
    with DatasetWriter(root, name="set", classes=CLASSES, licence="CC0", source="a test") as writer:
        writer.add("one", grid([0, 1, 1]), split="validation", group="p1")
        writer.add("two.5", grid([1, -1]), split="validation", group="p2")
        writer.add("three", grid([]), split="validation", group="p2")
        writer.add("train", grid([0, 0]), split="training", group="p3")
    return root


def table(path, *rows, columns="image,x,y,label"):
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


def counts(scores):
    return {row.label: (row.tp, row.fp, row.fn) for row in scores.rows}


def test_predictions_against_a_split(tmp_path, dataset):
    found = {"one": grid([0, 1, 0]), "two.5": grid([1]), "three": grid([0])}
    write_cells_table(tmp_path / "pred" / "cells.parquet", found)
    scores = score_cells_files(dataset, tmp_path / "pred", split="validation", protocol="greedy", radii=FIVE)
    assert counts(scores) == {"all": (4, 1, 1), "lymphocyte": (1, 2, 0), "tumor": (2, 0, 1)}
    assert (scores.images, scores.groups, scores.notes) == (3, 2, ())
    assert (scores.protocol, scores.mae) == ("greedy", pytest.approx(2 / 3))


def test_the_data_set_scores_itself_in_full(dataset):
    scores = score_cells_files(dataset, dataset, radii=[Length(3, "um")])
    assert (scores.images, scores.rows[0].f1, scores.mean_class_f1) == (4, 1, {"3um": 1})
    assert scores.rows[0].radius_px == 6


def test_predictions_for_other_splits_are_left_out_and_counted(tmp_path, dataset):
    write_cells_table(tmp_path / "cells.csv", {"one": grid([0, 1, 1]), "train": grid([0, 0])})
    scores = score_cells_files(dataset, tmp_path, split="validation", radii=FIVE)
    assert counts(scores)["all"] == (3, 0, 2)
    assert scores.notes == ("2 predicted cells in 1 other images are left out.",)


def test_names_may_have_an_image_ending(tmp_path, dataset):
    path = table(tmp_path / "p.csv", "one.PNG,10,10,lymphocyte", "two.5,10,10,tumor")
    assert counts(score_cells_files(dataset, path, split="validation", radii=FIVE))["all"] == (2, 0, 3)
    twice = table(tmp_path / "twice.csv", "one.png,10,10,lymphocyte", "one,10,10,tumor")
    with pytest.raises(TableError, match=r"twice.csv names the images 'one.png' and 'one', which are both"):
        score_cells_files(dataset, twice, radii=FIVE)


def test_predictions_without_classes(tmp_path, dataset):
    path = table(tmp_path / "p.csv", "one,10,10", columns="image,x,y")
    scores = score_cells_files(dataset, path, split="validation", radii=FIVE)
    assert counts(scores) == {"all": (1, 0, 4)}
    assert scores.notes == (f"{path} has no classes: only all cells together are scored.",)


def test_no_predictions_at_all_miss_everything(tmp_path, dataset):
    scores = score_cells_files(dataset, table(tmp_path / "p.csv"), split="validation", radii=FIVE)
    assert counts(scores) == {"all": (0, 0, 5), "lymphocyte": (0, 0, 1), "tumor": (0, 0, 3)}
    assert scores.rows[0].precision is None


def test_two_tables(tmp_path):
    truth = table(tmp_path / "t.csv", "007,10,10,tumor", "007,30,10,stromal", "b.png,5,5,stromal")
    found = table(tmp_path / "p.csv", "007,13,14,tumor", "c,500,5,immune", "c,5,5,stromal")
    scores = score_cells_files(truth, found, protocol="matching", radii=[Length(5), Length(10)])
    assert counts(scores) == {"all": (1, 2, 2), "stromal": (0, 1, 2), "tumor": (1, 0, 0), "immune": (0, 1, 0)}
    assert (scores.images, scores.groups) == (3, 3)
    assert list(scores.mean_class_f1) == ["5", "10"]
    assert score_cells_files(truth, found, protocol="greedy", radii=FIVE).rows[0].tp == 0


def test_two_tables_with_classes_in_one_or_none(tmp_path):
    plain = table(tmp_path / "plain.csv", "a,1,1", columns="image,x,y")
    labelled = table(tmp_path / "labelled.csv", "a,1,1,t")
    for truth, found, notes in ((plain, labelled, 1), (labelled, plain, 1), (plain, plain, 0)):
        scores = score_cells_files(truth, found, radii=FIVE)
        assert counts(scores) == {"all": (1, 0, 0)}
        assert len(scores.notes) == notes


def test_two_tables_need_a_scale_for_micrometres(tmp_path):
    one = table(tmp_path / "a.csv", "a,1,1,t")
    assert score_cells_files(one, one, radii=[Length(3, "um")], mpp=0.25).rows[0].radius_px == 12
    with pytest.raises(InvalidInputError, match="image 'a': a length of 3 µm cannot be used on an image of unknown"):
        score_cells_files(one, one, radii=[Length(3, "um")])
    with pytest.raises(InvalidInputError, match=r"mpp .* must be a positive number or None, got -1"):
        score_cells_files(one, one, radii=FIVE, mpp=-1)


def test_the_scores_are_written_whole(tmp_path, dataset):
    out = tmp_path / "new" / "scores.json"
    scores = score_cells_files(dataset, dataset, radii=FIVE, out=out)
    assert json.loads(out.read_text()) == scores.to_json(per_image=True)
    with pytest.raises(OutputError, match=r"scores.json exists; choose another output path or pass --overwrite"):
        score_cells_files(dataset, dataset, radii=FIVE, out=out)
    score_cells_files(dataset, dataset, radii=FIVE, out=out, resamples=0, overwrite=True)
    assert "intervals" not in json.loads(out.read_text())


def scored_table(path, *scores):
    rows = [f"one,{10 + 20 * (i // 3)},{10 + 20 * (i % 3)},tumor,{score}" for i, score in enumerate(scores)]
    return table(path, *rows, columns="image,x,y,label,score")


def test_a_sweep_goes_over_the_scores_of_the_predictions(tmp_path, dataset):
    path = scored_table(tmp_path / "p.csv", 0.9, 0.8, 0.7, 0.2)
    scores = score_cells_files(dataset, path, split="validation", radii=[*FIVE, Length(3, "um")], sweep=True)
    assert len(scores.sweeps) == 2
    sweep = scores.sweeps[0]
    assert sweep.counts[:, 0].tolist() == [[3, 1, 2], [3, 0, 2], [2, 0, 3], [1, 0, 4]]
    assert sweep.thresholds[sweep.best("all")] == pytest.approx(0.7)
    assert list(scores.to_json()["sweep"]) == ["5", "3um"]
    assert not list(tmp_path.glob("*.png"))


def test_the_figure_of_a_sweep_lies_where_asked_or_beside_the_scores(tmp_path, dataset):
    path = scored_table(tmp_path / "p.csv", 0.9, 0.8)
    asked = {"split": "validation", "radii": FIVE, "sweep": True}
    score_cells_files(dataset, path, **asked, out=tmp_path / "scores.json")
    assert read_image(tmp_path / "scores.png").std() > 5
    score_cells_files(dataset, path, **asked, figure=tmp_path / "new" / "sweep.png")
    assert (tmp_path / "new" / "sweep.png").read_bytes() == (tmp_path / "scores.png").read_bytes()
    with pytest.raises(OutputError, match=r"scores.png exists; choose another output path or pass --overwrite"):
        score_cells_files(dataset, path, **asked, figure=tmp_path / "scores.png")


def test_radii_of_the_512_frame_need_the_sizes_of_images(tmp_path, dataset):
    radius = FrameRadius(8)  # 64 px of the image are 512 of the frame, 60 are as well
    row = score_cells_files(dataset, dataset, radii=[radius]).rows[0]
    assert (row.f1, row.radius_px) == (1, None)
    one = table(tmp_path / "a.csv", "a,1,1,t")
    with pytest.raises(InvalidInputError, match=r"8 px of the 512-frame needs the sizes of the images, which tables"):
        score_cells_files(one, one, radii=[radius])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("zzz,1,1,tumor", r"p.csv: row 2 \(image zzz\): the data set .*set has no such image"),
        ("one,60,1,tumor", r"p.csv: row 2 \(image one\): x 60, y 1 is outside the image, which is 60×64"),
        (
            "one,1,1,immune",
            r"p.csv: row 2 \(image one\): class 'immune' is not known; the classes are lymphocyte, tumor",
        ),
    ],
)
def test_predictions_that_do_not_fit_the_data_set(tmp_path, dataset, row, message):
    path = table(tmp_path / "p.csv", "train,1,1,tumor", row)  # left out, and yet a row of the file
    with pytest.raises(TableError, match=message):
        score_cells_files(dataset, path, split="validation", radii=FIVE)


def test_what_does_not_go_together(tmp_path, dataset):
    path = table(tmp_path / "p.csv", "train,1,1,tumor")
    empty = table(tmp_path / "empty.csv")
    negative = table(tmp_path / "negative.csv", "a,1,1,t", "a,-1,2,t")
    (tmp_path / "nothing").mkdir()
    cases = [
        ((dataset, path, {"split": "validation"}), TableError, "no cell in any image of split 'validation'"),
        ((dataset, path, {"split": "test"}), DatasetError, "no image in split 'test'"),
        ((dataset, path, {"mpp": 0.5}), InvalidInputError, "mpp 0.5 is given, but the data set"),
        ((path, path, {"split": "test"}), InvalidInputError, "split 'test' is given, but .*p.csv is a table"),
        ((tmp_path / "none", path, {}), TableError, "none does not exist; give a data set, or a CSV"),
        ((tmp_path / "nothing", path, {}), DatasetError, r"nothing has no dataset.json"),
        ((dataset, tmp_path / "nothing", {}), TableError, r"nothing holds neither cells.parquet nor cells.csv"),
        ((empty, empty, {}), TableError, "has a row: there is no image to score"),
        ((negative, path, {}), TableError, r"negative.csv: row 2 \(image a\): x -1, y 2 is negative"),
        ((path, path, {"protocol": "nearest"}), InvalidInputError, "no scoring protocol 'nearest'"),
        ((path, path, {"sweep": True}), TableError, r"p.csv: row 1 \(image train\) has no score, which --sweep needs"),
        ((path, empty, {"sweep": True}), TableError, "empty.csv has no predictions, so there is no threshold"),
        ((path, path, {"figure": "f.png"}), InvalidInputError, "--figure f.png .* give --sweep as well"),
        ((path, path, {"figure": "f.pdf", "sweep": True}), InvalidInputError, "the figure f.pdf must end in .png"),
        ((path, path, {"out": "f.png", "sweep": True}), InvalidInputError, "and the JSON file must not"),
    ]
    for (truth, found, options), error, message in cases:
        with pytest.raises(error, match=message):
            score_cells_files(truth, found, radii=FIVE, **options)
