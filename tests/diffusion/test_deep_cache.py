"""The deep cache: which steps run the whole network, what the others reuse, and whose features they are."""

import pytest
import torch
from torch import nn

from cellweave.core import InvalidInputError
from cellweave.diffusion import DeepCache, DeepFeatures, DiffusionUNet, DiffusionUNetRecipe, GuidedNetwork

SHAPE = DiffusionUNetRecipe(widths=(16, 32), blocks=2, attention_levels=(1,), head_channels=16)


def network(**settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = DiffusionUNet(SHAPE, 3, **settings)
        for parameter in net.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.05)
    return net.eval()


def levels_run(cache, levels):
    """Return the noise levels at which the middle of the network ran."""
    seen, x = [], torch.randn(2, 3, 16, 16)
    with torch.inference_mode():
        for level in levels:
            hook = cache.network.middle.register_forward_hook(lambda *_, level=level: seen.append(level))
            cache(x, torch.full((2,), level))
            hook.remove()
    return seen


def cached(net=None, interval=2):
    return DeepCache(net or network(), below=70, interval=interval)


@pytest.mark.parametrize(("interval", "below"), [(1, [69, 60, 50, 40, 2]), (2, [60, 40]), (3, [50]), (9, [])])
def test_the_whole_network_runs_in_one_step_of_an_interval_below_the_level_and_in_all_above(interval, below):
    assert levels_run(cached(interval=interval), [99, 80, 71, 70, 69, 60, 50, 40, 2]) == [99, 80, 71, 70, *below]


def test_the_first_step_runs_the_whole_network_whatever_its_level():
    assert levels_run(cached(), [40, 30, 20]) == [40, 20]


def test_every_window_of_a_step_reuses_its_own_features():
    net, windows, t = network(), torch.randn(3, 2, 3, 16, 16), torch.tensor([5, 5])
    cache, apart = cached(net), [cached(net) for _ in windows]
    with torch.inference_mode():
        for level in (60, 50, 40):
            found = [cache(window, torch.full_like(t, level)) for window in windows]
            expected = [one(window, torch.full_like(t, level)) for one, window in zip(apart, windows, strict=True)]
            assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("settings", [{}, {"condition_channels": 2, "conditioning": "spade"}])
def test_features_of_the_same_data_and_level_change_nothing(settings):
    net, x, t = network(**settings), torch.randn(2, 3, 16, 16), torch.tensor([5, 9])
    condition = torch.randn(2, 2, 16, 16) if settings else None
    deep = DeepFeatures()
    with torch.inference_mode():
        whole = net(x, t, condition=condition, deep=deep)
        assert torch.equal(whole, net(x, t, condition=condition))
        assert torch.equal(whole, net(x, t, condition=condition, deep=deep))
        finest = net(x + 1, t, condition=condition, deep=deep)
    assert not torch.equal(finest, whole)
    assert not torch.equal(finest, net(x + 1, t, condition=condition))


def test_guidance_keeps_the_features_of_both_branches():
    net = network(condition_channels=2, conditioning="spade")
    x, condition = torch.randn(2, 3, 16, 16), torch.randn(2, 2, 16, 16)
    guided = GuidedNetwork(cached(net), 1.0)
    with torch.inference_mode():
        for level in (60, 50):
            t = torch.full((2,), level)
            found = guided(x, t, category=None, condition=condition)
    deep = {shown: DeepFeatures() for shown in ("given", "null")}
    for shown, told in (("given", condition), ("null", torch.zeros_like(condition))):
        with torch.inference_mode():
            net(x, torch.full((2,), 60), condition=told, deep=deep[shown])
    with torch.inference_mode():
        given = net(x, t, condition=condition, deep=deep["given"])
        null = net(x, t, condition=torch.zeros_like(condition), deep=deep["null"])
    torch.testing.assert_close(found, given + (given - null), rtol=1e-4, atol=1e-5)


def test_an_interval_without_steps_is_refused():
    with pytest.raises(InvalidInputError, match="an interval of 0"):
        cached(interval=0)


def test_a_network_of_one_level_reuses_its_middle_alone():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = DiffusionUNet(DiffusionUNetRecipe(widths=(16,), blocks=1, attention_levels=()), 3).eval()
    assert levels_run(cached(net), [60, 50, 40]) == [60, 40]
