"""Checking a model folder: its files, the checksum of its weights, and whether the model runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellweave.core import CellweaveError, InvalidImageError, choose_device, sha256_of
from cellweave.data import Finding, counted, read_image
from cellweave.training.model_folder import (
    CARD,
    CHECKSUM,
    FAILURES,
    FILES,
    METRICS,
    REQUIRED,
    VALIDATION,
    WEIGHTS,
    find_model_folder,
)
from cellweave.workflows.model_trial import try_model
from cellweave.workflows.models import model_kind, read_card, read_metrics
from cellweave.workflows.validation_record import read_validation

PICKLE_SUFFIXES = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".dill")
"""Endings of files whose loading may run a program."""

_PICKLE_STARTS = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
_RUN = "training"


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What a check of a model folder found.

    Attributes:
        path: The model folder.
        kind: ``locator``, ``layouts`` or ``images``.
        findings: The problems, errors first.
        passed: What is right, one line each.
    """

    path: Path
    kind: str
    findings: tuple[Finding, ...]
    passed: tuple[str, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make the model unusable, or unsafe to pass on."""
        return tuple(one for one in self.findings if one.severity == "error")

    def to_json(self) -> dict[str, Any]:
        """Return the check as JSON."""
        return {
            "path": str(self.path),
            "kind": self.kind,
            "errors": len(self.errors),
            "findings": [{"severity": one.severity, "file": one.file, "text": one.text} for one in self.findings],
            "passed": list(self.passed),
        }


def check_model(
    name_or_path: str | os.PathLike[str], *, revision: str | None = None, device: str = "auto"
) -> ModelCheck:
    """Check every file of a model folder, and run the model once: on phantom tissue, or on a layout thrown at random.

    Args:
        name_or_path: Model folder, name of a shipped model, or ``owner/name`` on the hub.
        revision: Commit of a model on the hub.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        ModelFolderError: There is no such model, or no ``config.json`` that this program reads.
        InvalidInputError: The device cannot be used.
    """
    choose_device(device)
    folder = find_model_folder(name_or_path, revision=revision)
    kind, config = model_kind(folder)
    outcomes = [
        *_check_files(folder),
        *_check_strangers(folder),
        *_check_checksum(folder, config),
        *_check_validation(folder, config),
        *_check_run(folder, kind, device),
    ]
    findings = [one for one in outcomes if isinstance(one, Finding)]
    findings.sort(key=lambda one: (one.severity, one.file))  # "error" sorts before "warning"
    return ModelCheck(folder, kind, tuple(findings), tuple(one for one in outcomes if isinstance(one, str)))


_Outcome = Iterator[Finding | str]


def _check_files(folder: Path) -> _Outcome:
    missing = [name for name in REQUIRED if not (folder / name).is_file()]
    for name in missing:
        yield Finding("error", name, "is missing: copy the whole folder, or train again.")
    for name, read in ((CARD, read_card), (METRICS, read_metrics)):
        if name not in missing:
            try:
                read(folder)
            except CellweaveError as error:
                yield Finding("error", name, str(error))
    if (folder / CARD).is_file() and not (folder / CARD).stat().st_size:
        yield Finding("warning", CARD, "is empty: nobody can tell what the model learnt from.")
    if not missing:
        yield f"all of {', '.join(REQUIRED)} are there"


def _check_strangers(folder: Path) -> _Outcome:
    pickles = False
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and _is_pickle(path):
            pickles = True
            yield Finding("error", name, "is a pickle, or may be one: loading it could run a program; remove it.")
        elif path.parent == folder and path.name not in (*FILES, _RUN):
            yield Finding("warning", name, "is no part of a model folder; no program here reads it.")
    if not pickles:
        yield "no pickle among the files"


def _is_pickle(path: Path) -> bool:
    """Return whether a file is a pickle by its ending or its first bytes; those of safetensors are a length."""
    if path.suffix.lower() in PICKLE_SUFFIXES:
        return True
    with path.open("rb") as stream:
        start = stream.read(4)
    zipped = start.startswith(b"PK\x03\x04")  # what torch.save writes
    return path.suffix != ".safetensors" and (zipped or start.startswith(_PICKLE_STARTS))


def _check_checksum(folder: Path, config: dict[str, Any]) -> _Outcome:
    if not (folder / WEIGHTS).is_file():
        return
    recorded = config.get(CHECKSUM)
    if recorded is None:
        yield Finding("warning", WEIGHTS, "cannot be verified: the folder is older than checksums in config.json.")
        return
    found = sha256_of(folder / WEIGHTS)
    if found == recorded:
        yield f"{WEIGHTS} has the recorded SHA-256, {found[:16]}…"
    else:
        yield Finding(
            "error", WEIGHTS, f"has SHA-256 {found[:16]}…, config.json says {str(recorded)[:16]}…: copy it again."
        )


def _check_validation(folder: Path, config: dict[str, Any]) -> _Outcome:
    try:
        record, strange = read_validation(folder, config) if (folder / WEIGHTS).is_file() else (None, None)
    except CellweaveError as error:
        yield Finding("error", VALIDATION, str(error))
    else:
        if strange is not None:
            yield Finding("error", VALIDATION, strange)
        if record is not None:
            yield f"{VALIDATION} is of these weights"
    if (folder / FAILURES).exists():
        try:
            read_image(folder / FAILURES)
        except InvalidImageError as error:
            yield Finding("error", FAILURES, str(error))


def _check_run(folder: Path, kind: str, device: str) -> _Outcome:
    if not (folder / WEIGHTS).is_file():
        return
    try:
        counts = try_model(folder, kind, device=device)
    except CellweaveError as error:
        yield Finding("error", WEIGHTS if WEIGHTS in str(error) else "config.json", str(error))
        return
    yield f"the weights fit the network; {counts.what}: {counted(counts.cells, 'cell')}, output finite"
