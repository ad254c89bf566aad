"""How long work tells whoever started it how far it is, without knowing about terminals or pages."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What long work calls after every step; see :func:`silent` for the one that does nothing.

    It is called as ``progress(stage, done, total, note)``: the stage in words (``"importing images"``), the steps done
    and in all, and an optional word on the state of things (``"loss 0.012"``).
    """

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Take note of ``done`` steps of ``total`` in ``stage``."""


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """Do nothing: the progress of work that nobody watches."""
