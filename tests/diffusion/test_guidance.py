"""Guidance: one batch of both branches against two passes, its rule in every prediction, and dropping conditions."""

import pytest
import torch
from torch import nn

from cellweave.diffusion import (
    DenoisingLoss,
    DiffusionProcess,
    DiffusionUNet,
    DiffusionUNetRecipe,
    GuidedNetwork,
    ProcessRecipe,
    SamplerRecipe,
    WeightingRecipe,
    sample,
)

SHAPE = DiffusionUNetRecipe(widths=(16, 32), blocks=1, attention_levels=(1,), head_channels=16)


def network(conditioning, *, learned_variance=False):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = DiffusionUNet(SHAPE, 3, 2, learned_variance=learned_variance, conditioning=conditioning)
        for parameter in net.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.05)
    return net.eval()


def masks(count=3, side=16):
    return (torch.rand(count, 2, side, side, generator=torch.Generator().manual_seed(1)) > 0.5).float()


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("conditioning", ["spade", "concatenate"])
def test_one_batch_is_two_passes(conditioning, scale):
    """Samples of the guided network are those of a function that calls the network twice, as Eq. 7 is written."""
    net = network(conditioning, learned_variance=True)
    process = DiffusionProcess(ProcessRecipe(schedule="cosine", prediction="epsilon"))

    def two_passes(x_t, t, *, category, condition):
        given, variance = net(x_t, t, condition=condition).chunk(2, dim=1)
        null = net(x_t, t, condition=torch.zeros_like(condition))[:, :3]
        return torch.cat([given + scale * (given - null), variance], dim=1)

    settings = {"seed": 4, "indices": range(3), "recipe": SamplerRecipe(name="ddpm", steps=6), "batch_size": 2}
    expected = sample(two_passes, process, (3, 16, 16), condition=masks(), **settings)
    found = sample(GuidedNetwork(net, scale), process, (3, 16, 16), condition=masks(), **settings)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_scale_of_zero_is_no_guidance_and_one_branch():
    net, sizes = network("spade"), []
    net.middle.register_forward_hook(lambda _module, _inputs, output: sizes.append(len(output)))
    x, t, condition = torch.randn(3, 3, 16, 16), torch.tensor([1, 2, 3]), masks()
    assert torch.equal(GuidedNetwork(net)(x, t, category=None, condition=condition), net(x, t, condition=condition))
    GuidedNetwork(net, 0.5)(x, t, category=None, condition=condition)
    assert sizes == [3, 3, 6]


def test_another_mask_is_seen_at_once():
    net = GuidedNetwork(network("spade"), 1.0)
    x, t = torch.randn(3, 3, 16, 16), torch.tensor([1, 2, 3])
    found = [net(x, t, category=None, condition=condition) for condition in (masks(), 1 - masks(), masks())]
    torch.testing.assert_close(found[0], found[2])
    assert not torch.allclose(found[0], found[1], atol=1e-3)


@pytest.mark.parametrize("prediction", ["v", "x0"])
def test_the_rule_is_the_same_for_every_prediction(prediction):
    """The noise that guided velocity, or data, stands for is the guided noise."""
    process = DiffusionProcess(ProcessRecipe(schedule="cosine", prediction=prediction, learned_variance=False))
    generator = torch.Generator().manual_seed(2)
    x_t, given, null = (torch.randn(4, 3, 8, 8, generator=generator) for _ in range(3))
    t = torch.tensor([3, 200, 500, 900])
    noise, null_noise = (process.epsilon_from(output, x_t, t) for output in (given, null))
    expected = noise + 1.5 * (noise - null_noise)
    found = process.epsilon_from(given + 1.5 * (given - null), x_t, t)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


def test_conditions_are_dropped_as_often_as_asked():
    process = DiffusionProcess(ProcessRecipe(schedule="cosine", prediction="x0", learned_variance=False))
    seen = []

    class Watching(nn.Module):
        def forward(self, x_t, t, *, condition):
            seen.append(condition)
            return torch.zeros_like(x_t)

    batch = {"x0": torch.zeros(2000, 1, 2, 2), "condition": torch.ones(2000, 3, 2, 2)}
    losses = []
    for drop in (0.0, 0.2):
        loss = DenoisingLoss(process, WeightingRecipe(name="uniform"), given=("condition",), drop=drop)
        losses.append(loss(Watching(), batch, torch.Generator().manual_seed(0))["loss"])
    whole, dropped = seen
    assert torch.equal(whole, batch["condition"])
    sums = dropped.sum(dim=(1, 2, 3))
    assert set(sums.tolist()) == {0.0, 12.0}  # a sample is dropped whole or not at all
    assert float((sums == 0).float().mean()) == pytest.approx(0.2, abs=0.036)  # four standard errors of 2000
    assert losses[0] == losses[1]  # levels and noise are drawn first: the same
