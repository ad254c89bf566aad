"""Make a trained model a default one: its folder, with weights in bfloat16, under src/cellweave/weights.

python tools/ship_model.py runs/loc locator-brca-m2c
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from safetensors.torch import load_file

from cellweave.training.model_folder import CARD, CONFIG, METRICS, WEIGHTS, stored_in_bf16, write_model_folder

LARGEST_BYTES = 15_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("name")
    arguments = parser.parse_args()
    target = Path(__file__).parents[1] / "src" / "cellweave" / "weights" / arguments.name
    write_model_folder(
        target,
        weights=stored_in_bf16(load_file(arguments.model / WEIGHTS)),
        config=json.loads((arguments.model / CONFIG).read_text(encoding="utf-8")),
        metrics=json.loads((arguments.model / METRICS).read_text(encoding="utf-8")),
        card=(arguments.model / CARD).read_text(encoding="utf-8"),
    )
    size = (target / WEIGHTS).stat().st_size
    if size > LARGEST_BYTES:
        raise SystemExit(f"{target / WEIGHTS} has {size:,} bytes; default models have at most {LARGEST_BYTES:,}.")
    print(f"{target}: {size:,} bytes")


if __name__ == "__main__":
    main()
