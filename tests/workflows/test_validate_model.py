"""Validating the localiser made by hand on images whose annotations are wrong in known ways."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cellweave.core import Cells, DatasetError, InvalidInputError, Length, ModelFolderError, sha256_of
from cellweave.data import CellDataset, DatasetWriter
from cellweave.workflows.check_model import check_model
from cellweave.workflows.models import show_model
from cellweave.workflows.validate_model import validate_model

FIXED = {"device": "cpu", "precision": "fp32", "resamples": 50}
GRID = np.array([[x, y] for y in (22.5, 64.5, 106.5) for x in (22.5, 64.5, 106.5)])


def cells(xy, labels, *, classes=("blue", "red"), mpp=0.5):
    return Cells(xy, labels, classes=classes, shape=(128, 128), mpp=mpp)


def drawn(**options):
    """Return nine spots, the even ones blue."""
    return cells(GRID, np.arange(9) % 2, **options)


def annotated(**options):
    """Return the spots but the first, one place without a spot, and the fourth taken for the other class."""
    labels = np.arange(9) % 2
    labels[4] = 1 - labels[4]
    return cells([*GRID[1:], [43.5, 43.5]], [*labels[1:], 0], **options)


def write(root, images, paint, **about):
    with DatasetWriter(
        root, name="Spots | 1", classes=about.get("classes", ("blue", "red")), licence="CC0", source="x"
    ) as w:
        for name, (truth, shown, split, group) in images.items():
            w.add(name, truth, pixels=None if shown is None else paint(shown), split=split, group=group)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory, paint_spots):
    images = {
        "t0": (drawn(), drawn(), "training", "p0"),
        "v0": (annotated(), drawn(), "validation", "p0"),
        "v1": (drawn(), drawn(), "validation", "p1"),
    }
    return write(tmp_path_factory.mktemp("set") / "set", images, paint_spots)


@pytest.fixture
def model(spot_folder, tmp_path):
    return shutil.copytree(spot_folder, tmp_path / "model")


def counts(scores):
    return {row["label"]: (row["tp"], row["fp"], row["fn"]) for row in scores["rows"]}


def test_scores_speed_and_failures_are_written_into_the_folder(model, data):
    steps = []
    summary = validate_model(model, data, **FIXED, progress=lambda *words: steps.append(words[:3]))
    record = json.loads((model / "validation.json").read_text(encoding="utf-8"))
    assert record == json.loads(json.dumps(summary.record))
    assert record["weights_sha256"] == sha256_of(model / "model.safetensors")
    assert record["data"] == {
        "name": "Spots | 1",
        "checksum": CellDataset.open(data).checksum,
        "licence": "CC0",
        "source": "x",
        "split": "validation",
    }
    # of v0: eight of nine found, one of them of the other class; one spurious and one missed
    assert counts(record["scores"]) == {"all": (17, 1, 1), "blue": (8, 2, 1), "red": (8, 0, 1)}
    assert record["scores"]["confusion"]["6"]["matched"] == [[8, 0], [1, 8]]
    assert record["unseen_groups"]["left_out"] == ["p0"]
    assert counts(record["unseen_groups"]["scores"])["all"] == (9, 0, 0)
    [failure] = record["failures"]
    assert failure == {
        "image": "v0",
        "x": 0,
        "y": 0,
        "width": 128,
        "height": 128,
        "missed": 1,
        "spurious": 1,
        "another_class": 1,
    }
    speed = record["speed"]
    assert 0 < speed["lowest"] <= speed["megapixels_per_second"] <= speed["highest"]
    assert (speed["repeats"], speed["images"], speed["megapixels"], speed["precision"]) == (5, 2, 0.033, "fp32")
    assert record["notes"] == [
        "The model did not learn from this data set: whether it has seen its patients is not known."
    ]
    assert steps[1::5] == [("locating cells", 2, 2), ("measuring the speed", 5, 5)]
    assert summary.written == ("validation.json", "README.md", "failures.png")
    with Image.open(model / "failures.png") as picture:
        assert picture.width == 256 + 2 * 12
    assert (model / "failures.png").stat().st_size < 1_500_000
    assert check_model(model, device="cpu").findings == ()


def test_the_card_gets_one_section_however_often(model, data):
    validate_model(model, data, **FIXED)
    first = (model / "README.md").read_text(encoding="utf-8")
    assert first.startswith("# By hand\n\n## Validation\n\nSplit validation of Spots \\| 1 (licence CC0, checksum `")
    assert "| all cells | 0.944 (0.889 to 1.000) |" in first
    assert "| red | 1.000 (1.000 to 1.000) | 0.889 (0.800 to 1.000) |" in first
    assert "Without the groups that have training images, too (p0): 1 image of 1 group (patients" in first
    assert "| red | 1 | 8 | 0 |\n| spurious | 1 | 0 |  |" in first
    assert "![Regions with most errors](failures.png)" in first
    (model / "README.md").write_text(first + "\n## Thanks\n\nTo all.\n", encoding="utf-8")
    validate_model(model, data, split="training", **FIXED)
    second = (model / "README.md").read_text(encoding="utf-8")
    assert second.count("## Validation") == 1
    assert "Split training of" in second
    assert "Split validation of" not in second
    assert "Known failures" not in second
    assert second.endswith("\n\n## Thanks\n\nTo all.\n")
    assert not (model / "failures.png").exists()


def test_the_same_validation_gives_the_same_files_but_for_the_speed(model, data):
    def outcome():
        record = json.loads((model / "validation.json").read_text())
        card = (model / "README.md").read_text().splitlines()
        return record | {"speed": None}, [line for line in card if "megapixels" not in line]

    picture = []
    outcomes = []
    for _ in range(2):
        validate_model(model, data, **FIXED)
        outcomes.append(outcome())
        picture.append((model / "failures.png").read_bytes())
    assert outcomes[0] == outcomes[1]
    assert picture[0] == picture[1]


def test_without_pictures_an_old_one_goes(model, data):
    validate_model(model, data, **FIXED)
    summary = validate_model(model, data, pictures=False, **FIXED)
    assert summary.record["failures"] == []
    assert sorted(path.name for path in model.iterdir()) == [
        "README.md",
        "config.json",
        "metrics.json",
        "model.safetensors",
        "validation.json",
    ]


def test_a_validated_model_shows_its_numbers_and_loses_them_with_its_weights(model, data, make_spot_model):
    validate_model(model, data, **FIXED)
    summary = show_model(model).summary
    assert summary.numbers["validation_f1"] == pytest.approx(34 / 36, abs=1e-4)
    assert summary.notes == ()
    record = (model / "validation.json").read_text()
    make_spot_model(classes=("red", "blue")).write(model)
    assert not (model / "validation.json").exists()
    (model / "validation.json").write_text(record.replace('"weights_sha256": "', '"weights_sha256": "0'))
    shown = show_model(model)
    assert (shown.validation, "validation_f1" in shown.summary.numbers) == (None, False)
    assert shown.summary.notes == ("validation.json is of other weights than these: validate the model again.",)
    assert [one.file for one in check_model(model, device="cpu").errors] == ["validation.json"]


def test_training_images_are_called_so(model, data):
    config = json.loads((model / "config.json").read_text())
    config["training"]["data"] = {"name": "s", "licence": "CC0", "checksum": CellDataset.open(data).checksum}
    (model / "config.json").write_text(json.dumps(config))
    assert validate_model(model, data, **FIXED).record["notes"] == []
    summary = validate_model(model, data, split="training", **FIXED)
    assert summary.unseen is None
    assert summary.record["notes"] == [
        "The model has learnt from these images, and does better on them than on others.",
        "Every group has training images: there is no score of unseen groups.",
    ]


def test_a_radius_in_micrometres_on_images_of_unknown_scale_is_the_models(model, paint_spots, tmp_path):
    images = {"a": (annotated(mpp=None), drawn(mpp=None), "validation", "p")}
    record = validate_model(model, write(tmp_path / "s", images, paint_spots), radius=Length(3, "um"), **FIXED).record
    assert counts(record["scores"])["all"] == (8, 1, 1)
    assert "3 µm" in (model / "README.md").read_text(encoding="utf-8")


def test_a_finer_image_has_a_larger_region_of_the_same_micrometres(model, paint_spots, tmp_path):
    fine = {"a": (annotated().scaled(2), drawn().scaled(2), "validation", "p")}
    root = write(tmp_path / "s", fine, lambda shown: paint_spots(shown, sigma=6.0))
    [failure] = validate_model(model, root, radius=Length(3, "um"), **FIXED).record["failures"]
    assert (failure["width"], failure["missed"], failure["spurious"]) == (256, 1, 1)


def test_a_localiser_without_classes_is_scored_on_positions(data, make_spot_model, tmp_path):
    model = make_spot_model(classes=()).write(tmp_path / "model")
    record = validate_model(model, data, **FIXED).record
    assert counts(record["scores"]) == {"all": (17, 1, 1)}
    assert record["failures"][0]["another_class"] == 0
    assert "mean of classes" not in (model / "README.md").read_text(encoding="utf-8")


def test_classes_go_by_name(model, paint_spots, tmp_path):
    turned = Cells(GRID, 1 - np.arange(9) % 2, classes=("red", "blue"), shape=(128, 128), mpp=0.5)
    images = {"a": (turned, drawn(), "validation", "p")}
    root = write(tmp_path / "s", images, paint_spots, classes=("red", "blue"))
    record = validate_model(model, root, **FIXED).record
    assert counts(record["scores"]) == {"all": (9, 0, 0), "red": (4, 0, 0), "blue": (5, 0, 0)}
    assert record["failures"] == []


def test_what_cannot_be_validated_is_told_and_nothing_is_written(model, data, paint_spots, tmp_path):
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    other = write(
        tmp_path / "other",
        {"a": (drawn(classes=("blue", "green")), drawn(), "validation", "p")},
        paint_spots,
        classes=("blue", "green"),
    )
    bare = write(tmp_path / "bare", {"a": (drawn(), None, "validation", "p")}, paint_spots)
    empty = write(tmp_path / "empty", {"a": (cells([], []), drawn(), "validation", "p")}, paint_spots)
    for root, options, error, message in (
        (other, {}, DatasetError, r"has the classes \['blue', 'green'\], but the model finds \['blue', 'red'\]"),
        (bare, {}, DatasetError, "is a layout without an image"),
        (empty, {}, DatasetError, "has no cell to find"),
        (data, {"split": "test"}, DatasetError, "has no image in split 'test'"),
        (data, {"protocol": "exact"}, InvalidInputError, "there is no scoring protocol 'exact'"),
        (tmp_path, {}, DatasetError, "has no dataset.json"),
    ):
        with pytest.raises(error, match=message):
            validate_model(model, root, **FIXED, **options)
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("locator-brca-m2c", "is no folder; a validation is written into a model folder of your own"),
        ("owner/name", "is no folder"),
        (".", "has no config.json"),
    ],
)
def test_only_a_folder_of_ones_own_is_written_into(name, message, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFolderError, match=message):
        validate_model(name, data, **FIXED)
