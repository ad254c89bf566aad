import json
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from cellweave.core import InvalidInputError, ModelFolderError
from cellweave.data.phantom import phantom_patch
from cellweave.encoders import ImageEncoder, TorchScriptEncoder, patch_encoder
from cellweave.encoders.folder import ABOUT, WEIGHTS
from cellweave.encoders.image_encoder import SHIPPED, whitening_of

ENCODER = ImageEncoder.from_pretrained()
FOLDER = Path(str(resources.files("cellweave.weights"))) / SHIPPED
PATCHES = np.stack([phantom_patch(i, seed=0, size=64, mpp=0.5).pixels for i in range(5)])


class Means(torch.nn.Module):
    """Mean of every channel, and of the whole where features are asked for."""

    def forward(self, images: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        return images.mean(dim=(2, 3)) if return_features else images.mean(dim=(1, 2, 3))[:, None]


class Plain(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(2).amax(dim=2)


@pytest.fixture
def script(tmp_path):
    def save(module):
        path = tmp_path / "net.pt"
        with pytest.warns(DeprecationWarning, match="torch.jit"):
            torch.jit.save(torch.jit.script(module), str(path))
        return path

    return save


def test_the_shipped_encoder_is_small_and_says_what_it_learnt_from():
    assert (FOLDER / WEIGHTS).stat().st_size <= 4_000_000
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "BSD-3-Clause" in card
    assert "seed 0" in card
    assert "tools/train_image_encoder.py" in card
    assert json.loads((FOLDER / ABOUT).read_text(encoding="utf-8"))["training"]["parameters"] <= 2_000_000


def test_features_do_not_depend_on_the_batch(monkeypatch):
    whole = ENCODER.encode(PATCHES)
    assert (whole.features.shape, whole.logits.shape) == ((5, 64), (5, 4))
    assert np.isfinite(whole.features).all()
    monkeypatch.setattr("cellweave.encoders.image_encoder.BATCH", 2)
    np.testing.assert_allclose(ENCODER.encode(PATCHES).features, whole.features, atol=2e-3)
    none = ENCODER.encode(PATCHES[:0])
    assert (none.features.shape, none.logits.shape) == ((0, 64), (0, 4))


def test_whitened_features_are_uncorrelated():
    rng = np.random.default_rng(0)
    mixed = (rng.normal(size=(500, 3)) @ np.array([[2, 1, 0], [0, 1, 0.5], [0, 0, 0.3]])).astype(np.float32)
    np.testing.assert_allclose(np.cov((mixed @ whitening_of(mixed)).T), np.eye(3), atol=1e-5)
    flat = whitening_of(np.column_stack([mixed[:, 0], np.zeros(500)]))
    assert flat[1, 1] == pytest.approx(100 * flat[0, 0], rel=1e-4)


def test_bad_patches_are_named():
    for patches in (PATCHES[:, :32], PATCHES.astype(np.float32), PATCHES[0]):
        with pytest.raises(InvalidInputError, match=r"patches are uint8 \(N, 64, 64, 3\), got"):
            ENCODER.encode(patches)


def test_damaged_folders_are_named(tmp_path):
    with pytest.raises(ModelFolderError, match="holds no image encoder"):
        ImageEncoder.from_pretrained(tmp_path)
    copy = shutil.copytree(FOLDER, tmp_path / "copy")
    assert patch_encoder(copy).name == ENCODER.name == patch_encoder("in-domain").name
    (copy / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(ModelFolderError, match="holds no image encoder"):
        patch_encoder(copy)
    about = json.loads((copy / ABOUT).read_text(encoding="utf-8"))
    (copy / ABOUT).write_text(json.dumps(about | {"version": 2}), encoding="utf-8")
    with pytest.raises(ModelFolderError, match="version 2; this program reads"):
        patch_encoder(copy)


def test_a_torchscript_file_is_asked_for_features(script):
    found = patch_encoder(script(Means()))
    assert isinstance(found, TorchScriptEncoder)
    assert found.name == "TorchScript net.pt, patches resized to 299×299"
    encoded = found.encode(PATCHES)
    assert encoded.logits is None
    np.testing.assert_allclose(encoded.features, PATCHES.mean(axis=(1, 2)), atol=1)
    assert found.encode(PATCHES[:0]).features.shape == (0, 3)


def test_another_module_gives_its_output(script):
    flat = np.broadcast_to(PATCHES[:, :1, :1], PATCHES.shape).copy()
    np.testing.assert_allclose(patch_encoder(script(Plain())).encode(flat).features, flat[:, 0, 0], atol=1e-3)


class Fewer(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        means = images.mean(dim=(2, 3))
        return means, means[1:]


class Maps(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


class Narrow(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.reshape(-1, 7)


@pytest.mark.parametrize(
    ("module", "message"),
    [(Maps(), "gives no features"), (Fewer(), "gives no features"), (Narrow(), "cannot take patches")],
)
def test_a_module_that_does_not_fit_is_named(script, module, message):
    with pytest.raises(InvalidInputError, match=f"{message}.*give in-domain, a folder made by"):
        patch_encoder(script(module)).encode(PATCHES)


class Pair(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        means = images.mean(dim=(2, 3))
        return means, means[:, :2] / 100


def test_the_second_of_two_outputs_is_logits(script):
    found = patch_encoder(script(Pair())).encode(PATCHES)
    np.testing.assert_allclose(found.logits, found.features[:, :2] / 100, rtol=1e-6)
    none = patch_encoder(script(Pair())).encode(PATCHES[:0])
    assert (none.features.shape, none.logits.shape) == ((0, 3), (0, 2))
