import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cellweave.core import InvalidCellsError, InvalidInputError
from cellweave.maps import MAPS, draw_batch, make_map
from cellweave.maps import batched as batched_module
from cellweave.maps.batched import draw_batch_of_tensors

CPU = torch.device("cpu")
BATCHES = st.lists(st.lists(st.tuples(st.floats(0, 31.9), st.floats(0, 23.9)), max_size=8), min_size=1, max_size=4)
SETTINGS = [(name, {}) for name in MAPS] + [
    ("edt", {"reach_px": 12.0}),
    ("fidt", {"cutoff": 0.05}),
    ("idt", {"cutoff": 2.0}),
    ("gaussian", {"keep_mass": False}),
]


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
@given(positions=BATCHES)
def test_batch_equals_one_by_one(name, settings, positions):
    cell_map = make_map(name, **settings)
    expected = np.stack([cell_map.draw(xy, (24, 32)) for xy in positions])[:, None]
    drawn = draw_batch_of_tensors(cell_map, positions, (24, 32), device=CPU)
    assert drawn.dtype == torch.float32
    assert drawn.shape == (len(positions), 1, 24, 32)
    assert_allclose(drawn.numpy(), expected, atol=1e-7)
    assert (draw_batch(cell_map, positions, (24, 32)).numpy() == expected).all()


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
@pytest.mark.parametrize("shape", [(300, 211), (1, 1500)])
def test_large_and_sparse_images_in_one_batch(name, settings, shape):
    rng = np.random.default_rng(7)
    positions = [rng.random((count, 2)) * shape[::-1] for count in (1, 0, 150, 3)]
    cell_map = make_map(name, **settings)
    drawn = draw_batch_of_tensors(cell_map, positions, shape, device=CPU)
    for one, xy in zip(drawn, positions, strict=True):
        assert_allclose(one[0].numpy(), cell_map.draw(xy, shape), atol=1e-6)


@pytest.mark.parametrize("name", MAPS)
def test_images_taken_in_several_turns(name, monkeypatch):
    positions = [np.random.default_rng(i).random((i + 1, 2)) * (32, 24) for i in range(5)]
    whole = draw_batch_of_tensors(make_map(name), positions, (24, 32), device=CPU)
    monkeypatch.setattr(batched_module, "_PIXELS_AT_ONCE", 2 * 24 * 32)
    assert (draw_batch_of_tensors(make_map(name), positions, (24, 32), device=CPU) == whole).all()


@pytest.mark.parametrize("name", MAPS)
def test_empty_batches_and_frames(name):
    for draw in (draw_batch, lambda *given: draw_batch_of_tensors(*given, device=CPU)):
        assert draw(make_map(name), [], (4, 5)).shape == (0, 1, 4, 5)
        assert draw(make_map(name), [[], []], (0, 5)).shape == (2, 1, 0, 5)
        assert not draw(make_map(name), [[], []], (4, 5)).any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_on_a_gpu(name, settings):
    positions = [np.random.default_rng(i).random((200, 2)) * 512 for i in range(4)]
    cell_map = make_map(name, **settings)
    drawn = draw_batch(cell_map, positions, (512, 512), device="cuda")
    assert drawn.device.type == "cuda"
    assert_allclose(drawn.cpu(), draw_batch(cell_map, positions, (512, 512)), atol=1e-5)


def test_bad_input_is_told():
    with pytest.raises(InvalidInputError, match="maps are drawn on cpu or cuda, got device 'meta'"):
        draw_batch(make_map("edt"), [[[1, 1]]], (4, 5), device="meta")
    for draw in (draw_batch, lambda *given: draw_batch_of_tensors(*given, device=CPU)):
        with pytest.raises(InvalidCellsError, match=r"xy\[0\] is \[9.0, 1.0\], outside the 4×5 map"):
            draw(make_map("marker"), [[[1, 1]], [[9, 1]]], (4, 5))
