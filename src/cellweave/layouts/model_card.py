"""The model card of a layout model."""

from __future__ import annotations

from typing import Any

from cellweave.training.starting_point import beginning_in_words, data_records


def layout_card(config: dict[str, Any], metrics: dict[str, Any], *, source: str) -> str:
    """Return ``README.md`` of a model folder: what the model is, what it learnt from, how its channels are read."""
    training, data, decoder = metrics["training"], data_records(config)[0], metrics["decoder"]
    recipe = config["recipe"]
    names = ", ".join(one["name"] for one in config["classes"])
    side = recipe["frame"]["crop_px"]
    scale = "unknown scale" if config["mpp"] is None else f"{config['mpp']:g} µm per pixel"
    told = _told(config)
    begun, before = beginning_in_words(config)
    return f"""# Layouts of cells, learnt from {data["name"]}

Generates positions and classes ({names}) of the cells of {side}×{side}-pixel windows at {scale}{_densities(recipe)}.

- **Training data**: {data["name"]} ({source}); {training["images"]} images, licence {data["licence"]};
  checksum `{data["checksum"][:16]}`.{before}
- **Training**: {training["steps"]} steps, seed {config["training"]["seed"]}, {training["parameters"]:,} parameters,
  {training["hardware"]}, cellweave {config["code_version"]}; {begun}; the whole recipe is in `config.json`.
- **Can be asked for**: {told}.
- **Reading the channels**: {recipe["channels"]["cells"]}, window {decoder["window_px"]} px, threshold
  {decoder["threshold"]:g}, chosen on training crops restored from half noise, never on generated layouts.

Use: `cellweave generate layouts --model THIS_FOLDER --count 50 --seed 7 --out OUT`.
"""


def _densities(recipe: dict[str, Any]) -> str:
    """Return in words what the model draws beside the cells."""
    density = recipe["channels"]["density"]
    return "" if density == "none" else f",\ntogether with the spatial density of each class ({density})"


def _told(config: dict[str, Any]) -> str:
    """Return in words what the model can be told of the number of cells."""
    condition = config["recipe"]["condition"]
    if condition == "none":
        return "nothing; the number of cells is as it comes"
    if condition == "categories":
        bounds = ", ".join(f"{bound:g}" for bound in config["category_bounds"]) or "none"
        return (
            f"one of {config['recipe']['categories']} counting categories, with the bounds {bounds} cells in a window"
        )
    counts = config["training_counts"]
    limits = zip(config["classes"], counts["lowest"], counts["highest"], strict=False)
    ranges = ", ".join(f"{low} to {high} {one['name']}" for one, low, high in limits)
    return f"the number of cells of each class: {ranges} in a window"
