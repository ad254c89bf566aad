"""The demonstration from data to report, with trainings of seconds in place of minutes."""

import json
import re
from dataclasses import replace

import pytest

from cellweave.cli.demo import print_summary
from cellweave.core import DatasetError, InvalidInputError, OutputError
from cellweave.data import CellDataset, DatasetWriter, read_image
from cellweave.data.phantom import write_phantom_dataset
from cellweave.workflows.demo import run_demo
from cellweave.workflows.demo_plan import DemoPlan, DemoSteps

FIT = ("fit.precision=fp32", "fit.batch_size=2", "fit.checkpoint_every=5", "fit.log_every=5")
DIFFUSION = ("network.widths=[8,16]", "network.blocks=1", "network.attention_levels=[1]", "network.fold=2")
TINY = DemoPlan(
    patches=8,
    synthetic=3,
    layout_crop_px=128,
    image_crop_px=32,
    locator_crop_px=64,
    layout_changes=(*FIT, *DIFFUSION, "sampler.steps=3"),
    image_changes=(*FIT, *DIFFUSION, "sampler.steps=3"),
    locator_changes=(
        *FIT,
        "network.widths=[8,12,16]",
        "calibration.folds=2",
        "calibration.windows_px=[5,9]",
    ),
    steps=DemoSteps(layouts=8, images=6, locator=20),
)
PARTS = {"data", "layouts", "images", "synthetic", "layout scores", "locator", "locator-synthetic"}
TRAINED = ("layouts", "images", "locator", "locator-synthetic")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("demo") / "set", images=8, size=128, seed=1)


@pytest.mark.slow
def test_the_whole_path_once_and_again(tmp_path, data, capsys):
    stages = []

    def progress(stage, done, total, note=""):
        stages.append(stage)

    out = tmp_path / "out"
    options = {"data": data, "plan": TINY, "device": "cpu", "progress": progress}
    first = run_demo(out, **options)
    assert {"training the layout model", "training the image model", "generating images"} <= set(stages)
    assert stages.count("training the final network") >= 2
    assert {name: path.name for name, path in first.models.items()} == {name: name for name in TRAINED}
    assert len(CellDataset.open(out / "synthetic").images) == 3

    # both localisers took the same steps from the same seed, one with synthetic images
    trained = [json.loads((out / name / "metrics.json").read_text())["training"] for name in TRAINED[2:]]
    assert [one["steps"] for one in trained] == [20, 20]
    assert [one.get("synthetic", {}).get("share") for one in trained] == [None, 0.5]

    # scored on all validation images, which nothing was trained on
    names = CellDataset.open(data).names("validation")
    truth = sum(len(CellDataset.open(data).read_cells(name)) for name in names)
    for scores in (first.scores, first.scores_with_synthetic):
        assert (scores.rows[0].label, scores.rows[0].radius_px) == ("all", 6)
        assert scores.rows[0].tp + scores.rows[0].fn == truth
    change = first.scores_with_synthetic.rows[0].f1 - first.scores.rows[0].f1
    assert first.comparison.all_cells.value == pytest.approx(change)
    assert first.layout_scores.synthetic == 3
    assert json.loads((out / "layouts" / "config.json").read_text())["recipe"]["condition"] == "counts"

    page = first.report.read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)  # nothing is fetched
    assert "<script" not in page
    for title in ("Data", "Layouts", "Images", "Localisers", "How this was made"):
        assert f"<h2>{title}</h2>" in page
    for scores in (first.scores, first.scores_with_synthetic):
        for row in scores.rows:
            shown = "–" if row.f1 is None else f"{row.f1:.3f}"  # a class that is neither there nor found
            assert f">{shown}<" in page
    assert first.comparison.all_cells.in_words("F1 of all cells") in page
    page_in_lines, page = page, re.sub(r" \\\n\s+", " ", page)
    assert f"cellweave train layouts --data {data} --out layouts --steps 8" in page
    assert "cellweave generate dataset --layouts layouts --images images --out synthetic --count 3" in page
    assert "--synthetic synthetic --synthetic-share 0.5 --out locator-synthetic --steps 20 --seed 0" in page
    picture = read_image(out / "overview.png")
    assert picture.shape[1] > 4 * 288

    print_summary(first)
    said = capsys.readouterr().out
    assert f"F1 of all: {first.scores.rows[0].f1:.3f}, with synthetic images " in said
    assert f"with synthetic images, {first.comparison.mean_class.in_words('the mean F1 of the classes')}" in said
    assert said.endswith(f"report: {first.report}\n")
    assert json.loads(json.dumps(first.to_json()))["comparison"]["all"]["value"] == first.comparison.all_cells.value

    kept = [out / name / "model.safetensors" for name in TRAINED] + [out / "synthetic" / "dataset.json"]
    written = [path.stat().st_mtime_ns for path in kept]
    parts = json.loads((out / "demo.json").read_text())["parts"]
    stages.clear()
    second = run_demo(out, **options)
    assert [path.stat().st_mtime_ns for path in kept] == written
    assert not {stage for stage in stages if stage.startswith(("training", "cross-validation", "generating"))}
    assert (second.scores, second.comparison) == (first.scores, first.comparison)
    again = json.loads((out / "demo.json").read_text())["parts"]
    assert {name: again[name] for name in PARTS - {"data"}} == {name: parts[name] for name in PARTS - {"data"}}
    assert second.report.read_text(encoding="utf-8") == page_in_lines
    assert (read_image(out / "overview.png") == picture).all()

    with pytest.raises(OutputError, match="holds a demonstration with another seed; give the same settings"):
        run_demo(out, **options, seed=1)
    with pytest.raises(OutputError, match="holds a demonstration with another plan; give the same settings"):
        run_demo(out, **{**options, "plan": replace(TINY, synthetic=4)})


@pytest.mark.parametrize(
    ("options", "message"),
    [({"minutes": 0.0}, "--minutes must be a positive number, got 0"), ({"device": "gpu"}, "a device is auto, cpu")],
)
def test_bad_settings_leave_nothing(tmp_path, options, message):
    with pytest.raises(InvalidInputError, match=message):
        run_demo(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def _write(folder, image, cells, *, classes, splits):
    with DatasetWriter(folder, name="t", classes=classes, licence="CC0", source="test") as writer:
        for split in splits:
            writer.add(split, cells, pixels=image, split=split)


def test_nothing_to_score_on_is_told(tmp_path, spot_image, spot_cells):
    _write(tmp_path / "set", spot_image, spot_cells, classes=("blue", "red"), splits=["training"])
    with pytest.raises(InvalidInputError, match=r"set has neither validation nor test images, so there is nothing"):
        run_demo(tmp_path / "out", data=tmp_path / "set")
    assert not (tmp_path / "out").exists()


def test_a_data_set_without_classes_is_told_what_it_can_do(tmp_path, spot_image, spot_cells):
    bare = type(spot_cells)(spot_cells.xy, [-1] * len(spot_cells), classes=(), shape=spot_cells.shape, mpp=0.5)
    _write(tmp_path / "set", spot_image, bare, classes=(), splits=["training", "validation"])
    with pytest.raises(InvalidInputError, match=r"set has no classes, .* alone with `cellweave train locator`"):
        run_demo(tmp_path / "out", data=tmp_path / "set")
    assert not (tmp_path / "out").exists()


def test_images_too_small_for_any_crop_are_told(tmp_path, spot_image, spot_cells):
    small = spot_cells.crop(0, 0, (24, 160))
    image = spot_image[:24].copy()
    _write(tmp_path / "set", image, small, classes=("blue", "red"), splits=["training", "validation"])
    with pytest.raises(DatasetError, match=r"training image 'training' of .*set has a side of 24 px"):
        run_demo(tmp_path / "out", data=tmp_path / "set")
    assert not (tmp_path / "out").exists()
