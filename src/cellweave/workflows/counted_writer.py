"""Generated data sets, with the report on their counts beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cellweave.data import DatasetWriter

COUNTS = "counts.json"
"""How many cells were asked for and made; see :func:`cellweave.layouts.count_report`."""


class CountedWriter(DatasetWriter):
    """A data set of generated layouts being made; see :class:`cellweave.data.DatasetWriter`."""

    def write_counts(self, report: Mapping[str, Any]) -> None:
        """Write the report on the counts of all layouts into the data set."""
        text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        (self._folder / COUNTS).write_text(text, encoding="utf-8")
