"""Holding samples to their counts: what means counts have, and what is done to a network's predictions."""

import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from cellweave.core import Cells, InvalidInputError
from cellweave.diffusion import DiffusionProcess, ProcessRecipe
from cellweave.layouts.count_projection import ChannelMeans, CountProjection
from cellweave.layouts.raster import draw_layouts, encode_crop
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.layouts.samples import LayoutSamples


def quadratic(counts):
    a, b = np.asarray(counts, float).T
    return np.stack([0.1 * (a + b) - 1, 0.05 * a - 0.001 * a * b + 0.002 * a**2], axis=1)


def test_means_that_are_quadratic_in_counts_are_found_again():
    counts = np.random.default_rng(0).integers(0, 40, (60, 2))
    means = ChannelMeans.fit(counts, quadratic(counts))
    assert_allclose(means([[3, 50], [0, 0]]), quadratic([[3, 50], [0, 0]]), atol=1e-5)
    again = ChannelMeans.from_json(json.loads(json.dumps(means.to_json())), classes=2, channels=2)
    assert_allclose(again(counts), means(counts))


@pytest.mark.parametrize(
    ("change", "classes"),
    [({}, 3), ({"weights": [[1.0]]}, 2), ({"weights": [[1e300] * 2] * 6}, 2), ({"weights": "nan"}, 2)],
)
def test_stored_means_that_do_not_fit_are_refused(change, classes):
    counts = np.random.default_rng(0).integers(0, 40, (60, 2))
    stored = ChannelMeans.fit(counts, quadratic(counts)).to_json()
    if change.get("weights") == "nan":
        change = {"weights": np.full_like(stored["weights"], np.nan).tolist()}
    with pytest.raises(InvalidInputError, match="channel_means need finite weights"):
        ChannelMeans.from_json(stored | change, classes=classes, channels=2)


@pytest.mark.parametrize("prediction", ["x0", "epsilon", "v"])
@pytest.mark.parametrize("pad", [0, 2])
def test_the_predicted_data_get_the_means_and_nothing_else_changes(prediction, pad):
    process = DiffusionProcess(ProcessRecipe(prediction=prediction, learned_variance=True, clip_x0=None))
    generator = torch.Generator().manual_seed(0)
    x_t = torch.randn(2, 3, 8, 8, generator=generator)
    output = torch.randn(2, 6, 8, 8, generator=generator)
    wanted = torch.tensor([[0.5, -1.0], [0.0, 2.0]])
    projected = CountProjection(lambda *_, **__: output, process, wanted, last=5, pad=pad)
    t = torch.full((2,), 700)
    moved = projected(x_t, t, category=None, condition=None)
    before, after = process.x0_from(output, x_t, t), process.x0_from(moved, x_t, t)
    inside = after[:, :2, pad : 8 - pad, pad : 8 - pad]
    assert_allclose(inside.mean(dim=(2, 3)), wanted, atol=1e-4)
    change = after[:, :2] - before[:, :2]  # the same everywhere, but for the padding
    within = change[:, :, pad : 8 - pad, pad : 8 - pad]
    assert_allclose(within, within[:, :, :1, :1].expand_as(within), atol=1e-4)
    if pad:
        assert_allclose(change[:, :, :pad], torch.zeros(2, 2, pad, 8), atol=1e-5)
    assert_allclose(after[:, 2], before[:, 2], atol=1e-5)
    torch.testing.assert_close(moved[:, 3:], output[:, 3:])
    # where there is little noise every cell has its place, and nothing is moved
    assert projected(x_t, torch.full((2,), 79), category=None, condition=None) is output


def test_channel_means_are_those_of_the_crops_without_their_padding():
    recipe = LayoutRecipe.model_validate(
        {
            "frame": {"crop_px": 32, "reduce": 2, "pad_px": 4},
            "channels": {"density": "none"},
            "network": {"widths": [8, 16], "blocks": 1, "attention_levels": [], "fold": 2},
            "condition": "counts",
        }
    )
    rng = np.random.default_rng(1)
    images = [Cells(40 * rng.random((n, 2)), rng.integers(0, 2, n), classes="ab", shape=(40, 40)) for n in (5, 9, 30)]
    drawn = draw_layouts(images, recipe, seed=0)
    samples = LayoutSamples(drawn, recipe, seed=0)
    means = samples.cell_means(5)
    assert means.shape == (5, 3)
    for index in range(5):
        one, row, column, _ = samples._place(index)
        raster = encode_crop(one, row, column, recipe, drawn.scale)
        assert_allclose(means[index], raster[:, 4:20, 4:20].mean(axis=(1, 2)), rtol=1e-5)
        # turned as it may be, the sample that training sees has these means
        assert_allclose(means[index], samples[index]["x0"][:, 4:20, 4:20].mean(dim=(1, 2)), rtol=1e-4)


@pytest.mark.parametrize("prediction", ["x0", "epsilon", "v"])
def test_where_cells_can_be_told_apart_the_predicted_data_are_edited(prediction):
    process = DiffusionProcess(ProcessRecipe(prediction=prediction, learned_variance=False, clip_x0=None))
    generator = torch.Generator().manual_seed(1)
    x_t, output = (torch.randn(2, 3, 10, 10, generator=generator) for _ in range(2))
    seen = []

    def edit(sample, data):
        seen.append((sample, data.shape))
        return data[:2] * sample + 1

    held = CountProjection(lambda *_, **__: output, process, torch.zeros(2, 2), last=5, edit=edit, pad=1)
    t = torch.full((2,), 300)
    before = process.x0_from(output, x_t, t)
    after = process.x0_from(held(x_t, t, category=None, condition=None), x_t, t)
    assert seen == [(0, (3, 8, 8)), (1, (3, 8, 8))]
    assert_allclose(after[0, :2, 1:9, 1:9], torch.ones(2, 8, 8), atol=1e-4)
    assert_allclose(after[1, :2, 1:9, 1:9], before[1, :2, 1:9, 1:9] + 1, atol=1e-4)
    assert_allclose(after[:, 2], before[:, 2], atol=1e-5)
    assert_allclose(after[:, :, 0], before[:, :, 0], atol=1e-5)  # padding stays
    held(x_t, torch.full((2,), 700), category=None, condition=None)
    held(x_t, torch.full((2,), 79), category=None, condition=None)
    assert len(seen) == 2
    # with few steps the last one is at a high level, and is the network's alone
    few = CountProjection(lambda *_, **__: output, process, torch.zeros(2, 2), last=300, edit=edit)
    assert few(x_t, t, category=None, condition=None) is output
