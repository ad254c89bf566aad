"""HRNet: its branches, one exchange by hand, and how far it sees."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cellweave.core import RecipeError
from cellweave.localization import LocatorRecipe
from cellweave.localization.networks import NETWORKS
from cellweave.localization.networks.hrnet_parts import ExchangeModule, ResidualBlock
from cellweave.training import load_recipe

from .small import SMALL


def silenced(module):
    """Return the module in evaluation mode with convolutions of 0 and norms that change nothing."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight)
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = 0.0
    return module.double().eval()


def test_an_exchange_by_hand():
    module = silenced(ExchangeModule((1, 1), blocks=1))
    with torch.no_grad():
        module.exchange[0].paths[1][0].weight.fill_(2)  # coarse to fine, 1×1
        module.exchange[1].paths[0][0][0].weight[..., 1, 1] = 3  # fine to coarse, every other pixel
    fine = torch.arange(16.0).reshape(1, 1, 4, 4).double()
    coarse = torch.tensor([[100.0, 200.0], [300.0, 400.0]]).reshape(1, 1, 2, 2).double()
    finer, coarser = module([fine, coarse])
    assert_close(finer, fine + 2 * coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
    assert_close(coarser, coarse + 3 * fine[..., ::2, ::2])


def test_a_residual_block_adds_to_what_it_gets():
    x = torch.rand(1, 3, 4, 4).double()
    assert_close(silenced(ResidualBlock(3))(x), x)


def test_branches_have_half_the_resolution_and_twice_the_channels_of_the_one_before():
    network = NETWORKS["hrnet"](**SMALL["hrnet"] | {"width": 5}).build(1, 0)
    seen = []
    network.head.register_forward_pre_hook(lambda _, arguments: seen.extend(arguments[0]))
    network(torch.zeros(2, 3, 64, 96))
    assert [tuple(branch.shape) for branch in seen] == [
        (2, 5, 16, 24),
        (2, 10, 8, 12),
        (2, 20, 4, 6),
        (2, 40, 2, 3),
    ]


def test_the_default_has_the_papers_stages():
    with torch.device("meta"):
        network = NETWORKS["hrnet"]().build(1, 0)
    assert [len(stage) for stage in network.stages] == [1, 4, 3]
    assert [len(stage[0].branches) for stage in network.stages] == [2, 3, 4]
    assert {len(branch) for stage in network.stages for module in stage for branch in module.branches} == {4}
    assert [branch[0].change[0][0].out_channels for branch in network.stages[-1][0].branches] == [18, 36, 72, 144]


def test_only_shallow_ones_tile_exactly():
    with torch.device("meta"):
        deep = NETWORKS["hrnet"]().build(1, 0)
    shallow = NETWORKS["hrnet"](**SMALL["hrnet"]).build(1, 0)
    assert (deep.exact_tiles, deep.margin) == (False, 256)
    assert shallow.exact_tiles
    assert shallow.margin <= 256


@pytest.mark.parametrize("change", ["network.modules=[1, 0, 1]", "network.modules=[1, 1]", "network.width=1"])
def test_networks_that_cannot_be_are_told(change, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("network: {name: hrnet}\n")
    with pytest.raises(RecipeError, match=r"network\.(modules|width).* does not fit"):
        load_recipe(LocatorRecipe, "locator", recipe, [change])
