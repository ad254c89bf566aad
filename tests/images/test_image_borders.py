"""What lies beyond the frame of an image whose sides are no multiples of the network's stride."""

import numpy as np
import pytest

from cellweave.core import Cells
from cellweave.diffusion import SamplerRecipe
from cellweave.images import ImageGenerator


@pytest.fixture(scope="module")
def generator():
    return ImageGenerator.from_pretrained("images-brca-m2c", device="cpu")


def paint(generator, cells, number=4):
    sampler = SamplerRecipe(name="dpm-solver++", steps=4)
    [(_, image)] = generator.generate([(number, cells)], seed=2, sampler=sampler)
    return image.astype(int)


def layout(generator, xy, shape):
    labels = [generator.class_names.index("tumor")] * len(xy)
    return Cells(np.array(xy, float).reshape(-1, 2), labels, classes=generator.class_names, shape=shape, mpp=0.5)


def test_a_frame_is_continued_by_its_reflection(generator):
    narrow = paint(generator, layout(generator, [(21.0, 16.0)], (32, 24)))
    mirrored = paint(generator, layout(generator, [(21.0, 16.0), (27.0, 16.0)], (32, 32)))[:, :24]
    alone = paint(generator, layout(generator, [(21.0, 16.0)], (32, 32)))[:, :24]
    assert narrow.shape == (32, 24, 3)
    assert np.abs(narrow - mirrored).max() <= 1
    assert np.abs(narrow - alone)[:, -4:].mean() > 2


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (17, 16)])
def test_frames_smaller_than_what_they_are_filled_up_by_are_painted(generator, shape):
    assert paint(generator, layout(generator, [(0.5, 0.5)], shape)).shape == (*shape, 3)
