"""Model folders, local or from the hub: weights in safetensors, ``config.json``, ``metrics.json``, a model card."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cellweave.core import CellweaveError, ModelFolderError, atomic_file, sha256_of
from cellweave.data import CellClass
from cellweave.training.recipe import first_misfit

WEIGHTS, CONFIG, METRICS, CARD = "model.safetensors", "config.json", "metrics.json", "README.md"
REQUIRED = (WEIGHTS, CONFIG, METRICS, CARD)
"""What every model folder holds."""

VALIDATION, FAILURES = "validation.json", "failures.png"
EXTRAS = (VALIDATION, FAILURES)
"""What ``cellweave models validate`` adds; both speak of the weights beside them."""

FILES = (*REQUIRED, *EXTRAS)
"""All that is ever fetched from the hub."""

CHECKSUM, ROUNDED_FROM = "weights_sha256", "rounded_from_sha256"
"""Keys of ``config.json``: SHA-256 of the weights file, and of the one that rounded weights were made from."""


def find_model_folder(name_or_path: str | os.PathLike[str], *, revision: str | None = None) -> Path:
    """Return the folder of a model: a local path, the name of a shipped model, or ``owner/name`` on the hub.

    Args:
        name_or_path: What to find. An existing path wins over a shipped model, a shipped model over the hub.
        revision: Commit on the hub; required there, so that a run can be repeated.

    Raises:
        ModelFolderError: It is none of these, or the hub does not give it.
    """
    path, text = Path(name_or_path), str(name_or_path)
    shipped = list_shipped_models()
    if (text and path.is_dir()) or text in shipped:
        if revision is not None:
            raise ModelFolderError(f"--revision {revision} is given, but {text} is no model on the hub; leave it out.")
        return path if text and path.is_dir() else shipped[text]
    if revision is None or text.count("/") != 1 or path.exists():
        raise ModelFolderError(
            f"{text!r} is no model folder; shipped models are {', '.join(sorted(shipped)) or 'none'}, "
            "a model on the hub is owner/name with --revision COMMIT."
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(text, revision=revision, allow_patterns=list(FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelFolderError(f"{text} at {revision} cannot be fetched from the hub ({reason}).") from error


def list_shipped_models() -> dict[str, Path]:
    """Return the folders of the models that come with the package, by name."""
    folder = Path(str(resources.files("cellweave.weights")))
    return {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{CONFIG}"))}


def read_config(folder: Path, *, kind: str, version: int) -> dict[str, Any]:
    """Return the ``config.json`` of a model folder.

    Args:
        folder: The model folder.
        kind: The ``format`` that it must say, for instance ``"cellweave-locator"``.
        version: The ``version`` that it must say.

    Raises:
        ModelFolderError: It is missing, not JSON, or of another kind or version.
    """
    config = read_any_config(folder)
    found, stored = config.get("format"), config.get("version")
    if found != kind:
        raise ModelFolderError(
            f"{folder / CONFIG} is of format {found!r}, not {kind!r}; give a model of the right kind."
        )
    if stored != version or isinstance(stored, bool):
        raise ModelFolderError(f"{folder} is of version {stored!r}, this program reads {version}; update it.")
    return config


def read_any_config(folder: Path) -> dict[str, Any]:
    """Return the ``config.json`` of a model folder of any kind; empty where it is JSON, but no object.

    Raises:
        ModelFolderError: It is missing or not JSON.
    """
    path = folder / CONFIG
    if not path.is_file():
        hint = (
            "its training has not finished: give the training command again"
            if (folder / "training").is_dir()
            else "give the folder that `cellweave train` made"
        )
        raise ModelFolderError(f"model folder {folder} has no {CONFIG}; {hint}.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFolderError(f"{path} is not valid JSON ({error}); copy it again.") from error
    return config if isinstance(config, dict) else {}


def garbled_config(folder: Path, error: Exception) -> ModelFolderError:
    """Return what to raise when a value of ``config.json`` is missing or wrong, as ``error`` says."""
    reason = first_misfit(error) if isinstance(error, ValidationError) else str(error).splitlines()[0].rstrip(".")
    says = ": " if isinstance(error, ValidationError | CellweaveError) else " lacks or garbles "
    return ModelFolderError(f"{folder / CONFIG}{says}{reason}; copy it again.")


@contextmanager
def config_values(folder: Path) -> Iterator[None]:
    """Read values of ``config.json`` within: what is missing or wrong there is raised as an error about the folder.

    Raises:
        ModelFolderError: A value is missing, or cannot be used.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError) as error:  # ValidationError is a ValueError
        raise garbled_config(folder, error) from error


def classes_and_scale(config: Mapping[str, Any]) -> tuple[list[CellClass], float | None]:
    """Return the classes of a model and its scale, µm per pixel, None where unknown; see :func:`config_values`."""
    classes = [CellClass(str(one["name"]), str(one["colour"])) for one in config["classes"]]
    return classes, None if config["mpp"] is None else float(config["mpp"])


def load_weights(network: nn.Module, folder: Path) -> None:
    """Load the weights of a model folder, whatever precision they are stored in.

    Raises:
        ModelFolderError: The file is missing or damaged, does not fit the network, or holds NaN or infinity.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise ModelFolderError(f"model folder {folder} has no {WEIGHTS}; copy the whole folder, or train again.")
    try:
        weights = load_file(path)
        network.load_state_dict(weights)
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelFolderError(f"{path} is damaged ({error}); copy it again.") from error
    except RuntimeError as error:
        raise ModelFolderError(f"{path} does not fit {folder / CONFIG}; copy the whole folder again.") from error
    strange = [
        name
        for name, own in network.state_dict().items()
        if own.dtype.is_floating_point != weights[name].dtype.is_floating_point
    ]
    if strange:
        raise ModelFolderError(f"{path}: {strange[0]} is stored as {weights[strange[0]].dtype}; copy it again.")
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise ModelFolderError(f"{path} holds NaN or infinity: its training went wrong; train again.")


def write_model_folder(
    folder: Path, *, weights: dict[str, Tensor], config: dict[str, Any], metrics: dict[str, Any], card: str
) -> None:
    """Write the four files of a model folder, ``config.json`` last: a folder with one is complete.

    ``config.json`` gets the checksum of the weights. A validation that lies there is one of other weights: it goes.
    """
    for name in EXTRAS:
        (folder / name).unlink(missing_ok=True)
    with atomic_file(folder / WEIGHTS) as partial:
        mode = partial.stat().st_mode
        save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, partial)
        partial.chmod(mode)  # safetensors lets nobody but the owner read what it writes
    config = config | {CHECKSUM: sha256_of(folder / WEIGHTS)}
    texts = {CARD: card, METRICS: json.dumps(metrics, indent=2) + "\n", CONFIG: json.dumps(config, indent=2) + "\n"}
    for name, text in texts.items():
        with atomic_file(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")


def stored_in_bf16(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights with floating tensors in bfloat16, half the size; matches what bf16 inference uses."""
    return {name: value.to(torch.bfloat16) if value.is_floating_point() else value for name, value in weights.items()}
