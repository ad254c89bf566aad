"""Model folders of all kinds: what they say of themselves, and what a check finds wrong with them."""

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from cellweave.core import InvalidInputError, ModelFolderError, sha256_of, torch_generator
from cellweave.data import CellClass
from cellweave.images import ImageRecipe
from cellweave.images.model_config import image_config
from cellweave.images.network import build_network as image_network
from cellweave.images.patch_basis import Pixels
from cellweave.layouts import LayoutRecipe
from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.model_config import layout_config
from cellweave.layouts.network import build_network as layout_network
from cellweave.layouts.raster import raster_channels
from cellweave.maps import PeakFinder
from cellweave.training import write_model_folder
from cellweave.training.model_folder import list_shipped_models
from cellweave.workflows.check_model import check_model
from cellweave.workflows.models import list_models, show_model

CLASSES = (CellClass("blue", "#0000ff"), CellClass("red", "#ff0000"))
SMALL = {"widths": [8, 16], "blocks": 1, "attention_levels": [1], "fold": 1}
SAYS = {
    "data": {"name": "Set", "checksum": "0" * 64, "licence": "CC0-1.0"},
    "seed": 0,
}


def write_layouts(folder):
    recipe = LayoutRecipe.model_validate({"frame": {"crop_px": 64}, "network": SMALL, "categories": 2})
    channels = raster_channels(recipe, 2)
    config = layout_config(
        recipe,
        classes=CLASSES,
        mpp=0.5,
        scale=ChannelScale((0.0,) * channels, (1.0,) * channels),
        finder=PeakFinder(3, 0.5),
        categories=CountingCategories((4.0,)),
        density_constant=1.0,
        training=SAYS,
    )
    weights = layout_network(recipe, 2, torch_generator(0, "test")).state_dict()
    metrics = {"decoder": {"f1": 0.9, "count_ratio": 1.1}, "training": {"steps": 3}}
    write_model_folder(folder, weights=weights, config=config, metrics=metrics, card="# Layouts\n")
    return folder


def write_images(folder):
    recipe = ImageRecipe.model_validate({"crop_px": 32, "network": SMALL, "basis": None})
    config = image_config(recipe, codec=Pixels(), classes=CLASSES, mpp=0.5, style=None, training=SAYS)
    weights = image_network(recipe, 2, torch_generator(0, "test")).state_dict()
    metrics = {"basis": None, "training": {"parameters": 7}}
    write_model_folder(folder, weights=weights, config=config, metrics=metrics, card="# Images\n")
    return folder


@pytest.fixture(scope="module")
def kinds(tmp_path_factory, spot_model):
    root = tmp_path_factory.mktemp("kinds")
    return {
        "locator": spot_model.write(root / "locator"),
        "layouts": write_layouts(root / "layouts"),
        "images": write_images(root / "images"),
    }


@pytest.fixture(params=["locator", "layouts", "images"])
def folder(request, kinds, tmp_path):
    """A copy of a model folder of every kind."""
    return shutil.copytree(kinds[request.param], tmp_path / request.param)


@pytest.fixture
def locator(kinds, tmp_path):
    return shutil.copytree(kinds["locator"], tmp_path / "model")


def change(folder, name, **values):
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(content | values))


def errors(folder):
    return [(one.file, one.text) for one in check_model(folder, device="cpu").errors]


def test_shipped_models_are_listed_with_what_they_are():
    found = {one.name: one for one in list_models()}
    assert set(found) == set(list_shipped_models())
    one = found["locator-brca-m2c"]
    assert (one.kind, one.data, one.licences) == ("locator", ("BRCA-M2C",), ("BSD-3-Clause",))
    assert (one.classes, one.mpp) == (("lymphocyte", "tumor", "stromal"), 0.5)
    assert one.size_mb == round((one.folder / "model.safetensors").stat().st_size / 1e6, 2)
    assert 0.5 < one.numbers["out_of_fold_f1"] < 1
    assert 0.9 < found["layouts-brca-m2c"].numbers["decoder_f1"] <= 1


@pytest.mark.parametrize("name", sorted(list_shipped_models()))
def test_shipped_models_pass_their_check(name):
    report = check_model(name, device="cpu")
    assert report.errors == ()
    assert "the weights fit the network" in report.passed[-1]


def test_a_model_says_what_it_is(kinds):
    shown = {kind: show_model(folder) for kind, folder in kinds.items()}
    assert {kind: one.summary.kind for kind, one in shown.items()} == {kind: kind for kind in kinds}
    assert shown["locator"].summary.numbers == {}
    assert (shown["locator"].summary.data, shown["locator"].summary.licences) == ((), ("unknown",))
    assert shown["layouts"].summary.numbers == {"decoder_f1": 0.9, "decoder_count_ratio": 1.1, "steps": 3}
    assert shown["images"].summary.numbers == {"parameters": 7}
    assert shown["images"].summary.data == ("Set",)
    assert shown["layouts"].card == "# Layouts\n"
    about = json.loads(json.dumps(shown["layouts"].to_json()))
    assert (about["kind"], about["validation"], about["metrics"]["decoder"]["f1"]) == ("layouts", None, 0.9)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "has no config.json"),
        ("config.json", "{", "config.json is not valid JSON"),
        ("config.json", "[]", "is of format None; models are cellweave-locator, cellweave-layouts"),
        ("config.json", '{"format": "other"}', "is of format 'other'; models are"),
        ("config.json", '{"format": "cellweave-locator", "version": 7}', "is of version 7, this program reads 1"),
        ("config.json", '{"format": "cellweave-locator", "version": 1}', "config.json lacks or garbles 'training'"),
        ("metrics.json", None, "has no metrics.json"),
        ("metrics.json", "[", "metrics.json is not valid JSON"),
        ("metrics.json", "[]", "metrics.json holds no JSON object"),
        ("metrics.json", '{"training": 5}', "metrics.json is garbled"),
        ("README.md", None, "has no README.md"),
        ("model.safetensors", None, "has no model.safetensors"),
        ("validation.json", "{", "validation.json is not valid JSON"),
        ("validation.json", "{}", 'validation.json does not say "format": "cellweave-validation"'),
        (
            "validation.json",
            '{"format": "cellweave-validation", "version": 1}',
            "validation.json lacks or garbles 'scores'",
        ),
    ],
)
def test_a_model_that_cannot_be_shown_is_told(locator, name, content, message):
    if content is None:
        (locator / name).unlink()
    else:
        (locator / name).write_text(content)
    with pytest.raises(ModelFolderError, match=message):
        show_model(locator)


def test_a_whole_model_of_any_kind_passes(folder):
    report = check_model(folder, device="cpu")
    assert (report.kind, report.findings) == (folder.name, ())
    assert report.passed[2].startswith("model.safetensors has the recorded SHA-256, ")
    assert "output finite" in report.passed[-1]
    assert len(report.passed) == 4


def test_the_hand_made_localiser_finds_something_in_the_phantom(locator):
    assert int(check_model(locator, device="cpu").passed[-1].split("px: ")[1].split()[0]) > 0


def test_an_old_folder_without_checksum_is_no_error(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["weights_sha256"]
    (folder / "config.json").write_text(json.dumps(config))
    report = check_model(folder, device="cpu")
    assert [(one.severity, one.file) for one in report.findings] == [("warning", "model.safetensors")]
    assert "older than checksums" in report.findings[0].text


def test_changed_weights_are_found_by_their_checksum(locator):
    weights = load_file(locator / "model.safetensors")
    weights["head.bias"][0] += 1e-3
    save_file(weights, locator / "model.safetensors")
    [(file, text)] = errors(locator)
    assert file == "model.safetensors"
    assert text.startswith(f"has SHA-256 {sha256_of(locator / file)[:16]}…, config.json says ")


def test_truncated_weights_are_damaged(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    found = errors(folder)
    assert {file for file, _ in found} == {"model.safetensors"}
    assert "has SHA-256" in found[0][1]
    assert "is damaged" in found[1][1]


def test_weights_of_another_network_do_not_fit(locator, kinds):
    shutil.copyfile(kinds["images"] / "model.safetensors", locator / "model.safetensors")
    assert any("does not fit" in text for _, text in errors(locator))


def test_weights_whose_output_is_not_finite_are_found(folder):
    """Finite weights, whose file has the recorded checksum, that overflow when they are multiplied."""
    path = folder / "model.safetensors"
    weights = {
        name: torch.full_like(value, 3e38) if value.is_floating_point() else value
        for name, value in load_file(path).items()
    }
    save_file(weights, path)
    change(folder, "config.json", weights_sha256=sha256_of(path))
    [(file, text)] = errors(folder)
    assert file == "model.safetensors"
    assert "NaN or infinity" in text


def test_every_missing_file_is_named(locator):
    for name in ("model.safetensors", "metrics.json", "README.md"):
        (locator / name).unlink()
    assert [file for file, _ in errors(locator)] == ["README.md", "metrics.json", "model.safetensors"]


def test_garbled_settings_are_an_error_of_the_config(locator):
    change(locator, "config.json", peak_finder={"window_px": "wide"})
    [(file, text)] = errors(locator)
    assert (file, "config.json" in text) == ("config.json", True)


def test_garbled_metrics_and_an_empty_card(locator):
    (locator / "metrics.json").write_text("{")
    (locator / "README.md").write_text("")
    report = check_model(locator, device="cpu")
    assert [(one.severity, one.file) for one in report.findings] == [
        ("error", "metrics.json"),
        ("warning", "README.md"),
    ]


def test_pickles_are_found_by_ending_and_by_content(locator):
    (locator / "extra.bin").write_bytes(b"anything")
    (locator / "training").mkdir()
    (locator / "training" / "state").write_bytes(pickle.dumps({"a": 1}))
    torch.save({"a": torch.ones(2)}, locator / "zipped.dat")
    found = errors(locator)
    assert [file for file, _ in found] == ["extra.bin", "training/state", "zipped.dat"]
    assert all("loading it could run a program" in text for _, text in found)


def test_weights_are_no_pickle_though_their_first_bytes_may_look_like_one(tmp_path, spot_model):
    folder = spot_model.write(tmp_path / "model")
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = whole[8 : 8 + length].ljust(0x0480)  # a length whose bytes are 80 04, as a pickle of protocol 4 begins
    assert len(header) == 0x0480
    path.write_bytes(len(header).to_bytes(8, "little") + header + whole[8 + length :])
    assert path.read_bytes()[:2] == b"\x80\x04"
    change(folder, "config.json", weights_sha256=sha256_of(path))
    assert errors(folder) == []


def test_strange_files_are_a_warning_and_a_run_is_not_strange(locator):
    (locator / "training").mkdir()
    (locator / "training" / "plan.json").write_text("{}")
    (locator / "thesis.txt").write_text("mine")
    report = check_model(locator, device="cpu")
    assert [(one.severity, one.file) for one in report.findings] == [("warning", "thesis.txt")]


def test_a_damaged_picture_or_validation_is_an_error(locator):
    (locator / "failures.png").write_bytes(b"no picture")
    (locator / "validation.json").write_text("{")
    assert [file for file, _ in errors(locator)] == ["failures.png", "validation.json"]


@pytest.mark.parametrize("name", ["unknown", "owner/name", "", "models/../nowhere"])
def test_what_is_no_model_is_refused(name):
    with pytest.raises(ModelFolderError, match=r"is no model folder; shipped models are .* --revision COMMIT"):
        check_model(name, device="cpu")
    with pytest.raises(ModelFolderError, match="is no model folder"):
        show_model(name)


def test_a_device_that_is_not_there_is_no_fault_of_the_model(locator):
    with pytest.raises(InvalidInputError, match="a device is auto, cpu"):
        check_model(locator, device="abacus")
