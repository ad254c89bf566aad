"""The diffusion U-Net: shapes, conditions, precision, attention against its formula, and what it refuses."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from cellweave.core import CellweaveError
from cellweave.diffusion import DiffusionUNet, DiffusionUNetRecipe
from cellweave.diffusion.blocks import Context, SelfAttention

SMALL = DiffusionUNetRecipe(widths=(16, 32), blocks=1, attention_levels=(1,), head_channels=16)


def network(recipe=SMALL, seed=0, **settings):
    """Return a network in evaluation mode, none of whose weights are zero."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = DiffusionUNet(recipe, **{"channels": 3, **settings})
        for parameter in net.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.1)
    return net.eval()


def data(count=2, channels=3, side=16, seed=0):
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("fold", [1, 2])
@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize(("channels", "condition_channels"), [(3, 0), (6, 2)])
def test_output_has_the_shape_of_the_data(fold, learned, channels, condition_channels):
    recipe = SMALL.model_copy(update={"fold": fold})
    net = network(recipe, channels=channels, condition_channels=condition_channels, learned_variance=learned)
    condition = data(channels=condition_channels) if condition_channels else None
    output = net(data(channels=channels), torch.tensor([0, 999]), condition=condition)
    assert output.shape == (2, channels * (2 if learned else 1), 16, 16)


def test_an_untrained_network_predicts_zero():
    net = DiffusionUNet(SMALL, 3)
    assert not net(data(), torch.tensor([3, 4])).any()


def test_no_category_is_the_null_category():
    net = network(categories=4)
    x, t = data(), torch.tensor([10, 20])
    assert torch.equal(net(x, t), net(x, t, category=torch.tensor([4, 4])))
    assert not torch.allclose(net(x, t), net(x, t, category=torch.tensor([0, 4]))[:1].expand(2, -1, -1, -1))


@pytest.mark.parametrize("changed", ["level", "category", "condition"])
def test_everything_that_is_given_counts(changed):
    net = network(condition_channels=1, categories=2)
    given = {"t": torch.tensor([5, 5]), "category": torch.tensor([0, 1]), "condition": data(channels=1)}
    other = {"level": {"t": torch.tensor([700, 700])}, "category": {"category": torch.tensor([1, 0])}}.get(
        changed, {"condition": data(channels=1, seed=1)}
    )
    assert not torch.allclose(net(data(), **given), net(data(), **{**given, **other}), atol=1e-4)


def test_samples_of_a_batch_do_not_see_each_other():
    net = network(categories=2)
    x, t, category = data(3), torch.tensor([1, 500, 999]), torch.tensor([0, 1, 2])
    together = net(x, t, category=category)
    for i in range(3):
        alone = net(x[i : i + 1], t[i : i + 1], category=category[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_half_precision_and_channels_last_agree_with_full_precision():
    net = network()
    x, t = data(), torch.tensor([10, 900])
    exact = net(x, t)
    last = net.to(memory_format=torch.channels_last)(x, t)
    torch.testing.assert_close(last, exact, rtol=1e-4, atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        rough = net(x, t)
    # bfloat16 has 8 bits of mantissa, over some twenty layers
    assert float((rough.float() - exact).norm() / exact.norm()) < 0.05


def test_gradients_reach_every_weight():
    net = network(condition_channels=1, categories=2).train()
    net(
        data(), torch.tensor([5, 6]), category=torch.tensor([0, 1]), condition=data(channels=1)
    ).square().sum().backward()
    missed = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert missed == []


def test_attention_is_its_formula():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        attention = SelfAttention(8, head_channels=4)
        nn.init.normal_(attention.merge.weight)
    x = torch.randn(2, 8, 3, 5, generator=torch.Generator().manual_seed(1))
    query, key, value = attention.project(attention.norm(x)).flatten(2).chunk(3, dim=1)
    seen = torch.empty(2, 8, 15)
    for head in (slice(0, 4), slice(4, 8)):
        scores = torch.einsum("ncq,nck->nqk", query[:, head], key[:, head]) / 4**0.5
        seen[:, head] = torch.einsum("nqk,nck->ncq", scores.softmax(dim=2), value[:, head])
    expected = x + attention.merge(seen.reshape(2, 8, 3, 5))
    torch.testing.assert_close(attention(x, Context(torch.zeros(2, 1))), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "given", "message"),
    [
        ({}, {"x_t": torch.zeros(1, 3, 15, 16)}, "multiples of 2, got .1, 3, 15, 16.; pad it"),
        ({}, {"x_t": torch.zeros(1, 4, 16, 16)}, r"x_t must be \(N, 3, H, W\)"),
        ({"condition_channels": 2}, {}, r"condition must be \(1, 2, 16, 16\), got none"),
        ({}, {"condition": torch.zeros(1, 2, 16, 16)}, "condition must be left out"),
        ({}, {"category": torch.tensor([0])}, "network without categories"),
    ],
)
def test_inputs_that_do_not_fit(settings, given, message):
    call = {"x_t": torch.zeros(1, 3, 16, 16), "t": torch.tensor([0]), **given}
    with pytest.raises(CellweaveError, match=message):
        network(**settings)(call.pop("x_t"), call.pop("t"), **call)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widths": (20,)}, "multiples of 8"),
        ({"widths": (16, 32), "attention_levels": (2,)}, "attention level 2 is not one of the 2 levels"),
        ({"widths": (200,), "attention_levels": (0,)}, "200 channels cannot be divided"),
        ({"depth": 3}, "Extra inputs"),
    ],
)
def test_shapes_that_do_not_fit(settings, message):
    with pytest.raises(ValidationError, match=message):
        DiffusionUNetRecipe(**settings)
