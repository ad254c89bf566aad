"""Finding, reading and refusing model folders; nothing here touches the network."""

import hashlib
import json

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import save_file
from torch import nn

from cellweave.core import ModelFolderError
from cellweave.training import find_model_folder, load_weights, read_config, write_model_folder
from cellweave.training.model_folder import stored_in_bf16


@pytest.fixture
def hub(monkeypatch):
    """Replace the hub: ``asked`` collects what was asked for, ``answer`` is a path to return or an error to raise."""

    class Hub:
        def __init__(self):
            self.asked = []
            self.answer = AssertionError("the network must not be used")

        def fetch(self, *words, **options):
            self.asked.append((words, options))
            if isinstance(self.answer, Exception):
                raise self.answer
            return str(self.answer)

    hub = Hub()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.fetch)
    return hub


@pytest.fixture
def network():
    return nn.Linear(2, 3)


@pytest.fixture
def folder(tmp_path, network):
    path = tmp_path / "model"
    write_model_folder(
        path, weights=network.state_dict(), config={"format": "test", "version": 3}, metrics={"f1": 1}, card="# Card\n"
    )
    return path


def test_a_folder_is_found_by_its_path(folder, hub, monkeypatch):
    assert find_model_folder(folder) == folder
    monkeypatch.chdir(folder.parent)
    (folder.parent / "owner").mkdir()
    folder.rename(folder.parent / "owner" / "name")
    # what exists is never looked for on the hub
    assert find_model_folder("owner/name").resolve() == folder.parent / "owner" / "name"
    for local in ("owner/name", "locator-brca-m2c"):
        with pytest.raises(ModelFolderError, match=r"--revision abc is given, but .* is no model on the hub; leave it"):
            find_model_folder(local, revision="abc")
    assert hub.asked == []


@pytest.mark.parametrize(
    ("name", "revision"), [("unknown", None), ("owner/name", None), ("a/b/c", "abc"), ("x", "abc")]
)
def test_an_unknown_name_is_told_without_the_network(hub, name, revision):
    with pytest.raises(
        ModelFolderError, match=rf"'{name}' is no model folder; shipped models are .* --revision COMMIT"
    ):
        find_model_folder(name, revision=revision)
    assert hub.asked == []


def test_a_shipped_model_is_found_by_its_name(hub):
    folder = find_model_folder("locator-brca-m2c")
    assert read_config(folder, kind="cellweave-locator", version=1)["classes"][0]["name"] == "lymphocyte"
    assert hub.asked == []


def test_a_file_is_no_model_folder(folder, hub, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ModelFolderError, match=r"'\./README.md' is no model folder"):
        find_model_folder("./README.md", revision="abc")


def test_the_hub_gives_known_files_of_one_commit(folder, hub):
    hub.answer = folder
    assert find_model_folder("owner/name", revision="abc") == folder
    wanted = ["model.safetensors", "config.json", "metrics.json", "README.md", "validation.json", "failures.png"]
    assert hub.asked == [(("owner/name",), {"revision": "abc", "allow_patterns": wanted})]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LocalEntryNotFoundError("Cannot reach the hub.\nMore words."), r"Cannot reach the hub\."),
        (ConnectionError("Name or service not known"), "Name or service not known"),
        (ValueError("Repo id must use alphanumeric chars"), "Repo id must use"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_hub_that_does_not_answer_is_told_in_one_line(hub, error, reason):
    hub.answer = error
    with pytest.raises(ModelFolderError, match=rf"^owner/name at abc cannot be fetched from the hub \({reason}.*\)\.$"):
        find_model_folder("owner/name", revision="abc")


def test_a_config_is_read_back(folder):
    checksum = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert read_config(folder, kind="test", version=3) == {"format": "test", "version": 3, "weights_sha256": checksum}
    assert json.loads((folder / "metrics.json").read_text()) == {"f1": 1}
    assert (folder / "README.md").read_text() == "# Card\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"model has no config.json; give the folder that `cellweave train` made"),
        ("{", r"config.json is not valid JSON"),
        ("[]", r"config.json is of format None, not 'test'"),
        ("{}", r"config.json is of format None, not 'test'"),
        ('{"format": "other"}', r"config.json is of format 'other', not 'test'; give a model of the right kind"),
        ('{"format": "test"}', r"model is of version None, this program reads 3; update it"),
        ('{"format": "test", "version": 4}', r"model is of version 4, this program reads 3; update it"),
        ('{"format": "test", "version": true}', r"model is of version True, this program reads 3; update it"),
    ],
)
def test_a_config_that_cannot_be_used_is_told(folder, content, message):
    (folder / "config.json").unlink()
    if content is not None:
        (folder / "config.json").write_text(content)
    with pytest.raises(ModelFolderError, match=message):
        read_config(folder, kind="test", version=3)


def test_an_unfinished_training_is_told_as_such(tmp_path):
    (tmp_path / "training").mkdir()
    with pytest.raises(ModelFolderError, match=r"has no config.json; its training has not finished: give the training"):
        read_config(tmp_path, kind="test", version=3)


def test_weights_are_read_back(folder, network):
    other = nn.Linear(2, 3)
    load_weights(other, folder)
    assert torch.equal(other.weight, network.weight)
    assert torch.equal(other.bias, network.bias)


def test_weights_in_half_precision_are_read_as_full(tmp_path):
    network, other = nn.Linear(1, 1), nn.Linear(1, 1)
    nn.init.constant_(network.weight, 1.01)  # the nearest bfloat16 is 1 + 1/128
    halved = stored_in_bf16({**network.state_dict(), "count": torch.tensor(7)})
    assert (halved["weight"].dtype, halved["count"].dtype) == (torch.bfloat16, torch.int64)
    del halved["count"]
    write_model_folder(tmp_path, weights=halved, config={}, metrics={}, card="")
    load_weights(other, tmp_path)
    assert other.weight.dtype == torch.float32
    assert other.weight.item() == 1 + 1 / 128


def test_weights_that_cannot_be_used_are_told(folder, network):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for content in (whole[:-4], whole[:20], b"", b"not tensors at all"):
        path.write_bytes(content)
        with pytest.raises(ModelFolderError, match=r"model.safetensors is damaged \(.*\); copy it again"):
            load_weights(network, folder)
    for weights in ({"weight": torch.ones(2, 2), "bias": torch.ones(3)}, {"weight": torch.ones(3, 2)}):
        save_file(weights, path)
        with pytest.raises(ModelFolderError, match=r"model.safetensors does not fit .*config.json; copy the whole"):
            load_weights(network, folder)
    save_file({name: value.to(torch.int8) for name, value in network.state_dict().items()}, path)
    with pytest.raises(ModelFolderError, match=r"model.safetensors: .* is stored as torch.int8; copy it again"):
        load_weights(network, folder)
    path.unlink()
    with pytest.raises(ModelFolderError, match=r"model has no model.safetensors; copy the whole folder, or train"):
        load_weights(network, folder)


def test_whoever_may_read_the_config_may_read_the_weights(folder):
    modes = {path.stat().st_mode for path in folder.iterdir()}
    assert len(modes) == 1


def test_other_weights_do_away_with_a_validation(folder, network):
    for name in ("validation.json", "failures.png"):
        (folder / name).write_text("of the weights before")
    (folder / "notes.txt").write_text("mine")
    write_model_folder(folder, weights=network.state_dict(), config={}, metrics={}, card="")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "metrics.json",
        "model.safetensors",
        "notes.txt",
    ]


def test_a_folder_that_could_not_be_completed_has_no_config(tmp_path, network):
    with pytest.raises(TypeError):
        write_model_folder(
            tmp_path, weights=network.state_dict(), config={"format": object()}, metrics={}, card="# Card\n"
        )
    assert not (tmp_path / "config.json").exists()
