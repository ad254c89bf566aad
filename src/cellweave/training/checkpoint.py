"""Checkpoints: the whole state of a run in safetensors and JSON, so that a resumed run ends as one never stopped."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cellweave.core import ModelFolderError, atomic_folder
from cellweave.training.stepper import Stepper

_NAME = re.compile(r"step-(\d{8})")


class Checkpoint:
    """The checkpoints of one run, a folder each, of which the latest is kept.

    Args:
        folder: Where they are; made when the first is saved.
        run: What identifies the run (recipe, seed, steps, data): resuming under another is refused.
    """

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self.folder = folder
        self.run = json.loads(json.dumps(run))

    def save(self, stepper: Stepper) -> None:
        """Save the state after ``stepper.step`` steps, then remove older checkpoints."""
        with atomic_folder(self.folder / f"step-{stepper.step:08d}", overwrite=True) as partial:
            save_file(_plain(stepper.raw_model.state_dict()), partial / "model.safetensors")
            save_file(_plain(stepper.averaged), partial / "averaged.safetensors")
            save_file(_optimizer_tensors(stepper), partial / "optimizer.safetensors")
            (partial / "state.json").write_text(json.dumps({"step": stepper.step, "run": self.run}, indent=2))
        for path in self.folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if path.name.startswith(".") or (match and int(match[1]) < stepper.step):
                shutil.rmtree(path)

    def latest(self) -> Path | None:
        """Return the folder of the latest checkpoint; None when there is none."""
        if not self.folder.is_dir():
            return None
        return max((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), default=None)

    def restore(self, stepper: Stepper) -> bool:
        """Bring ``stepper`` to the latest checkpoint; return whether there was one.

        Raises:
            ModelFolderError: The checkpoint is damaged or belongs to another run.
        """
        folder = self.latest()
        if folder is None:
            return False
        try:
            state = json.loads((folder / "state.json").read_text())
            weights = load_file(folder / "model.safetensors")
            averaged = load_file(folder / "averaged.safetensors")
            moments = load_file(folder / "optimizer.safetensors")
        except (OSError, ValueError, SafetensorError) as error:
            raise ModelFolderError(f"checkpoint {folder} is damaged ({error}); remove it to start anew.") from error
        stored = state.get("run") if isinstance(state, dict) else None
        if not isinstance(stored, dict) or not isinstance(state.get("step"), int):
            raise ModelFolderError(f"checkpoint {folder} is damaged (state.json); remove it to start anew.")
        differing = sorted(key for key in self.run if stored.get(key) != self.run[key])
        if differing:
            key = differing[0]
            raise ModelFolderError(
                f"{folder.parent} holds a run with another {key} ({_short(stored.get(key))}, not "
                f"{_short(self.run[key])}); give the same settings to resume it, or another --out, or --overwrite."
            )
        try:
            stepper.raw_model.load_state_dict(weights)
            for name, value in averaged.items():
                stepper.averaged[name].copy_(value)
        except (RuntimeError, KeyError) as error:
            raise ModelFolderError(f"checkpoint {folder} does not fit the model; remove it to start anew.") from error
        _restore_optimizer(stepper, moments)
        stepper.step = int(state["step"])
        return True


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _plain(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in state.items()}


def _optimizer_tensors(stepper: Stepper) -> dict[str, torch.Tensor]:
    state = stepper.optimizer.state_dict()["state"]
    return _plain({f"{index}.{name}": value for index, values in state.items() for name, value in values.items()})


def _restore_optimizer(stepper: Stepper, tensors: dict[str, torch.Tensor]) -> None:
    whole = stepper.optimizer.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    whole["state"] = state
    stepper.optimizer.load_state_dict(whole)
    for group in stepper.optimizer.param_groups:
        for parameter in group["params"]:
            moments = stepper.optimizer.state[parameter]
            for name, value in moments.items():
                if value.shape == parameter.shape:  # fused optimisers want the parameter's memory format, too
                    moments[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
