"""The model card of a localiser."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any


def locator_card(config: dict[str, Any], metrics: dict[str, Any], *, sources: Sequence[str]) -> str:
    """Return ``README.md`` of a model folder: what the model is, what it learnt from, how well it did out of fold.

    Args:
        config: Content of ``config.json``.
        metrics: Content of ``metrics.json``.
        sources: Where each of the real data sets comes from, in words.
    """
    validated, training = metrics["cross_validation"], metrics["training"]
    data = config["training"]["data"]
    data = data if isinstance(data, list) else [data]
    synthetic = training.get("synthetic")
    finder = config["peak_finder"]
    scale = "unknown scale" if config["mpp"] is None else f"{config['mpp']:g} µm per pixel"
    names = ", ".join(one["name"] for one in config["classes"])
    classes = f" and gives each a class: {names}" if names else "; it knows no classes"
    described = "; ".join(
        f"{one['name']} ({source}), licence {one['licence']}, checksum `{one['checksum'][:16]}`"
        for one, source in zip(data, sources, strict=True)
    )
    points = [
        f"**Training data**: {described}; {training['images']} images, {training['cells']} cells in all.",
        *_synthetic_points(synthetic),
        *_licences([*data, *(synthetic["data"] if synthetic else [])]),
        f"**Training**: {training['steps']} steps, seed {config['training']['seed']}{_time(training)}, "
        f"{training['hardware']}, cellweave {config['code_version']}; the whole recipe is in `config.json`."
        f"{_command(training)}",
        f"**Reading the map**: {_finder(finder)} by {validated['folds']}-fold cross-validation over "
        f"{validated['groups']} groups (patients or slides)."
        f"{_turns(config['recipe'].get('turns', 1))}{_class_reading(config)}",
        f"**Out of fold**: F1 {validated['f1']:.3f}, precision {validated['precision']:.3f}, recall "
        f"{validated['recall']:.3f} at {validated['radius_px']:g} px (protocol `{validated['protocol']}`, all cells "
        f"regardless of class), with networks trained for {validated['steps_per_fold']} steps each; the final network "
        f"had more images and steps.{' Note: ' + validated['note'] if 'note' in validated else ''}",
    ]
    listed = "\n".join(_folded(point) for point in points)
    return f"""# Cell localiser trained on {" and ".join(dict.fromkeys(one["name"] for one in data))}

Finds cell centres in H&E images at {scale}{classes}.

{listed}

Use: `cellweave locate IMAGE --model THIS_FOLDER --out OUT`. Not a medical device.
"""


def _finder(finder: dict[str, Any]) -> str:
    window = f"highest pixel of a {finder['window_px']}-pixel window"
    if "decoder" not in finder:
        return f"{window}, above {finder['threshold']:g}; chosen"
    low = f"{finder['threshold']:g}" if "threshold" in finder else f"{finder['share']:.3g} times the map's highest"
    return f"{window}, above {low}: `{finder['decoder']}` with the settings of its source, not calibrated; scored"


def _time(training: dict[str, Any]) -> str:
    """Return how long the training took in all; nothing of one that is older than this record."""
    if "seconds" not in training:
        return ""
    return f", {training['seconds']:,.0f} s ({training['seconds'] / 60:.0f} minutes) with folds and calibration"


def _command(training: dict[str, Any]) -> str:
    if "command" not in training:
        return ""
    return f" Command, with data sets by their names: `{training['command']}`."


def _turns(turns: int) -> str:
    return "" if turns == 1 else f" Averaged over {turns} orientations of the image."


def _class_reading(config: dict[str, Any]) -> str:
    if config.get("class_factors") is None:
        return ""
    pairs = (
        f"{one['name']} {factor:g}" for one, factor in zip(config["classes"], config["class_factors"], strict=True)
    )
    neighbours = config.get("class_neighbours", {"strength": 0})
    said = (
        f" and by their mean over the cells around, weighted by a Gaussian of {neighbours['radius_px']:g} px, to the "
        f"power of {neighbours['strength']:g}"
        if neighbours["strength"]
        else ""
    )
    return f" Class probabilities are multiplied by {', '.join(pairs)}{said}, for the highest mean F1 of the classes."


def _synthetic_points(synthetic: dict[str, Any] | None) -> list[str]:
    if synthetic is None:
        return []
    described = "; ".join(
        f"{one['name']} ({one['source']}), licence {one['licence']}, checksum `{one['checksum'][:16]}`, "
        + ", ".join(f"{name.replace('_', ' ')} {_short(value)}" for name, value in one["generator"].items())
        for one in synthetic["data"]
    )
    return [
        f"**Synthetic training data**: {100 * synthetic['share']:.3g} % of the training crops, from "
        f"{synthetic['images']} generated images with {synthetic['cells']} cells: {described}."
    ]


def _licences(data: Sequence[dict[str, Any]]) -> list[str]:
    licences = list(dict.fromkeys(one["licence"] for one in data))
    if len(licences) == 1:
        return []
    return [
        f"**Licences**: {'; '.join(licences)}. The model learnt from data under each of them, synthetic data included: "
        "the strictest holds."
    ]


def _short(value: object) -> str:
    """Return a value of the provenance, checksums by their first 16 digits."""
    values = value if isinstance(value, list) else [value]
    return " and ".join(f"`{one[:16]}`" if isinstance(one, str) and len(one) == 64 else str(one) for one in values)


def _folded(point: str) -> str:
    return textwrap.fill(
        point, 120, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
