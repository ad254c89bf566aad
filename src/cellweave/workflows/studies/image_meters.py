"""The encoder and the localiser that a study of image models measures with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cellweave.core import DatasetError, sha256_of
from cellweave.data import CellDataset
from cellweave.encoders import patch_encoder
from cellweave.localization import Locator
from cellweave.training.model_folder import WEIGHTS, find_model_folder
from cellweave.workflows.studies.image_measures import RADIUS, PatchMeter
from cellweave.workflows.studies.options import ImageStudyOptions

DEFAULT_LOCATOR = "locator-brca-m2c"
NO_LOCATOR = "none"


class StudyMeter:
    """Encoder and localiser, and what to say of them.

    Args:
        dataset: Whose classes the localiser must find.
        options: Say which encoder and which localiser, and where that runs.

    Attributes:
        meter: The two.
        notes: What is not measured, and why.
        fidelity: What F1 is, one sentence; empty where it is not measured.

    Raises:
        ModelFolderError: There is no such model or encoder.
        DatasetError: The localiser that is asked for finds other classes.
    """

    def __init__(self, dataset: CellDataset, options: ImageStudyOptions) -> None:
        locator = options.locator
        self.notes: tuple[str, ...] = ()
        self.fidelity = ""
        found, checksum = None, None
        if locator != NO_LOCATOR:
            folder = find_model_folder(locator or DEFAULT_LOCATOR)
            found = Locator.from_pretrained(folder, device=options.device)
            checksum = sha256_of(folder / WEIGHTS)
            if set(found.class_names) != set(dataset.class_names):
                classes = f"{list(dataset.class_names)}, but the localiser finds {list(found.class_names)}"
                if locator is not None:
                    raise DatasetError(
                        f"{dataset.root} has the classes {classes}; give one with the same classes with --locator, or "
                        "--locator none."
                    )
                self.notes = (f"F1 is not measured: the data set has the classes {classes}; give another --locator.",)
                found, checksum = None, None
        self.meter = PatchMeter(patch_encoder(options.encoder), found)
        self.identity: dict[str, Any] = {
            "encoder": self.meter.encoder.name,
            "locator": checksum,
            "locator_mpp": None if found is None else found.mpp,
        }
        if found is not None:
            given = locator or DEFAULT_LOCATOR
            self.fidelity = _fidelity_in_words(Path(given).name or Path(given).resolve().name, found.mpp)


def _fidelity_in_words(name: str, mpp: float | None) -> str:
    within = f"{RADIUS.value:g} px at its scale" + ("" if mpp is None else f" ({RADIUS.value * mpp:g} µm)")
    return (
        f"F1 of the cells that the localiser {name} finds, against those painted, nearest first, within {within}; "
        "the mean is that of the classes."
    )
