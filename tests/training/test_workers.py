"""Samples prepared by worker processes are the samples; what goes wrong in a worker is told as if there were none."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import get_worker_info

from cellweave.core import Cells, InvalidImageError, numpy_generator, torch_generator
from cellweave.data import CellDataset, DatasetWriter
from cellweave.localization import LocatorRecipe
from cellweave.localization.samples import LocatorSamples
from cellweave.training import FitRecipe, fit, initialise, make_accelerator


class Noise:
    """Sample i is noise of i alone, and the number of the worker that made it."""

    def __getitem__(self, index):
        worker = get_worker_info()
        x = numpy_generator(0, "noise", index).normal(size=4).astype(np.float32)
        return {"x": torch.from_numpy(x), "worker": torch.tensor(-1 if worker is None else worker.id)}


def train(samples, folder, *, workers, loss, steps=6):
    network = nn.Linear(4, 1)
    initialise(network, torch_generator(1, "weights"))
    return fit(
        network,
        loss,
        samples,
        FitRecipe(batch_size=4, learning_rate=0.1, precision="fp32", workers=workers),
        folder=folder,
        steps=steps,
        seed=0,
        run={},
        accelerator=make_accelerator("cpu"),
    )


def test_workers_change_nothing(tmp_path):
    seen = []

    def loss(model, batch, generator):
        seen.append(batch["worker"].unique().tolist())
        noise = torch.randn(batch["x"].shape, generator=generator)
        return {"loss": (model(batch["x"] + 0.1 * noise) - 1).square().mean()}

    alone = train(Noise(), tmp_path / "alone", workers=0, loss=loss)
    assert seen == [[-1]] * 6
    helped = train(Noise(), tmp_path / "helped", workers=2, loss=loss)
    assert seen[6:] == [[0], [1]] * 3  # both did their share
    assert all(torch.equal(alone[name], helped[name]) for name in alone)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_image_is_one_clean_line(tmp_path, workers):
    root = tmp_path / "set"
    with DatasetWriter(root, name="t", classes=["a"], licence="CC0-1.0", source="test") as writer:
        cells = Cells([[5, 5]], [0], classes=("a",), shape=(40, 40))
        writer.add("one", cells, pixels=np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    file = root / "images" / "one.png"
    file.write_bytes(file.read_bytes()[:2000])
    recipe = LocatorRecipe.model_validate({"augmentation": {"crop_px": 32}})
    samples = LocatorSamples([(CellDataset.open(root), "one")], recipe, mpp=None, seed=0)
    with pytest.raises(
        InvalidImageError, match=rf"^{re.escape(str(file))} is damaged or cut short \(.*\); .*\.$"
    ) as told:
        train(samples, tmp_path / "run", workers=workers, loss=lambda *_: pytest.fail("there is no batch"))
    assert "Traceback" not in str(told.value)
