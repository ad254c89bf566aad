"""Make a trained model a default one: its folder, with weights in bfloat16, under src/cellweave/weights.

    python tools/ship_model.py runs/loc locator-brca-m2c

A validation of the model comes along; it speaks of the weights before rounding. Better is one of what is shipped:

    cellweave models validate src/cellweave/weights/locator-brca-m2c --data out/brca
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from cellweave.core import atomic_folder, sha256_of
from cellweave.training.model_folder import (
    EXTRAS,
    FAILURES,
    ROUNDED_FROM,
    VALIDATION,
    WEIGHTS,
    stored_in_bf16,
    write_model_folder,
)
from cellweave.workflows.models import model_kind, read_card, read_metrics
from cellweave.workflows.validation_record import read_validation

LARGEST_BYTES = 15_000_000
LARGEST_BYTES_OF_ALL = 40_000_000
PICTURES_MAY_BE_SHOWN = ("BSD-3-Clause", "CC0-1.0", "CC-BY-4.0", "Apache-2.0", "MIT")
"""Licences under which images of a data set may be part of this package, named in the model card."""

SHIPPED = Path(__file__).parents[1] / "src" / "cellweave" / "weights"


def ship(model: Path, name: str, shipped: Path) -> Path:
    """Return the folder of the default model ``name`` below ``shipped``, made from a model folder."""
    _, config = model_kind(model)
    record, strange = read_validation(model, config)
    if strange is not None:
        raise SystemExit(f"{model}: {strange}")
    extras = [extra for extra in EXTRAS if (model / extra).exists()]
    _require_licence(record, extras)
    target = shipped / name
    with atomic_folder(target, overwrite=True) as partial:
        write_model_folder(
            partial,
            weights=stored_in_bf16(load_file(model / WEIGHTS)),
            config=config | {ROUNDED_FROM: sha256_of(model / WEIGHTS)},
            metrics=read_metrics(model),
            card=read_card(model),
        )
        for extra in extras:
            shutil.copyfile(model / extra, partial / extra)
        others = [path for path in shipped.iterdir() if path.is_dir() and path not in (partial, target)]
        _require_size(name, _bytes_of(partial), sum(map(_bytes_of, others)))
    return target


def _require_licence(record: dict[str, Any] | None, extras: list[str]) -> None:
    if FAILURES not in extras:
        return
    if record is None:
        raise SystemExit(f"there is {FAILURES} without {VALIDATION}: nobody knows whose images it shows; remove it.")
    licence = record["data"]["licence"]
    if licence not in PICTURES_MAY_BE_SHOWN:
        raise SystemExit(
            f"{FAILURES} shows images under {licence!r}; `cellweave models validate --no-pictures` leaves it out."
        )


def _require_size(name: str, own: int, others: int) -> None:
    if own > LARGEST_BYTES:
        raise SystemExit(f"{name} has {own:,} bytes; default models have at most {LARGEST_BYTES:,}.")
    if own + others > LARGEST_BYTES_OF_ALL:
        raise SystemExit(
            f"with {name} the default models have {own + others:,} bytes; {LARGEST_BYTES_OF_ALL:,} is most."
        )


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("name")
    arguments = parser.parse_args()
    target = ship(arguments.model, arguments.name, SHIPPED)
    print(f"{target}: {_bytes_of(target):,} bytes, with all others {_bytes_of(SHIPPED):,}")


if __name__ == "__main__":
    main()
