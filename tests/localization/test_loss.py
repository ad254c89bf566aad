"""The localiser's loss, by hand."""

import math

import numpy as np
import pytest
import torch

from cellweave.core import Cells
from cellweave.localization.loss import LocatorLoss, class_weights
from cellweave.localization.recipe import LossRecipe
from cellweave.localization.samples import IGNORED

RECIPE = LossRecipe(class_weight=0.1, peak_weight=2.0)


def loss_of(heights, logits, target, labels, *, weights=(1.0, 1.0), recipe=RECIPE):
    """Return the parts of the loss of one image of one row; ``logits`` (classes, pixels)."""
    heights, logits = torch.tensor(heights)[None, None, None], torch.tensor(logits).reshape(1, -1, 1, len(heights))
    batch = {
        "image": torch.zeros(1, 3, 1, heights.shape[-1]),
        "heights": torch.tensor(target)[None, None, None],
        "labels": torch.tensor(labels)[None, None],
    }
    parts = LocatorLoss(recipe, torch.tensor(weights))(lambda image: (heights, logits), batch, torch.Generator())
    return {name: value.item() for name, value in parts.items()}


def test_peaks_weigh_more_than_background():
    # errors of 0.5 at a peak and beside it: (0.25 × (1 + 2) + 0.25) / 2 = 0.5; no pixel has a class
    got = loss_of([0.5, 0.5], [[0.0, 0], [0, 0]], [1.0, 0.0], [IGNORED, IGNORED])
    assert got == {"loss": pytest.approx(0.5), "map": pytest.approx(0.5), "classes": 0}


@pytest.mark.parametrize(
    ("kind", "expected"), [("absolute", (0.05 * 1 + 0.6 * 3) / 2), ("huber", (0.0025 + 0.11 * 3) / 2)]
)
def test_other_errors_of_the_map(kind, expected):
    # errors of 0.05 on background and 0.6 at a peak; twice the Huber loss is 0.05² and 2 × 0.1 × (0.6 - 0.05) = 0.11
    recipe = RECIPE.model_copy(update={"map": kind})
    got = loss_of([0.05, 0.4], [[0.0, 0], [0, 0]], [0.0, 1.0], [IGNORED, IGNORED], recipe=recipe)
    assert got["map"] == pytest.approx(expected)


def test_classes_are_averaged_over_the_labelled_pixels_with_their_weights():
    # even logits cost ln 2 whatever the class; the weights 1 and 3 average to 2; the third pixel does not count
    got = loss_of([0.0] * 3, [[0.0, 0, 9], [0, 0, -9]], [0.0] * 3, [0, 1, IGNORED], weights=(1.0, 3.0))
    assert got["classes"] == pytest.approx(2 * math.log(2))
    assert got["loss"] == pytest.approx(0.1 * got["classes"])


def test_logits_cost_by_their_softmax():
    # logits ln 3 and 0 are probabilities 3/4 and 1/4
    costs = [loss_of([0.0], [[math.log(3)], [0.0]], [0.0], [label])["classes"] for label in (0, 1)]
    assert costs == [pytest.approx(math.log(4 / 3)), pytest.approx(math.log(4))]


def test_ignored_pixels_have_no_gradient():
    logits = torch.zeros(1, 2, 1, 2, requires_grad=True)
    batch = {
        "image": torch.zeros(1, 3, 1, 2),
        "heights": torch.zeros(1, 1, 1, 2),
        "labels": torch.tensor([[[1, IGNORED]]]),
    }
    loss = LocatorLoss(RECIPE, torch.ones(2))
    loss(lambda image: (torch.zeros(1, 1, 1, 2), logits), batch, torch.Generator())["loss"].backward()
    # softmax minus one-hot, times the class weight of 0.1
    assert logits.grad[0, :, 0].T.tolist() == [pytest.approx([0.05, -0.05]), [0, 0]]


def test_without_classes_only_the_map_counts():
    batch = {"image": torch.zeros(1, 3, 1, 1), "heights": torch.ones(1, 1, 1, 1), "labels": torch.full((1, 1, 1), -100)}
    loss = LocatorLoss(RECIPE, torch.zeros(0))
    parts = loss(lambda image: (torch.zeros(1, 1, 1, 1), torch.zeros(1, 0, 1, 1)), batch, torch.Generator())
    assert {name: value.item() for name, value in parts.items()} == {"loss": 3}


def cells(*counts, unknown=0):
    labels = np.repeat([*range(len(counts)), -1], [*counts, unknown])
    return Cells(np.zeros((len(labels), 2)), labels, classes=[f"c{i}" for i in range(len(counts))], shape=(1, 1))


def test_class_weights_balance_and_average_to_one():
    weights = class_weights([cells(5, 0, 0), cells(3, 2, 0, unknown=7)], 3, 0.5)
    # counts 8, 2 and 0: rarity by its square root, 1 on average over the ten cells
    assert weights[1] / weights[0] == pytest.approx(2.0)
    assert (8 * weights[0] + 2 * weights[1]) / 10 == pytest.approx(1.0)
    assert weights[2] == 0


def test_balance_goes_from_no_weights_to_equal_classes():
    assert class_weights([cells(8, 2)], 2, 0.0).tolist() == [1, 1]
    assert class_weights([cells(8, 2)], 2, 1.0).tolist() == pytest.approx([10 / 16, 10 / 4])


def test_no_labelled_cells_have_no_weights():
    assert class_weights([cells(0, 0, unknown=3)], 2, 0.5).tolist() == [0, 0]
    assert class_weights([], 0, 0.5).shape == (0,)


def labelled(*labels):
    return Cells(np.zeros((len(labels), 2)), labels, classes=("a", "b"), shape=(1, 1))


def test_class_weights_are_of_the_mixture_that_is_trained_on():
    # real cells are all of a, synthetic ones all of b; with a quarter of the crops synthetic, 3 of 4 cells are of a.
    # Inverse frequencies are 4/3 and 4; their average over the cells is 2, so that an average of 1 needs halving
    real, synthetic = [labelled(0, 0)], [labelled(1), labelled(1, 1, 1)]
    weights = class_weights(real, 2, 1.0, synthetic=synthetic, share=0.25)
    assert weights.tolist() == [pytest.approx(2 / 3), pytest.approx(2)]
    assert class_weights(real, 2, 1.0).tolist() == [1, 0]  # without them, b is not there


def test_the_number_of_synthetic_cells_does_not_matter_to_the_weights():
    real = [labelled(0, 0, 0, 1)]
    few, many = ([labelled(*[0, 1] * count)] for count in (1, 50))
    weights = [class_weights(real, 2, 0.5, synthetic=some, share=0.5) for some in (few, many)]
    assert weights[0].tolist() == pytest.approx(weights[1].tolist())
