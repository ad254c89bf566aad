"""The classes of a source that names them only cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cellweave.core import InvalidInputError
from cellweave.data.dataset import DEFAULT_COLOURS, CellClass


def classes_of(
    labels: Iterable[str | None], *, given: Sequence[str] | None = None, colours: Mapping[str, str] | None = None
) -> tuple[CellClass, ...]:
    """Return the classes, those given, or else all that occur, sorted by name.

    Args:
        labels: Class name of every cell; None where unknown.
        given: The classes to expect, in label order.
        colours: Colours that the source has, ``#rrggbb`` by class name.

    Raises:
        InvalidInputError: A given class is empty or stands there twice.
    """
    names = sorted({label for label in labels if label is not None}) if given is None else list(given)
    if len(set(names)) != len(names) or "" in names:
        raise InvalidInputError(f"class names must differ and not be empty, got {names}.")
    palette = colours or {}
    return tuple(
        CellClass(name, palette.get(name, DEFAULT_COLOURS[i % len(DEFAULT_COLOURS)])) for i, name in enumerate(names)
    )
