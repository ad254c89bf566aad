"""Two processes share every batch and stay in step: the run is that of one process with the whole batch.

The test runs this file as the program of each process.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from cellweave.core import InvalidInputError, torch_generator
from cellweave.training import FitRecipe, fit, initialise, make_accelerator


class Samples:
    def __getitem__(self, index):
        x = torch.randn(5, generator=torch_generator(0, "x", index))
        return {"x": x, "y": x.sum(0, keepdim=True), "index": torch.tensor(index)}


def train(folder, accelerator, *, batch_size=4):
    """Return the sample numbers of every step, the last weights and the averaged ones."""
    seen = []

    def loss(model, batch, generator):
        seen.append(batch["index"])
        return {"loss": (model(batch["x"]) - batch["y"]).square().mean()}

    network = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1))
    initialise(network, torch_generator(3, "weights"))
    recipe = FitRecipe(batch_size=batch_size, learning_rate=0.01, precision="fp32", log_every=2, checkpoint_every=2)
    averaged = fit(network, loss, Samples(), recipe, folder=folder, steps=6, seed=0, run={}, accelerator=accelerator)
    weights = {f"last.{name}": value for name, value in network.state_dict().items()}
    return {"seen": torch.stack(seen), **weights, **{f"averaged.{name}": value for name, value in averaged.items()}}


def one_of_two(rank, folder):
    store = torch.distributed.FileStore(str(folder / "store"), 2)  # where a port could be taken already
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    accelerator = make_accelerator("cpu")
    assert (accelerator.num_processes, accelerator.process_index) == (2, rank)
    with pytest.raises(InvalidInputError, match=r"a batch of 5 cannot be shared by 2 processes; set fit.batch_size"):
        train(folder, accelerator, batch_size=5)
    save_file(train(folder, accelerator), folder / f"rank-{rank}.safetensors")


def in_two_processes(folder):
    shared = {**os.environ, "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    if Path("/sys/class/net/lo").exists():
        shared["GLOO_SOCKET_IFNAME"] = "lo"  # a host name that resolves to nowhere must not matter
    started = [
        subprocess.Popen(
            [sys.executable, __file__, str(rank), str(folder)],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for process in started:
            said, _ = process.communicate(timeout=240)
            assert process.returncode == 0, said
    finally:
        for process in started:
            process.kill()
    return [load_file(folder / f"rank-{rank}.safetensors") for rank in range(2)]


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path):
    alone = train(tmp_path / "one", make_accelerator("cpu"))
    (tmp_path / "two").mkdir()
    first, second = in_two_processes(tmp_path / "two")
    assert alone.pop("seen").tolist() == [[4 * step + i for i in range(4)] for step in range(6)]
    assert first.pop("seen").tolist() == [[4 * step, 4 * step + 1] for step in range(6)]
    assert second.pop("seen").tolist() == [[4 * step + 2, 4 * step + 3] for step in range(6)]
    for name, value in first.items():
        assert torch.equal(value, second[name])
        # the mean of two halves is summed in another order than the whole: float32 rounding through 6 steps of AdamW
        torch.testing.assert_close(value, alone[name], rtol=1e-4, atol=1e-5)
    assert [path.name for path in (tmp_path / "two" / "checkpoints").iterdir()] == ["step-00000006"]


if __name__ == "__main__":
    one_of_two(int(sys.argv[1]), Path(sys.argv[2]))
