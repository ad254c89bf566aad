"""What a demonstration has finished, and the time that it took: kept in its folder, so that it can go on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cellweave.core import OutputError, atomic_file

RECORD = "demo.json"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a demonstration.

    Attributes:
        seconds: Time spent on it until it was finished, interrupted starts included.
        done: Whether it is finished.
    """

    seconds: float = 0.0
    done: bool = False


class DemoRecord:
    """The record of a demonstration's folder; nothing is written before the first part ends.

    Args:
        folder: Folder of the demonstration.
        identity: What it depends on.
        overwrite: Begin anew, whatever is recorded.

    Raises:
        OutputError: The folder holds a demonstration with other settings, or its record is damaged.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], *, overwrite: bool = False) -> None:
        self._file = folder / RECORD
        self._identity = json.loads(json.dumps(identity))
        self.parts: dict[str, Part] = {}
        if self._file.is_file() and not overwrite:
            self._take_over()

    @property
    def seconds(self) -> float:
        """Time spent on all parts."""
        return sum(part.seconds for part in self.parts.values())

    def done(self, name: str) -> bool:
        """Return whether a part is finished."""
        return self.parts.get(name, Part()).done

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Take the time of a part; of one that is finished already, the time of then stands.

        An interrupted part keeps its time, to which that of the next start is added; of one that fails nothing is kept.
        """
        before = self.parts.get(name, Part())
        start = time.perf_counter()
        try:
            yield
        except KeyboardInterrupt:
            if not before.done:
                self._store(name, Part(before.seconds + time.perf_counter() - start))
            raise
        if not before.done:
            self._store(name, Part(before.seconds + time.perf_counter() - start, done=True))

    def _store(self, name: str, part: Part) -> None:
        self.parts[name] = part
        parts = {key: asdict(one) for key, one in self.parts.items()}
        with atomic_file(self._file) as partial:
            text = json.dumps({"demo": self._identity, "parts": parts}, indent=2)
            partial.write_text(text + "\n", encoding="utf-8")

    def _take_over(self) -> None:
        try:
            stored = json.loads(self._file.read_text(encoding="utf-8"))
            identity = dict(stored["demo"])
            parts = {str(name): Part(float(one["seconds"]), bool(one["done"])) for name, one in stored["parts"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise OutputError(f"{self._file} is damaged ({error}); pass --overwrite to begin anew.") from error
        differing = [key for key in dict.fromkeys([*self._identity, *identity]) if self._differs(identity, key)]
        if differing:
            raise OutputError(
                f"{self._file.parent} holds a demonstration with another {' and '.join(differing)}; give the same "
                "settings to go on with it, another --out, or --overwrite to begin anew."
            )
        self.parts = parts

    def _differs(self, identity: dict[str, Any], key: str) -> bool:
        return bool(identity.get(key) != self._identity.get(key))
