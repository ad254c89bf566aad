import json

import pandas as pd
import pytest

from cellweave.core import Cells, DatasetError, InvalidInputError, OutputError, TableError
from cellweave.data import DatasetWriter
from cellweave.workflows.index import score_index_files

KI67 = "pos:neg"


def some(positive, negative, other=0):
    labels = [0] * positive + [1] * negative + [2] * other
    return Cells([[i, i] for i in range(len(labels))], labels, classes=("pos", "neg", "stroma"), shape=(40, 50))


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "set"
    with DatasetWriter(root, name="set", classes=("pos", "neg", "stroma"), licence="CC0", source="a test") as writer:
        writer.add("a", some(1, 3, 5), split="validation", group="p")
        writer.add("b", some(3, 1), split="validation", group="p")
        writer.add("c", some(0, 0, 2), split="training", group="q")
    return root


def table(path, *rows, columns="image,x,y,label"):
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


def square(path, *, corner=0, side=10, name="hot spot"):
    low, high = corner, corner + side
    ring = [[low, low], [high, low], [high, high], [low, high], [low, low]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "geometry": geometry, "properties": {"objectType": "annotation", "name": name}}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def values(scores):
    return {row.region or row.image or row.group or row.scope: row.index.value for row in scores.rows}


def test_a_data_set_has_an_index_of_its_own(dataset):
    scores = score_index_files(dataset, KI67)
    assert values(scores) == {"a": 0.25, "b": 0.75, "c": None, "p": 0.5, "q": None, "all": 0.5}
    assert values(score_index_files(dataset, KI67, split="validation")) == {"a": 0.25, "b": 0.75, "p": 0.5, "all": 0.5}


def test_predictions_are_compared_with_a_data_set(tmp_path, dataset):
    path = table(tmp_path / "p.csv", "a.png,1,1,pos", "a.png,2,2,neg", "b,1,1,neg", "b,2,2,stroma")
    scores = score_index_files(path, KI67, truth=dataset, split="validation")
    assert {row.image: row.difference_points for row in scores.rows if row.scope == "image"} == {"a": 25, "b": -75}
    assert scores.agreement == {"images": 2, "mean_absolute_points": 50, "mean_points": -25}
    assert scores.row("group", "p").truth.units == "images"


def test_tables_alone_and_against_one_another(tmp_path):
    found = table(tmp_path / "p.csv", "a,1,1,pos", "a,2,2,neg", "b,1,1,pos")
    truth = table(tmp_path / "t.csv", "a,1,1,pos", "a,2,2,neg", "b,1,1,neg", "c,1,1,neg")
    assert values(score_index_files(found, KI67)) == {"a": 0.5, "b": 1, "all": 2 / 3}
    scores = score_index_files(found, KI67, truth=truth)
    assert [row.difference_points for row in scores.rows[:3]] == [0, 100, None]  # nothing was found in c


def test_a_class_that_does_not_occur_beside_the_other_one_is_taken_to_exist(tmp_path):
    only = table(tmp_path / "p.csv", "a,1,1,neg", "a,2,2,neg")
    assert values(score_index_files(only, KI67)) == {"a": 0, "all": 0}
    more = table(tmp_path / "m.csv", "a,1,1,neg", "a,2,2,Pos")
    with pytest.raises(InvalidInputError, match="there is no class 'pos'; the classes are Pos, neg"):
        score_index_files(more, KI67)


def test_regions_of_one_image_and_of_several(tmp_path, dataset):
    one = square(tmp_path / "one.geojson", side=1)  # holds the cells at 0 and 1
    scores = score_index_files(dataset, KI67, split="training", regions=one)
    assert values(scores) == {"c": None, "hot spot": None, "q": None, "all": None}
    square(tmp_path / "regions" / "a.geojson", side=1)
    scores = score_index_files(dataset, KI67, regions=tmp_path / "regions")
    hot = scores.row("region", "hot spot")
    assert (hot.image, hot.group, hot.index.positive, hot.index.negative) == ("a", "p", 1, 1)
    with pytest.raises(InvalidInputError, match=r"one.geojson is one file for 3 images; give a folder with an IMAGE"):
        score_index_files(dataset, KI67, regions=one)


def test_regions_that_do_not_fit(tmp_path, dataset):
    away = square(tmp_path / "away.geojson", corner=45)
    with pytest.raises(TableError, match="region 'hot spot' lies outside image 'c', which is 50×40"):
        score_index_files(dataset, KI67, split="training", regions=away)
    square(tmp_path / "regions" / "z.geojson")
    with pytest.raises(TableError, match=r"z.geojson is of no image; the images are a, b, c"):
        score_index_files(dataset, KI67, regions=tmp_path / "regions")
    (tmp_path / "none").mkdir()
    with pytest.raises(TableError, match=r"none holds no .geojson; name the regions of an image IMAGE.geojson"):
        score_index_files(dataset, KI67, regions=tmp_path / "none")


def test_json_and_table_are_written_and_replaced_only_when_asked(tmp_path, dataset):
    out = tmp_path / "new" / "index.json"
    scores = score_index_files(dataset, KI67, out=out)
    assert json.loads(out.read_text()) == scores.to_json()
    rows = pd.read_csv(tmp_path / "new" / "index.csv")
    assert rows["index"].tolist()[:2] == [0.25, 0.75]
    assert rows.columns.tolist() == list(scores.to_json()["rows"][0])
    out.unlink()
    with pytest.raises(OutputError, match=r"index.csv exists; choose another output path or pass --overwrite"):
        score_index_files(dataset, KI67, out=out)
    score_index_files(dataset, KI67, out=out, overwrite=True)
    with pytest.raises(OutputError, match=r"lies in .*set, which is to be read"):
        score_index_files(dataset, KI67, out=dataset / "index.json")
    with pytest.raises(InvalidInputError, match=r"index.csv is the JSON file, beside which the CSV is written"):
        score_index_files(dataset, KI67, out=tmp_path / "new" / "index.csv", overwrite=True)


def test_what_does_not_go_together(tmp_path, dataset):
    plain = table(tmp_path / "plain.csv", "a,1,1", columns="image,x,y")
    path = table(tmp_path / "p.csv", "a,1,1,pos", "a,2,2,neg")
    cases = [
        ((plain, KI67, {}), InvalidInputError, "--index 'pos:neg' needs the classes of the cells, and"),
        ((dataset, "pos:negative", {}), InvalidInputError, "no class 'negative'; the classes are pos, neg, stroma"),
        ((path, "pos", {}), InvalidInputError, "does not name two classes"),
        ((path, KI67, {"split": "test"}), InvalidInputError, "split 'test' is given, but .*p.csv is no data set"),
        ((path, KI67, {"truth": tmp_path / "no"}), TableError, "no does not exist; give a data set, or a CSV"),
        ((dataset, KI67, {"split": "test"}), DatasetError, "no image in split 'test'"),
        ((tmp_path / "no", KI67, {}), TableError, "no does not exist; give a CSV or Parquet"),
        ((table(tmp_path / "e.csv"), KI67, {}), TableError, "e.csv has no row, so there is no image"),
    ]
    for (cells, index, options), error, message in cases:
        with pytest.raises(error, match=message):
            score_index_files(cells, index, **options)
