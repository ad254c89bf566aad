"""Tiles cover a level once, and work on them comes back in order."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.slides import in_order, tiles_of


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20))
def test_tiles_cover_every_pixel_once_in_reading_order(height, width, side):
    covered = np.zeros((height, width), int)
    tiles = list(tiles_of((height, width), side=side))
    for tile in tiles:
        assert covered[tile.rows, tile.columns].shape == (tile.height, tile.width)
        covered[tile.rows, tile.columns] += 1
    assert (covered == 1).all()
    assert [(tile.row, tile.column) for tile in tiles] == sorted((tile.row, tile.column) for tile in tiles)


def test_work_comes_back_in_order_whatever_it_takes():
    def slow_when_even(number):
        time.sleep(0.01 if number % 2 == 0 else 0)
        return number * number

    assert list(in_order(slow_when_even, range(12))) == [number * number for number in range(12)]


def test_work_is_started_as_it_is_asked_for():
    started = []
    results = in_order(started.append, range(10_000))
    next(results)
    results.close()
    assert len(started) < 1000


def test_closing_waits_for_what_is_under_way():
    under_way, release = threading.Event(), threading.Event()
    ended = []

    def work(number):
        if number:
            under_way.set()
            release.wait()
        ended.append(number)

    def items():
        yield from range(3)
        under_way.wait()
        yield from range(3, 50)

    results = in_order(work, items())
    threading.Timer(0.05, release.set).start()
    next(results)
    results.close()
    count = len(ended)
    time.sleep(0.05)
    assert len(ended) == count >= 2


def test_errors_of_the_work_are_raised():
    def work(number):
        return 1 // number

    results = in_order(work, [1, 0, 1])
    with pytest.raises(ZeroDivisionError):
        list(results)
