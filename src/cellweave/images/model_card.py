"""The model card of an image model."""

from __future__ import annotations

from typing import Any

from cellweave.training.starting_point import beginning_in_words, data_records


def image_card(config: dict[str, Any], metrics: dict[str, Any], *, source: str) -> str:
    """Return ``README.md`` of a model folder: what the model is and what it learnt from."""
    training, recipe = metrics["training"], config["recipe"]
    data = data_records(config)[0]
    names = ", ".join(one["name"] for one in config["classes"])
    scale = "unknown scale" if config["mpp"] is None else f"{config['mpp']:g} µm per pixel"
    attends = bool(recipe["network"]["attention_levels"])
    larger = "larger ones cost more than in proportion, because it attends" if attends else "larger ones work as well"
    if recipe["masks"] is None:
        kind, option, shows = "layouts of cells", "layouts", f"the cells of a layout ({names}) lie where it puts them"
    else:
        kind, option, shows = "semantic masks", "masks", f"nuclei ({names}) fill what a mask gives them"
    begun, before = beginning_in_words(config)
    return f"""# H&E tissue from {kind}, learnt from {data["name"]}

Generates images at {scale} in which {shows}. Trained on crops of
{recipe["crop_px"]} px; {larger}.

- **Training data**: {data["name"]} ({source}); {training["images"]} images, licence {data["licence"]};
  checksum `{data["checksum"][:16]}`.{before}
- **Training**: {training["steps"]} steps, seed {config["training"]["seed"]}, {training["parameters"]:,} parameters,
  {training["hardware"]}, cellweave {config["code_version"]}; {begun}; the whole recipe is in `config.json`.

Use: `cellweave generate images --model THIS_FOLDER --{option} DATA_SET --seed 7 --out OUT`.
"""
