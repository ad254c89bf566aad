"""Giving a model folder its validation: scores of the localiser on images that it has not learnt from, and failures."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from cellweave import __version__
from cellweave.core import Cells, CellweaveError, DatasetError, InvalidInputError, Length, ModelFolderError, atomic_file
from cellweave.core.devices import device_description
from cellweave.core.files import sha256_of
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset, RgbImage, counted
from cellweave.localization import Locator
from cellweave.localization.locator import FORMAT as LOCATOR
from cellweave.localization.locator import VERSION as LOCATOR_VERSION
from cellweave.metrics import CellScores, ScoringProtocol, score_cells
from cellweave.training.model_folder import CARD, CHECKSUM, FAILURES, VALIDATION, WEIGHTS, read_config
from cellweave.workflows.models import read_card
from cellweave.workflows.validation_card import with_validation
from cellweave.workflows.validation_failures import draw_failures, radius_in_px
from cellweave.workflows.validation_record import FORMAT, VERSION

DEFAULT_RADIUS = Length(6.0)
"""3 µm at 0.5 µm per pixel, as the papers on BRCA-M2C score."""

REPEATS = 5
_TIMED_PIXELS = 4_000_000


@dataclass(frozen=True, slots=True)
class ValidationSummary:
    """A validation that has been written into its model folder.

    Attributes:
        folder: The model folder.
        record: Content of ``validation.json``.
        scores: On all images of the split.
        unseen: On those of groups without training images; None where that leaves out no image, or all.
    """

    folder: Path
    record: dict[str, Any]
    scores: CellScores
    unseen: CellScores | None

    @property
    def left_out(self) -> list[str]:
        """Groups of the split that have training images, too."""
        return list(self.record["unseen_groups"]["left_out"])

    @property
    def written(self) -> tuple[str, ...]:
        """Names of the files."""
        return (VALIDATION, CARD, *((FAILURES,) if self.record["failures"] else ()))


def validate_model(
    folder: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    split: str = "validation",
    protocol: ScoringProtocol = "greedy",
    radius: Length = DEFAULT_RADIUS,
    resamples: int = 1000,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    pictures: bool = True,
    progress: Progress = silent,
) -> ValidationSummary:
    """Score a localiser on a split, and write the result into its folder.

    ``validation.json`` gets the scores, with and without groups that have training images, too, and the speed;
    the model card a section on them; ``failures.png`` the regions with most errors. What an earlier validation wrote
    is replaced. An image of unknown scale is taken to have the model's.

    Args:
        folder: The model folder; of shipped models and those on the hub take a copy.
        data: The data set.
        split: Split whose images are scored.
        protocol: How cells are paired, see :func:`cellweave.metrics.score_cells`.
        radius: Distance within which a cell counts as found.
        resamples: Bootstrap resamples over the groups; 0 for no intervals.
        seed: Of the resamples.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32`` or ``bf16``.
        pictures: Write ``failures.png``, which shows images of the data set; without, an old one is removed.
        progress: Called after every image.

    Raises:
        ModelFolderError: The folder is no localiser's, or is damaged.
        DatasetError: The data set cannot be read, has no such split, or other classes than the model.
        InvalidInputError: An option makes no sense, or an image does not suit the model.
        InvalidImageError: An image cannot be read.
        OutputError: The folder cannot be written.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelFolderError(f"{folder} is no folder; a validation is written into a model folder of your own.")
    config, card = read_config(folder, kind=LOCATOR, version=LOCATOR_VERSION), read_card(folder)
    locator = Locator.from_pretrained(folder, device=device, precision=precision)
    dataset = CellDataset.open(data)
    truth = {name: dataset.read_cells(name) for name in dataset.names(split)}
    _require_fit(dataset, truth, locator, radius)
    found = _locate(locator, dataset, truth, progress)
    options: dict[str, Any] = {"protocol": protocol, "radii": [radius], "resamples": resamples, "seed": seed}
    groups = dataset.groups()
    scores = score_cells(truth, found, groups=groups, **options)
    left_out = _groups_seen(dataset, truth)
    unseen_names = [name for name in truth if groups[name] not in left_out]
    unseen = None
    if left_out and unseen_names:
        some = ({name: side[name] for name in unseen_names} for side in (truth, found))
        unseen = score_cells(*some, groups=groups, **options)
    notes = (*_notes(config, dataset, split, left_out, unseen_names), *scores.notes)
    scores = replace(scores, notes=notes)
    failures = (
        draw_failures(dataset, split, truth, found, locator, protocol=protocol, radius=radius) if pictures else None
    )
    record: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "code_version": __version__,
        CHECKSUM: sha256_of(folder / WEIGHTS),
        "data": {
            "name": dataset.name,
            "checksum": dataset.checksum,
            "licence": dataset.licence,
            "source": dataset.source,
            "split": split,
        },
        "resamples": resamples,
        "seed": seed,
        "scores": scores.to_json(),
        "unseen_groups": {"left_out": left_out, "scores": None if unseen is None else unseen.to_json()},
        "speed": _speed(locator, dataset, truth, progress),
        "failures": [] if failures is None else [one.to_json() for one in failures.regions],
        "notes": list(notes),
    }
    _write(folder, record, card, None if failures is None else failures.png)
    return ValidationSummary(folder, record, scores, unseen)


def _require_fit(dataset: CellDataset, truth: Mapping[str, Cells], locator: Locator, radius: Length) -> None:
    """Refuse before the long work what would end it or make its numbers meaningless."""
    if dataset.class_names and locator.class_names and set(dataset.class_names) != set(locator.class_names):
        raise DatasetError(
            f"{dataset.root} has the classes {list(dataset.class_names)}, but the model finds "
            f"{list(locator.class_names)}; validate on data with the same classes."
        )
    if not sum(map(len, truth.values())):
        raise DatasetError(f"the split of {dataset.root} has no cell to find; validate on annotated images.")
    for name, cells in truth.items():
        dataset.image_path(name)  # refuses layouts without an image
        try:
            radius_in_px(cells, locator, radius)
        except InvalidInputError as error:
            raise InvalidInputError(f"image {name} of {dataset.root}: {error}") from error


def _locate(locator: Locator, dataset: CellDataset, truth: Mapping[str, Cells], progress: Progress) -> dict[str, Cells]:
    found = {}
    for done, (name, cells) in enumerate(truth.items(), start=1):
        pixels = dataset.read_image(name)
        try:
            found[name] = locator.locate(pixels, mpp=cells.mpp)
        except CellweaveError as error:
            raise InvalidInputError(f"image {name} of {dataset.root}: {error}") from error
        progress("locating cells", done, len(truth), f"{counted(len(found[name]), 'cell')} in {name}")
    return found


def _groups_seen(dataset: CellDataset, truth: Mapping[str, Cells]) -> list[str]:
    """Return the groups of the scored images that have training images, too."""
    groups = dataset.groups()
    training = set(dataset.images.loc[dataset.images["split"] == "training", "group"].astype(str))
    return sorted({groups[name] for name in truth} & training)


def _notes(
    config: dict[str, Any], dataset: CellDataset, split: str, left_out: Sequence[str], unseen: Sequence[str]
) -> list[str]:
    notes = []
    if dataset.checksum not in json.dumps(config.get("training")):
        notes.append("The model did not learn from this data set: whether it has seen its patients is not known.")
    elif split == "training":
        notes.append("The model has learnt from these images, and does better on them than on others.")
    if left_out and not unseen:
        notes.append("Every group has training images: there is no score of unseen groups.")
    return notes


def _speed(locator: Locator, dataset: CellDataset, truth: Mapping[str, Cells], progress: Progress) -> dict[str, Any]:
    """Return megapixels a second of the localiser on images in memory: the median of some repeats, and the ends."""
    timed: list[tuple[RgbImage, float | None]] = []
    pixels = 0
    for name, cells in truth.items():
        if pixels < _TIMED_PIXELS:
            timed.append((dataset.read_image(name), cells.mpp))
            pixels += cells.shape[0] * cells.shape[1]
    rates = []
    for repeat in range(REPEATS):
        start = time.perf_counter()
        for image, mpp in timed:
            locator.locate(image, mpp=mpp)
        rates.append(pixels / 1e6 / (time.perf_counter() - start))
        progress("measuring the speed", repeat + 1, REPEATS)
    device = locator.predictor.device
    return {
        "megapixels_per_second": round(statistics.median(rates), 3),
        "lowest": round(min(rates), 3),
        "highest": round(max(rates), 3),
        "repeats": REPEATS,
        "images": len(timed),
        "megapixels": round(pixels / 1e6, 3),
        "device": str(device),
        "hardware": device_description(device),
        "threads": torch.get_num_threads(),
        "precision": "bf16" if locator.predictor.dtype == torch.bfloat16 else "fp32",
        "torch": str(torch.__version__),
    }


def _write(folder: Path, record: dict[str, Any], card: str, picture: bytes | None) -> None:
    if picture is None:
        (folder / FAILURES).unlink(missing_ok=True)
    else:
        with atomic_file(folder / FAILURES) as partial:
            partial.write_bytes(picture)
    with atomic_file(folder / CARD) as partial:
        partial.write_text(with_validation(card, record), encoding="utf-8")
    with atomic_file(folder / VALIDATION) as partial:
        partial.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
