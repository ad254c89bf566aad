"""The models there are: what each finds or makes, what it learnt from, and how good it is said to be."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cellweave.core import ModelFolderError
from cellweave.images import model_config as images
from cellweave.layouts import model_config as layouts
from cellweave.localization import locator
from cellweave.training.model_folder import (
    CARD,
    CHECKSUM,
    METRICS,
    ROUNDED_FROM,
    WEIGHTS,
    find_model_folder,
    garbled_config,
    list_shipped_models,
    read_any_config,
    read_config,
)
from cellweave.workflows.generation_stages import training_licences
from cellweave.workflows.validation_record import read_validation, validation_figures

KINDS = {
    locator.FORMAT: ("locator", locator.VERSION),
    layouts.FORMAT: ("layouts", layouts.VERSION),
    images.FORMAT: ("images", images.VERSION),
}
"""Kind of model, and version that this program reads, by the ``format`` of ``config.json``."""

Numbers = dict[str, float | str]


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What a model is, in a line.

    Attributes:
        name: Name of a shipped model, or what else it was asked for by.
        folder: Where it is.
        kind: ``locator``, ``layouts`` or ``images``.
        data: Names of the data sets that it was trained on.
        licences: Of those data sets, each once.
        classes: Names of its classes.
        mpp: Scale that it works at, µm per pixel; None where unknown.
        size_mb: Size of its weights file, in megabytes.
        code_version: Version of cellweave that trained it.
        numbers: What is known of its quality, by name: of a validation where there was one.
        notes: What to know before using the numbers, one sentence each.
    """

    name: str
    folder: Path
    kind: str
    data: tuple[str, ...]
    licences: tuple[str, ...]
    classes: tuple[str, ...]
    mpp: float | None
    size_mb: float
    code_version: str
    numbers: Numbers
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON."""
        return asdict(self) | {"folder": str(self.folder)}


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """All that a model folder says of its model.

    Attributes:
        summary: What it is.
        card: The model card, Markdown.
        config: Content of ``config.json``.
        metrics: Content of ``metrics.json``.
        validation: Content of ``validation.json``; None without a validation of these weights.
    """

    summary: ModelSummary
    card: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    validation: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return self.summary.to_json() | {
            "card": self.card,
            "config": self.config,
            "metrics": self.metrics,
            "validation": self.validation,
        }


def list_models() -> list[ModelSummary]:
    """Return the models that come with the package, by name.

    Raises:
        ModelFolderError: One of them is damaged.
    """
    return [_details(folder, name).summary for name, folder in list_shipped_models().items()]


def show_model(name_or_path: str | os.PathLike[str], *, revision: str | None = None) -> ModelDetails:
    """Return what a model folder says of its model.

    Args:
        name_or_path: Model folder, name of a shipped model, or ``owner/name`` on the hub.
        revision: Commit of a model on the hub.

    Raises:
        ModelFolderError: There is no such model, or a file of it is missing or damaged.
    """
    return _details(find_model_folder(name_or_path, revision=revision), str(name_or_path))


def model_kind(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the kind of a model, ``locator``, ``layouts`` or ``images``, and its ``config.json``.

    Raises:
        ModelFolderError: There is no ``config.json``, or it is not one that this program reads.
    """
    found = read_any_config(folder).get("format")
    for name, (kind, version) in KINDS.items():
        if found == name:
            return kind, read_config(folder, kind=name, version=version)
    raise ModelFolderError(f"{folder} is of format {found!r}; models are {', '.join(KINDS)}: give one of these.")


def read_metrics(folder: Path) -> dict[str, Any]:
    """Return the content of ``metrics.json``.

    Raises:
        ModelFolderError: It is missing, or no JSON object.
    """
    path = folder / METRICS
    if not path.is_file():
        raise ModelFolderError(f"model folder {folder} has no {METRICS}; copy the whole folder, or train again.")
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFolderError(f"{path} is not valid JSON ({error}); copy it again.") from error
    if not isinstance(metrics, dict):
        raise ModelFolderError(f"{path} holds no JSON object; copy it again.")
    return metrics


def read_card(folder: Path) -> str:
    """Return the model card.

    Raises:
        ModelFolderError: It is missing, or not UTF-8.
    """
    path = folder / CARD
    if not path.is_file():
        raise ModelFolderError(f"model folder {folder} has no {CARD}; copy the whole folder, or train again.")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{path} cannot be read ({error}); copy it again.") from error


def _details(folder: Path, name: str) -> ModelDetails:
    kind, config = model_kind(folder)
    metrics, card = read_metrics(folder), read_card(folder)
    if not (folder / WEIGHTS).is_file():
        raise ModelFolderError(f"model folder {folder} has no {WEIGHTS}; copy the whole folder, or train again.")
    validation, strange = read_validation(folder, config)
    try:
        data = config["training"].get("data", [])  # a model made by hand has learnt from none
        summary = ModelSummary(
            name=name,
            folder=folder,
            kind=kind,
            data=tuple(str(one["name"]) for one in (data if isinstance(data, list) else [data])),
            licences=tuple(dict.fromkeys(training_licences(config))),
            classes=tuple(str(one["name"]) for one in config["classes"]),
            mpp=None if config["mpp"] is None else float(config["mpp"]),
            size_mb=round((folder / WEIGHTS).stat().st_size / 1e6, 2),
            code_version=str(config["code_version"]),
            numbers=_numbers(folder, kind, metrics) | validation_figures(validation),
            notes=tuple(_notes(config, validation, strange)),
        )
    except ModelFolderError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise garbled_config(folder, error) from error
    return ModelDetails(summary, card, config, metrics, validation)


def _notes(config: dict[str, Any], validation: dict[str, Any] | None, strange: str | None) -> Iterator[str]:
    if strange is not None:
        yield strange
    if validation is not None and ROUNDED_FROM in config and validation[CHECKSUM] == config[ROUNDED_FROM]:
        yield "The validation is of the weights before they were rounded to bfloat16."


_FIGURES = {
    "locator": {
        "out_of_fold_f1": ("cross_validation", "f1"),
        "out_of_fold_precision": ("cross_validation", "precision"),
        "out_of_fold_recall": ("cross_validation", "recall"),
    },
    "layouts": {"decoder_f1": ("decoder", "f1"), "decoder_count_ratio": ("decoder", "count_ratio")},
    "images": {"kept_variance": ("basis", "kept_variance")},
}
"""Where ``metrics.json`` has the figures of a kind of model that are worth quoting, by the name to quote them by."""


def _numbers(folder: Path, kind: str, metrics: dict[str, Any]) -> Numbers:
    """Return the figures of ``metrics.json`` that are there: a model made by hand, or of pixels, lacks some."""
    try:
        figures = {name: (metrics.get(section) or {}).get(key) for name, (section, key) in _FIGURES[kind].items()}
        training = metrics.get("training") or {}
        figures |= {key: training.get(key) for key in ("steps", "parameters", "hardware")}
    except AttributeError as error:
        raise ModelFolderError(f"{folder / METRICS} is garbled ({error}); copy it again.") from error
    return {name: value for name, value in figures.items() if value is not None}
