"""Progress on the standard error output: bars in a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from cellweave.core.progress import Progress

SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def terminal_progress() -> Iterator[Progress]:
    """Yield what long work reports its progress to, for the length of a ``with`` block.

    Example::

        with terminal_progress() as progress:
            import_dataset("brca-m2c", source, out, progress=progress)
    """
    if not sys.stderr.isatty():
        yield LogLines(sys.stderr)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bars:
        tasks = {}

        def progress(stage: str, done: int, total: int, note: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, note=note)
            bars.update(tasks[stage], completed=done, total=total, note=note)

        yield progress


class LogLines:
    """Progress as lines of a log: none for quick work, else one every ``seconds``, and one at the end of a stage.

    Args:
        stream: Where the lines go.
        seconds: Least time between two lines.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, stream: TextIO, *, seconds: float = SECONDS_BETWEEN_LINES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._seconds = seconds
        self._clock = clock
        self._last_line: dict[str, float] = {}
        self._spoken: set[str] = set()

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Print a line when one is due."""
        now = self._clock()
        due = now - self._last_line.setdefault(stage, now) >= self._seconds
        if not (due or (stage in self._spoken and done >= total)):
            return
        self._last_line[stage] = now
        self._spoken.add(stage)
        if done >= total:
            self._spoken.discard(stage)
        print(f"{stage}: {done} of {total}{', ' if note else ''}{note}", file=self._stream, flush=True)
