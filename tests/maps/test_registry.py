import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cellweave.core import Cells, InvalidInputError
from cellweave.maps import DECODERS, LMDS, MAPS, PeakFinder, find_markers, get_decoder, make_map

SHAPE = (150, 180)
# 24 px apart, and 24 px from the border: farther than the window of any decoder
APART = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=12, unique=True).map(
    lambda cells: [(26 * x + 0.5 + y % 3, 26 * y + 0.5 + x % 3) for x, y in cells]
)
# anywhere, on one another too
SMALL = st.lists(st.tuples(st.floats(0, 31.9), st.floats(0, 23.9)), min_size=1, max_size=6)


def found(cells):
    return sorted((x, y, label) for (x, y), label in zip(cells.xy.tolist(), cells.labels.tolist(), strict=True))


@pytest.mark.parametrize("name", MAPS)
@given(xy=APART, data=st.data())
def test_encode_then_decode_returns_isolated_cells(name, xy, data):
    labels = data.draw(st.lists(st.integers(0, 1), min_size=len(xy), max_size=len(xy)))
    cells = Cells(xy, labels, classes=("a", "b"), shape=SHAPE, mpp=0.5)
    codec = make_map(name)
    back = codec.decode(codec.encode(cells), classes=cells.classes, mpp=0.5)
    assert found(back) == found(cells)
    assert back.mpp == 0.5


@pytest.mark.parametrize("decoder", ["ccls", "lmds"])
@pytest.mark.parametrize("name", MAPS)
@given(xy=APART)
def test_a_decoder_reads_every_map_divided_by_its_peak(name, decoder, xy):
    # of one width, as a threshold relative to the highest cell asks for
    cell_map = make_map(name, least_px=6.0, most_px=6.0) if name == "gaussian-knn" else make_map(name)
    peaks = get_decoder(decoder)(cell_map.draw(xy, SHAPE) / cell_map.peak)
    assert sorted(map(tuple, peaks.xy)) == sorted(xy)
    assert_allclose(peaks.scores, 1, rtol=0.02)


@pytest.mark.parametrize("name", MAPS)
@given(xy=SMALL)
def test_every_map_turns_with_the_image_and_ignores_the_order_of_cells(name, xy):
    cell_map = make_map(name)
    centres = np.floor(xy) + 0.5
    drawn = cell_map.draw(centres, (24, 32))
    turned = np.stack([centres[:, 1], 32 - centres[:, 0]], axis=1)
    assert drawn.shape == (24, 32)
    assert drawn.dtype == np.float32
    assert_allclose(np.rot90(drawn), cell_map.draw(turned, (32, 24)), atol=1e-6)
    assert_allclose(drawn, cell_map.draw(centres[::-1], (24, 32)), atol=1e-6)


@pytest.mark.parametrize("name", MAPS)
def test_no_cells_give_zeros_also_in_an_empty_frame(name):
    assert not make_map(name).draw([], (5, 7)).any()
    assert make_map(name).draw([], (0, 7)).shape == (0, 7)
    empty = Cells([], [], classes=("a",), shape=(5, 7))
    assert len(make_map(name).decode(make_map(name).encode(empty), classes=("a",))) == 0


@pytest.mark.parametrize("name", MAPS)
def test_small_frames_of_every_shape(name):
    # part of a larger frame, unless the map depends on the whole of it
    cell_map = make_map(name, **{"edt": {"reach_px": 9.0}, "gaussian": {"keep_mass": False}}.get(name, {}))
    cell_map = dataclasses.replace(cell_map, keep_mass=False) if name == "gaussian-knn" else cell_map
    whole = cell_map.draw([[0.5, 0.5]], (9, 9))
    for height, width in itertools.product(range(1, 7), repeat=2):
        assert_allclose(cell_map.draw([[0.5, 0.5]], (height, width)), whole[:height, :width], atol=1e-7)


@pytest.mark.parametrize("name", MAPS)
def test_settings_are_frozen_and_equal_by_value(name):
    cell_map = make_map(name)
    assert cell_map == make_map(name)
    assert hash(cell_map) == hash(make_map(name))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(cell_map, dataclasses.fields(cell_map)[0].name, 1)


def test_a_codec_takes_any_decoder():
    xy = [[30.5, 30.5], [36.5, 30.5]]
    cells = Cells(xy, [0, 0], classes=("a",), shape=(60, 60))
    for finder, expected in ((PeakFinder(21, 0.06), 1), (LMDS, 2)):
        codec = make_map("fidt", finder=finder)
        assert len(codec.decode(codec.encode(cells), classes=("a",))) == expected


def test_markers_have_their_own_decoder():
    assert DECODERS["marker"] is find_markers
    peaks = find_markers(make_map("marker").draw([[4.5, 6.5]], (12, 12)))
    assert peaks.xy.tolist() == [[4.5, 6.5]]
    assert peaks.scores.tolist() == [1.0]


def test_bad_names_are_told():
    with pytest.raises(InvalidInputError, match=r"a map is one of edt, .*, marker, peak, got"):
        make_map("edf")
    with pytest.raises(InvalidInputError, match="the map 'idt' has the settings constant, cutoff, finder, got 'sigma'"):
        make_map("idt", sigma=3)
    with pytest.raises(InvalidInputError, match="a decoder is one of ccls, lmds, marker, got 'lmss'"):
        get_decoder("lmss")
