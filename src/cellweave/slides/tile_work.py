"""Work on tiles by several threads, with results in order and few of them in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import cv2

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """Yield ``work(item)`` for every item, in their order; errors of the work are raised here.

    The work should leave the interpreter free, as decoding, arithmetic on arrays and encoding do. At most twice as
    many items as threads are under way; there are as many threads as OpenCV has, so that what limits it limits this.
    Closing the generator waits for the items under way: whatever they use must stay open until then.
    """
    threads = max(1, cv2.getNumThreads())
    under_way: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                under_way.append(pool.submit(work, item))
                if len(under_way) >= 2 * threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
