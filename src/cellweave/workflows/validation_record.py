"""``validation.json`` of a model folder: the scores of a localiser, and which weights, data and machine they are of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cellweave.core import ModelFolderError, sha256_of
from cellweave.training.model_folder import CHECKSUM, ROUNDED_FROM, VALIDATION, WEIGHTS

FORMAT, VERSION = "cellweave-validation", 1


def read_validation(folder: Path, config: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """Return the validation of a model folder's weights, or why there is none that can be used.

    Args:
        folder: The model folder.
        config: Content of its ``config.json``.

    Returns:
        The content of ``validation.json`` and None; or None and a sentence; or None twice where there is no such file.

    Raises:
        ModelFolderError: The file is damaged, or of a later version.
    """
    path = folder / VALIDATION
    if not path.exists():
        return None, None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFolderError(f"{path} is not valid JSON ({error}); validate the model again.") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT or record.get("version") != VERSION:
        raise ModelFolderError(
            f'{path} does not say "format": "{FORMAT}", "version": {VERSION}; validate the model again.'
        )
    try:
        validation_figures(record)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ModelFolderError(f"{path} lacks or garbles {error}; validate the model again.") from error
    own = config.get(CHECKSUM) or sha256_of(folder / WEIGHTS)
    if record.get(CHECKSUM) not in (own, config.get(ROUNDED_FROM)):
        return None, f"{VALIDATION} is of other weights than these: validate the model again."
    return record, None


def validation_figures(record: dict[str, Any] | None) -> dict[str, float | str]:
    """Return the figures of a validation that are worth quoting, by name; none without one."""
    if record is None:
        return {}
    scores = record["scores"]
    [mean] = scores["mean_class_f1"].values()
    figures = {
        "validation_f1": scores["rows"][0]["f1"],
        "validation_mean_class_f1": mean,
        "validation_mae": scores["counting"]["mae"],
        "megapixels_per_second": record["speed"]["megapixels_per_second"],
    }
    return {name: round(float(value), 4) for name, value in figures.items() if value is not None}
