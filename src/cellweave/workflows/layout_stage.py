"""The first stage of a generation: layouts, each kept in the staging folder with its counts once it is drawn."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellweave.core import Cells, InvalidInputError, TableError, atomic_file, sha256_of
from cellweave.core.progress import Progress
from cellweave.data import write_cells_table
from cellweave.data.tables import PointTable, cells_by_image
from cellweave.layouts import GeneratedLayout, LayoutGenerator
from cellweave.layouts.corrections import Correction, CountRecord, corrected_layouts
from cellweave.layouts.count_projection import HOLDING
from cellweave.layouts.count_report import count_report
from cellweave.layouts.model_config import FORMAT, VERSION
from cellweave.layouts.requests import counts_text
from cellweave.training.model_folder import CONFIG, WEIGHTS, find_model_folder, read_config
from cellweave.workflows.generation_stages import (
    MAX_SAMPLES,
    Sampling,
    sample_name,
    sampling_facts,
    training_licences,
)
from cellweave.workflows.staging import Staging


@dataclass(frozen=True, slots=True)
class LayoutWish:
    """What is asked of all layouts of a run.

    Attributes:
        category: Counting category; None lets the categories take turns.
        counts: Cells of some classes; None asks for those of training crops, where the model is told counts.
        size: Height and width in pixels; those of the training crop when None.
        correct: ``trim`` or ``reject``; None leaves layouts as they are generated.
        hold_counts: Hold layouts to their counts while they are made, where the model is told counts.
    """

    category: int | None = None
    counts: Mapping[str, int] | None = None
    size: tuple[int, int] | None = None
    correct: Correction | None = None
    hold_counts: bool = True


class LayoutStage:
    """Layouts that a model draws.

    Args:
        model: Layout model: folder, shipped model, or ``owner/name`` on the hub.
        count: Number of layouts.
        wish: What is asked of them.
        sampling: How they are drawn.
        revision: Commit of a model on the hub.
        device: Where to run.

    Raises:
        CellweaveError: The model cannot be used, or an option makes no sense.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        count: int,
        wish: LayoutWish,
        sampling: Sampling,
        revision: str | None = None,
        device: str = "auto",
    ) -> None:
        if not 1 <= count <= MAX_SAMPLES:
            raise InvalidInputError(
                f"a data set has 1 to {MAX_SAMPLES:,} samples, got a count of {count}; for more, make several with "
                "other seeds."
            )
        self.folder = find_model_folder(model, revision=revision)
        self.generator = LayoutGenerator.from_pretrained(self.folder, device=device)
        self.generator.check_category(wish.category)
        self.generator.check_size(wish.size)
        self.generator.check_counts(wish.counts, size=wish.size)
        if wish.correct and self.generator.recipe.condition == "none":
            raise InvalidInputError(
                f"layouts are corrected to what is asked for, but {model} is told nothing of counts; leave "
                f"{wish.correct!r} out."
            )
        self.count, self.wish, self.sampling = count, wish, sampling
        self.shape = wish.size or self.generator.shape
        self.sampler = sampling.sampler(self.generator.recipe.sampler, levels=self.generator.process.steps)
        self.model, self.config = (sha256_of(self.folder / name) for name in (WEIGHTS, CONFIG))
        self.held = wish.hold_counts and self.generator.channel_means is not None
        self.licences = training_licences(read_config(self.folder, kind=FORMAT, version=VERSION))
        self._files = {index: f"{sample_name(index)}.parquet" for index in range(count)}

    @property
    def facts(self) -> dict[str, Any]:
        """What the layouts depend on, their number left out: more of them can be drawn on top."""
        wish = self.wish
        asked = {
            "category": wish.category,
            "counts": None if wish.counts is None else counts_text(wish.counts),
            "size": list(self.shape),
            "correct": wish.correct,
            "hold_counts": HOLDING if self.held else None,
            "config": self.config,
        }
        return {**asked, **sampling_facts(self.model, self.sampling, self.sampler)}

    def provenance(self, index: int) -> dict[str, Any]:
        """Return where layout ``index`` comes from, and what was asked of its counts."""
        wish, seed = self.wish, self.sampling.seed
        request = self.generator.request_of(
            index, seed=seed, category=wish.category, counts=wish.counts, size=wish.size
        )
        said: dict[str, Any] = {"index": index, "seed": seed, "category": request.category}
        if request.counts is not None:
            said["counts"] = counts_text(dict(zip(self.generator.class_names, request.counts, strict=True)))
        if self.generator.channel_means is not None:
            said["held_to_counts"] = self.held
        if wish.correct is not None:
            said["correction"] = wish.correct
        return {**said, "layout_model": self.model}

    def draw(self, staging: Staging, progress: Progress) -> None:
        """Draw the layouts that are not there yet."""
        missing = staging.missing_batches(self._files, self.sampling.batch_size)
        done = self.count - sum(map(len, missing))
        for batch in missing:
            for cells, record in corrected_layouts(self.generator, batch, self.wish.correct, self._drawn):
                name = sample_name(record.index)
                with atomic_file(staging.path(_record_file(record.index))) as partial:
                    partial.write_text(json.dumps(record.to_json()) + "\n", encoding="utf-8")
                write_cells_table(staging.path(self._files[record.index]), {name: cells})
            done += len(batch)
            progress("generating layouts", done, self.count)

    def cells(self, staging: Staging, index: int) -> Cells:
        """Return layout ``index``, which has been drawn.

        Raises:
            TableError: Its file is damaged, or of something else.
        """
        path, name, generator = staging.path(self._files[index]), sample_name(index), self.generator
        table = PointTable.read(path)
        try:
            found = cells_by_image(
                table, shapes={name: self.shape}, classes=generator.class_names, mpp={name: generator.mpp}
            )
        except KeyError as error:
            raise TableError(f"{path} is not of this run ({error}); remove {staging.folder}.") from error
        return found[name]

    def report(self, staging: Staging) -> dict[str, Any]:
        """Return the counts of all layouts, which have been drawn; see :func:`cellweave.layouts.count_report`.

        Raises:
            TableError: The record of a layout is damaged.
        """
        return count_report(
            [self._record(staging, index) for index in range(self.count)],
            classes=self.generator.class_names,
            categories=self.generator.categories,
            training_counts=self.generator.training_counts,
            asked=self.wish.counts,
            correction=self.wish.correct,
        )

    def _record(self, staging: Staging, index: int) -> CountRecord:
        path = staging.path(_record_file(index))
        try:
            return CountRecord.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TableError(f"{path} is no record of a layout ({error}); remove {staging.folder}.") from error

    def _drawn(self, indices: Sequence[int], attempt: int) -> Iterator[GeneratedLayout]:
        return self.generator.generate(
            indices,
            seed=self.sampling.seed,
            batch_size=self.sampling.batch_size,
            sampler=self.sampler,
            category=self.wish.category,
            counts=self.wish.counts,
            size=self.wish.size,
            hold_counts=self.held,
            attempt=attempt,
        )


def _record_file(index: int) -> str:
    return f"counts-{index:06d}.json"
