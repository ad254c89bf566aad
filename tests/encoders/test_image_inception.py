import io
import os
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cellweave.core import InvalidInputError, ModelFolderError
from cellweave.data.phantom import phantom_patch
from cellweave.encoders import InceptionEncoder, patch_encoder
from cellweave.encoders.image_inception import inception_network
from cellweave.metrics.image_distances import inception_score, kernel_distance

PATCHES = np.stack([phantom_patch(i, seed=0, size=64, mpp=0.5).pixels for i in range(20)])
SHAPES = {
    "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
    "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
    "fc.weight": (1008, 2048),
    "fc.bias": (1008,),
}
FEW = {name: torch.zeros(1).expand(shape) for name, shape in SHAPES.items()}
"""Weights that the network has, of which nearly all are left out."""


@pytest.fixture(scope="module")
def network():
    """The network with the weights that it is made with, of a fixed seed."""
    try:
        library = inception_network()
    except InvalidInputError as error:
        pytest.skip(f"the extra inception: {error}")

    class Untrained(library):
        def load_state_dict(self, weights):
            assert weights == {}

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Untrained("untrained", ["2048", "logits_unbiased"], feature_extractor_weights_path=nothing)


@pytest.fixture(scope="module")
def weight_files(network, tmp_path_factory):
    """The same weights as ``.pth`` of new and of old formats, and in safetensors, without counts of batches."""
    folder = tmp_path_factory.mktemp("inception")
    weights = network.state_dict()
    torch.save(weights, folder / "new.pth")
    torch.save(weights, folder / "old.pth", _use_new_zipfile_serialization=False)
    counted = [name for name in weights if name.endswith("num_batches_tracked")]
    save_file({name: value for name, value in weights.items() if name not in counted}, folder / "net.safetensors")
    yield [folder / name for name in ("new.pth", "old.pth", "net.safetensors")]
    for path in folder.iterdir():  # some hundred megabytes, which pytest would keep
        path.unlink()


def test_features_and_logits_are_those_of_the_network(network, weight_files):
    levels = torch.from_numpy(PATCHES[:3].transpose(0, 3, 1, 2).copy())
    features, logits = network(levels)
    assert (features.shape, logits.shape) == ((3, 2048), (3, 1008))
    np.testing.assert_allclose(logits, features @ network.fc.weight.T, atol=1e-5)
    for path in weight_files:
        found = patch_encoder(path)
        assert isinstance(found, InceptionEncoder)
        assert found.name.startswith(f"Inception {path.name} (sha256 ")
        encoded = found.encode(PATCHES[:3])
        np.testing.assert_allclose(encoded.features, features, rtol=1e-5)
        np.testing.assert_allclose(encoded.logits, logits, rtol=1e-4, atol=1e-5)


def test_scores_by_torchmetrics(weight_files):
    encoder = patch_encoder(weight_files[0])
    seen, none = encoder.encode(PATCHES), encoder.encode(PATCHES[:0])
    assert (none.features.shape, none.logits.shape) == ((0, 2048), (0, 1008))
    assert 1 <= inception_score(seen.logits).mean <= 20
    dark = encoder.encode(PATCHES // 4)
    assert kernel_distance(seen.features, dark.features).mean > 10 * kernel_distance(*[seen.features] * 2).mean
    with pytest.raises(InvalidInputError, match="patches are uint8"):
        encoder.encode(PATCHES[:, :32])


def test_a_network_that_lacks_weights_is_refused(network, weight_files, tmp_path):
    weights = network.state_dict()
    del weights["Mixed_5b.branch1x1.conv.weight"]
    torch.save(weights, tmp_path / "part.pth")
    with pytest.raises(ModelFolderError, match=r"Missing key.*Mixed_5b.branch1x1.conv.weight.*give in-domain") as error:
        patch_encoder(tmp_path / "part.pth")
    assert "\n" not in str(error.value)


class Trap:
    """Runs a command where it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch sprung",)


def write_bad_files():
    torch.save(FEW | {"trap": Trap()}, "code.pth")
    torch.save(FEW | {"trap": Trap()}, "old-code.pth", _use_new_zipfile_serialization=False)
    torch.save({"weights": torch.zeros(2)}, "other.pth")
    torch.save(FEW | {"fc.weight": torch.zeros(1).expand(1000, 2048)}, "imagenet.pth")
    torch.save(FEW | {"fc.bias": torch.full((1008,), torch.nan)}, "nan.pth")
    torch.save([torch.zeros(2)], "list.pth")
    torch.save({"model": FEW}, "nested.pth")
    whole = io.BytesIO()
    torch.save(FEW, whole)
    with open("cut.pth", "wb") as file:
        file.write(whole.getvalue()[:300])
    with open("text.pth", "w") as file:
        file.write("no network")
    open("empty.pth", "w").close()
    save_file({"weights": torch.zeros(2)}, "other.safetensors")
    with open("other.safetensors", "rb") as whole_file, open("cut.safetensors", "wb") as file:
        file.write(whole_file.read()[:-4])


BAD = {
    "absent.pth": "there is no encoder absent.pth; give in-domain",
    "code.pth": "code.pth is no file of weights alone, so it is not read",
    "old-code.pth": "old-code.pth is no file of weights alone, so it is not read",
    "other.pth": r"Conv2d_1a_3x3.conv.weight is absent, not \(32, 3, 3, 3\)",
    "imagenet.pth": r"fc.weight is \(1000, 2048\), not \(1008, 2048\)",
    "nan.pth": "fc.bias holds NaN or infinity; copy the file again",
    "list.pth": "list.pth does not hold weights by name",
    "nested.pth": "nested.pth does not hold weights by name",
    "cut.pth": "cut.pth is no file of weights",
    "text.pth": "text.pth is no file of weights",
    "empty.pth": "empty.pth is no file of weights",
    "other.safetensors": "Conv2d_1a_3x3.conv.weight is absent",
    "cut.safetensors": "cut.safetensors is no file of weights, or damaged",
}


def test_bad_files_are_named_in_a_line_and_nothing_in_them_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bad_files()
    for name, message in BAD.items():
        with pytest.raises(ModelFolderError, match=message) as error:
            patch_encoder(name)
        assert "\n" not in str(error.value)
    assert not (tmp_path / "sprung").exists()


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    torch.save(FEW, tmp_path / "few.pth")
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(InvalidInputError, match=r"needs torch_fidelity.*; pip install 'cellweave\[inception\]'"):
        patch_encoder(tmp_path / "few.pth")
