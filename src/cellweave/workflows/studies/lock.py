"""One process at a time: a lock that the system frees when its holder ends, however it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

from cellweave.core import OutputError


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Yield whether this process holds a lock for the length of the block; another that holds it is not waited for.

    A process that is killed holds nothing any more, so no lock is ever left behind. The file stays: removing it would
    let two processes lock two files of the same name. It holds the number of the process that locked it last.

    Args:
        path: The lock's file; made, with its folder, where it is not there.

    Raises:
        OutputError: The place cannot be written, or the system has no locks that end with their holder.
    """
    if fcntl is None:
        raise OutputError("studies lock their trials by flock, which this system lacks; run them on Linux or macOS.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); choose another output folder.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield True
    finally:
        os.close(handle)
