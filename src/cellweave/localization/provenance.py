"""Where the images of a generated data set come from: which models made them, and whose layouts they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cellweave.core import DatasetError, InvalidInputError
from cellweave.data import CellDataset

PROVENANCE = "provenance.parquet"
"""Only data sets that a generator made have this table; phantom tissue, which no model learnt, has none."""

_OF_ONE_SAMPLE = {"image", "index"}
_VALUES_LISTED = 16


def is_generated(dataset: CellDataset) -> bool:
    """Return whether a generator made a data set; a lost table counts as well, as its checksum is still there."""
    return PROVENANCE in dataset.checksums or (dataset.root / PROVENANCE).exists()


def generator_facts(dataset: CellDataset) -> dict[str, Any]:
    """Return what the images of a generated data set have in common: models, seeds, samplers; lists where several.

    Raises:
        DatasetError: Its table of provenance is missing or damaged.
    """
    table = _read(dataset)
    facts: dict[str, Any] = {}
    for column in table.column_names:
        values = table[column].unique().to_pylist()
        if column not in _OF_ONE_SAMPLE and len(values) <= _VALUES_LISTED:
            facts[column] = values[0] if len(values) == 1 else values
    return facts


def patients_painted(generated: CellDataset, real: Sequence[CellDataset]) -> dict[str, str]:
    """Return the patient of every generated image that was painted from a layout of these real data sets.

    Args:
        generated: The generated data set.
        real: The real ones.

    Returns:
        Group by name of the image; without those painted from other layouts.

    Raises:
        InvalidInputError: The layout of one is not of the training split.
        DatasetError: The table of provenance is missing or damaged.
    """
    table = _read(generated)
    if "layouts" not in table.column_names:
        return {}
    by_checksum = {dataset.checksum: dataset for dataset in real}
    rows = {one.checksum: one.images.set_index("image")[["split", "group"]].to_dict("index") for one in real}
    patients = {}
    for name, layouts in zip(table["image"].to_pylist(), table["layouts"].to_pylist(), strict=True):
        if layouts not in by_checksum:
            continue
        origin, row = by_checksum[layouts], rows[layouts].get(name)
        if row is None:
            raise DatasetError(
                f"{generated.root / PROVENANCE} says that image {name!r} shows a layout of {origin.root}, which has no "
                "image of that name; generate the images again."
            )
        if row["split"] != "training":
            raise InvalidInputError(
                f"image {name!r} of {generated.root} is painted from a {row['split']} layout of {origin.root}, which "
                "nothing may learn from; generate the images again with --split training."
            )
        patients[name] = str(row["group"])
    return patients


def _read(dataset: CellDataset) -> pa.Table:
    path = dataset.root / PROVENANCE
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(f"{path} cannot be read ({reason}); copy the data set, or generate it, again.") from error
    if "image" not in table.column_names:
        raise DatasetError(f"{path} lacks the column image; it has {table.column_names}: generate the data again.")
    return table
