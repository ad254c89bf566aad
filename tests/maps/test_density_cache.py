import io

import numpy as np
import pytest

from cellweave.core import Cells, OutputError
from cellweave.maps import DensityCache, DensitySettings, draw_densities

RNG = np.random.default_rng(0)
XY = RNG.random((40, 2)) * (50, 30)
CELLS = Cells(XY, np.arange(40) % 2, classes=("a", "b"), shape=(30, 50))
KDE = DensitySettings("kde")


@pytest.fixture
def cache(tmp_path):
    return DensityCache(tmp_path / "densities")


def stored_file(cache):
    return cache.path(CELLS, KDE, seed=0)


def test_maps_are_stored_and_read(cache):
    drawn = draw_densities([CELLS], KDE, cache=cache)[0]
    assert [path.name for path in cache.folder.iterdir()] == [stored_file(cache).name]
    np.testing.assert_array_equal(cache.read(CELLS, KDE, seed=0), drawn)
    marked = drawn + np.float32(1)
    cache.write(CELLS, KDE, marked, seed=0)
    np.testing.assert_array_equal(draw_densities([CELLS], KDE, cache=cache)[0], marked)  # not drawn again


def test_only_what_is_missing_is_drawn(cache):
    other = Cells(XY[:20], np.zeros(20, int), classes=("a", "b"), shape=(30, 50))
    draw_densities([CELLS], KDE, cache=cache)
    both = draw_densities([other, CELLS], KDE, cache=cache)
    for got, expected in zip(both, draw_densities([other, CELLS], KDE), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert len(list(cache.folder.iterdir())) == 2


def test_the_name_is_that_of_all_that_the_maps_depend_on(cache):
    def name(cells=CELLS, settings=KDE, seed=0):
        return cache.path(cells, settings, seed=seed).name

    turned = CELLS.select(np.arange(40)[::-1])
    renamed = Cells(XY, CELLS.labels, classes=("c", "d"), shape=(30, 50))
    unknown = Cells(np.append(XY, [[1, 1]], axis=0), np.append(CELLS.labels, -1), classes=("a", "b"), shape=(30, 50))
    assert {name(turned), name(renamed), name(unknown)} == {name()}
    others = {
        name(Cells(XY + np.array([1e-9, 0]), CELLS.labels, classes=("a", "b"), shape=(30, 50))),
        name(Cells(XY, 1 - CELLS.labels, classes=("a", "b"), shape=(30, 50))),
        name(Cells(XY, CELLS.labels, classes=("a", "b"), shape=(31, 50))),
        name(Cells(XY, CELLS.labels, classes=("a", "b", "c"), shape=(30, 50))),
        name(settings=DensitySettings("kde", factor=0.5)),
        name(settings=DensitySettings("gmm")),
        name(settings=DensitySettings("gmm", components=4)),
        name(settings=DensitySettings("gmm", least_spread_px=2)),
        name(settings=DensitySettings("gmm", most_components=5)),
        name(seed=1),
    }
    assert len(others) == 10
    assert name() not in others


def test_another_version_reads_nothing_old(cache, monkeypatch):
    draw_densities([CELLS], KDE, cache=cache)
    monkeypatch.setattr("cellweave.maps.density_cache.VERSION", 2)
    assert cache.read(CELLS, KDE, seed=0) is None


def saved(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def flipped(content):
    damaged = bytearray(content)
    damaged[len(damaged) // 2] ^= 1
    return bytes(damaged)


DAMAGES = {
    "a changed bit": (flipped, "Bad CRC-32"),
    "half of it": (lambda content: content[: len(content) // 2], "not a zip file|pickle"),
    "nothing": (lambda content: b"", "No data left|pickle"),
    "an array alone": (lambda content: b"\x93NUMPY" + content, "."),
    "other names": (lambda content: saved(other=np.zeros(1)), "maps"),
    "other shape": (
        lambda content: saved(maps=np.zeros((2, 3, 4), np.float32)),
        r"float32 maps of shape \(2, 30, 50\)",
    ),
    "other numbers": (lambda content: saved(maps=np.zeros((2, 30, 50))), "float32 maps"),
    "not a number": (lambda content: saved(maps=np.full((2, 30, 50), np.nan, np.float32)), "not a number >= 0"),
    "objects": (lambda content: saved(maps=np.array([{}])), "allow_pickle=False"),
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_maps_are_drawn_anew_and_it_is_said(cache, damage, reason):
    drawn = draw_densities([CELLS], KDE, cache=cache)[0]
    path = stored_file(cache)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(RuntimeWarning, match=rf"{path.name} is damaged \(.*({reason})"):
        again = draw_densities([CELLS], KDE, cache=cache)[0]
    np.testing.assert_array_equal(again, drawn)
    np.testing.assert_array_equal(cache.read(CELLS, KDE, seed=0), drawn)  # repaired


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        draw_densities([CELLS], KDE, cache=DensityCache(tmp_path / "file" / "densities"))
