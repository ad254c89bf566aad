"""The model card of a localiser."""

from __future__ import annotations

from typing import Any


def locator_card(config: dict[str, Any], metrics: dict[str, Any], *, source: str) -> str:
    """Return ``README.md`` of a model folder: what the model is, what it learnt from, how well it did out of fold."""
    validated, training = metrics["cross_validation"], metrics["training"]
    data = config["training"]["data"]
    finder = config["peak_finder"]
    scale = "unknown scale" if config["mpp"] is None else f"{config['mpp']:g} µm per pixel"
    names = ", ".join(one["name"] for one in config["classes"])
    classes = f" and gives each a class: {names}" if names else "; it knows no classes"
    return f"""# Cell localiser trained on {data["name"]}

Finds cell centres in H&E images at {scale}{classes}.

- **Training data**: {data["name"]} ({source}); {training["images"]} images, {training["cells"]} cells, licence
  {data["licence"]}; checksum `{data["checksum"][:16]}`.
- **Training**: {training["steps"]} steps, seed {config["training"]["seed"]}, {training["hardware"]}, cellweave
  {config["code_version"]}; the whole recipe is in `config.json`.
- **Reading the map**: highest pixel of a {finder["window_px"]}-pixel window, above {finder["threshold"]:g}; chosen by
  {validated["folds"]}-fold cross-validation over {validated["groups"]} groups (patients or slides).
- **Out of fold**: F1 {validated["f1"]:.3f}, precision {validated["precision"]:.3f}, recall {validated["recall"]:.3f} at
  {validated["radius_px"]:g} px (protocol `{validated["protocol"]}`, all cells regardless of class), with networks
  trained for {validated["steps_per_fold"]} steps each; the final network had more images and steps.

Use: `cellweave locate IMAGE --model THIS_FOLDER --out OUT`. Not a medical device.
"""
