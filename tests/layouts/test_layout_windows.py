"""Layouts larger than the training crop: windows cover them, agree, and make no difference where one is enough."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cellweave.core import InvalidInputError, torch_generator
from cellweave.data import CellClass
from cellweave.diffusion import DiffusionProcess, ProcessRecipe, SamplerRecipe
from cellweave.layouts import (
    CountingCategories,
    LayoutGenerator,
    LayoutRecipe,
    LayoutSamplerRecipe,
    TrainingCounts,
    WindowedNetwork,
)
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.network import build_network
from cellweave.layouts.windows import window_starts
from cellweave.maps import PeakFinder

PROCESS = DiffusionProcess(ProcessRecipe(schedule="cosine", steps=50, learned_variance=False, clip_x0=None))
BACKGROUND = torch.tensor([-1.0, -1.0])


def windowed(network, **changes):
    return WindowedNetwork(network, PROCESS, **{"window": 16, "overlap": 4, "background": BACKGROUND, **changes})


def noise(*shape):
    return torch.randn(*shape, generator=torch_generator(0, "noise"))


@given(st.integers(2, 40), st.data())
def test_windows_cover_everything_and_share_enough(window, data):
    overlap = data.draw(st.integers(1, window - 1))
    length = data.draw(st.integers(window, 300))
    starts = window_starts(length, window=window, overlap=overlap)
    assert starts[0] == 0
    assert starts[-1] == length - window
    assert all(0 < after - before <= window - overlap for before, after in pairwise(starts))


@pytest.mark.parametrize("pad", [0, 2])
def test_windows_of_a_network_that_looks_at_single_pixels_are_the_whole(pad):
    def network(x_t, t, *, category, condition):
        return torch.cat([x_t * 2 + 1, x_t.abs()], dim=1) + t[:, None, None, None]

    x, t = noise(3, 2, 45, 32), torch.tensor([5, 6, 7])
    seen = windowed(network, pad=pad)(x, t, category=None, condition=None)
    torch.testing.assert_close(seen, network(x, t, category=None, condition=None))


def test_a_raster_of_the_window_is_given_to_the_network_as_it_is():
    def network(x_t, t, *, category, condition):
        return x_t.roll(1, dims=2) / 3

    x = noise(2, 2, 16, 16)
    seen = windowed(network, pad=2)(x, torch.tensor([9, 9]), category=None, condition=None)
    assert torch.equal(seen, network(x, None, category=None, condition=None))


def test_all_windows_are_told_the_same_one_after_the_other():
    shapes, told = [], []

    def network(x_t, t, *, category, condition):
        shapes.append(tuple(x_t.shape))
        told.append((category, condition))
        return x_t

    category, condition = torch.tensor([1, 0]), torch.zeros(2, 4, 1, 1)
    windowed(network)(noise(2, 2, 64, 28), torch.tensor([9, 9]), category=category, condition=condition)
    assert shapes == [(2, 2, 16, 16)] * 10  # 5 of 64 px by 2 of 28 px
    assert all(one[0] is category and one[1] is condition for one in told)


def test_neighbours_are_mixed_smoothly():
    calls = []

    def network(x_t, t, *, category, condition):
        calls.append(None)
        return torch.full_like(x_t, float(len(calls)))

    seen = windowed(network, overlap=4)(noise(1, 2, 16, 28), torch.tensor([9]), category=None, condition=None)
    # two windows that say 1 and 2 share the columns 12 to 15; the ramps 4/5..1/5 and 1/5..4/5 sum to 1
    np.testing.assert_allclose(seen[0, 0, 0, 11:17].numpy(), [1, 1.2, 1.4, 1.6, 1.8, 2], rtol=1e-6)


def test_windows_inside_are_shown_the_padding_that_the_model_knows():
    seen = []

    def network(x_t, t, *, category, condition):
        seen.append(x_t.clone())
        return x_t

    call = windowed(network, pad=2)
    first, t = noise(1, 2, 16, 32), torch.tensor([20])
    call(first, torch.tensor([49]), category=None, condition=None)
    seen.clear()
    later = noise(1, 2, 16, 32) + 3
    call(later, t, category=None, condition=None)
    left = seen[0]
    assert torch.equal(left[..., :14], later[..., :14])  # the outer border is the raster's own
    expected = PROCESS.noisy(BACKGROUND[None, :, None, None].expand(1, 2, 16, 2), t, first[..., 14:16])
    torch.testing.assert_close(left[..., 14:], expected)


@pytest.mark.parametrize("overlap", [0, 12])
def test_windows_that_share_nothing_or_everything_are_refused(overlap):
    with pytest.raises(InvalidInputError, match=f"windows of 12 px cannot share {overlap} px"):
        windowed(lambda *_, **__: None, pad=2, overlap=overlap)


def test_a_raster_smaller_than_the_window_is_refused():
    with pytest.raises(InvalidInputError, match="20×15 px is smaller than the window of 16 px"):
        windowed(lambda *_, **__: None)(noise(1, 2, 15, 20), torch.tensor([1]), category=None, condition=None)


def drawer(**changes):
    values = {
        "frame": {"crop_px": 32, "reduce": 2, "pad_px": 0},
        "channels": {"density": "none"},
        "network": {"widths": [8, 16], "blocks": 1, "attention_levels": [1], "fold": 2},
        "sampler": {"name": "ddim", "steps": 3},
        "condition": "none",
    }
    recipe = LayoutRecipe.model_validate({**values, **changes})
    network = build_network(recipe, 2, torch_generator(0, "test"))
    with torch.no_grad():
        network.exit.weight.normal_(std=0.05, generator=torch_generator(0, "exit"))
    return LayoutGenerator(
        network,
        recipe,
        classes=[CellClass("a", "#ff0000"), CellClass("b", "#0000ff")],
        mpp=0.5,
        scale=ChannelScale((0.1, 0.1, 0.1), (0.3, 0.3, 0.3)),
        finder=PeakFinder(3, 0.2),
        categories=CountingCategories((20.0,) if recipe.told_categories else ()),
        training_counts=TrainingCounts.of([[4, 4], [8, 20]]) if recipe.condition == "counts" else None,
        device=torch.device("cpu"),
        precision="fp32",
    )


def places(layouts):
    return [one.cells.xy.tolist() for one in layouts]


def test_a_layout_of_the_crops_size_is_what_it_was_without_one():
    generator = drawer()
    assert places(generator.generate([0, 1], seed=3, size=(32, 32))) == places(generator.generate([0, 1], seed=3))


@pytest.mark.parametrize("pad", [0, 2])
def test_larger_layouts_have_their_size_and_do_not_depend_on_the_batch(pad):
    generator = drawer(frame={"crop_px": 32 - 4 * pad, "reduce": 2, "pad_px": pad})
    together = list(generator.generate([0, 1], seed=3, size=(52, 70)))
    alone = list(generator.generate([1], seed=3, size=(52, 70)))
    assert together[1].cells.shape == (52, 70)
    assert len(alone[0].cells) > 0
    np.testing.assert_allclose(together[1].cells.xy, alone[0].cells.xy, atol=1e-2)
    assert together[0].cells.xy.max() > 50


@pytest.mark.parametrize(("size", "windows"), [(None, 1), ((32, 52), 2)])
@pytest.mark.parametrize(("condition", "guidance"), [("none", 0.0), ("counts", 0.0), ("counts", 1.0)])
def test_coarse_levels_answer_for_several_steps_below_a_level_in_every_window(size, windows, condition, guidance):
    runs, sampler = [], {"name": "ddim", "steps": 10, "reuse_interval": 3, "reuse_below": 0.55}
    generator = drawer(sampler=sampler, condition=condition, drop=0.1)
    generator.network.middle.register_forward_hook(lambda *_: runs.append(1))
    found = places(generator.generate([0, 1, 2], seed=3, size=size, guidance=guidance, batch_size=3))
    assert len(runs) == windows * 6  # five steps above, and one of the five below
    assert places(generator.generate([2], seed=3, size=size, guidance=guidance))[0] == pytest.approx(
        np.array(found[2]), abs=1e-2
    )
    runs.clear()
    whole = generator.recipe.sampler.model_copy(update={"reuse_interval": 1})
    assert (
        places(generator.generate([0, 1, 2], seed=3, size=size, guidance=guidance, batch_size=3, sampler=whole))
        != found
    )
    assert len(runs) == windows * 10


def test_samplers_and_recipes_without_reuse_run_the_whole_network():
    generator, runs = drawer(sampler={"name": "ddim", "steps": 3}), []  # as stored before there was reuse
    assert generator.recipe.sampler.reuse_interval == 1
    generator.network.middle.register_forward_hook(lambda *_: runs.append(1))
    list(generator.generate([0], seed=3, sampler=SamplerRecipe(name="ddim", steps=10)))
    assert len(runs) == 10


@pytest.mark.parametrize("change", [{"reuse_interval": 0}, {"reuse_below": 1.5}, {"reuse_below": float("nan")}])
def test_reuse_of_what_cannot_be_is_refused(change):
    with pytest.raises(ValidationError, match=next(iter(change))):
        LayoutSamplerRecipe.model_validate(change)


def test_counts_are_of_the_whole_layout_and_windows_are_told_their_share():
    generator, told = drawer(condition="counts"), []
    hook = generator.network.register_forward_pre_hook(
        lambda _module, _inputs, named: told.append(named["condition"]), with_kwargs=True
    )
    [layout] = generator.generate([0], seed=3, size=(64, 64), counts={"a": 16, "b": 40})
    hook.remove()
    assert layout.request.counts == (16, 40)
    np.testing.assert_allclose(told[0][:, :, 0, 0].numpy(), generator.training_counts.told([[4, 10]]), rtol=1e-6)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((32, 30), "at least the 32 px of the model's crop, and multiples of 2 px, got a size of 30×32"),
        ((33, 64), "got a size of 64×33"),
        ((20_000, 20_000), "a layout has at most 178,956,970 pixels, got a size of 20000×20000"),
    ],
)
def test_sizes_that_cannot_be_made_are_refused(size, message):
    with pytest.raises(InvalidInputError, match=message):
        next(drawer().generate([0], seed=0, size=size))


def test_tries_are_of_other_noise_and_of_the_same_request():
    generator = drawer(condition="counts")
    first, second = (next(generator.generate([5], seed=3, attempt=attempt)) for attempt in (0, 1))
    assert first.request == second.request
    assert first.cells.xy.tolist() != second.cells.xy.tolist()
