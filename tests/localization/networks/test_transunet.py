"""TransUNet's transformer against torch's own, its positions, and the resolutions that it passes on."""

import pytest
import torch
from torch import nn

from cellweave.core import RecipeError
from cellweave.localization import LocatorRecipe
from cellweave.localization.networks.transformer import GlobalAttention, TransformerLayer
from cellweave.localization.networks.transunet import TransUNetRecipe, stretched
from cellweave.training import load_recipe

SMALL = {"stem_width": 4, "stem_blocks": (1, 2, 1), "width": 6, "layers": 1, "heads": 2, "positions": 3, "bridge": 4}


def small_network():
    return TransUNetRecipe(**SMALL, decoder=(4, 4, 4, 4)).build(1, 2)


def test_a_layer_is_that_of_torch():
    ours = TransformerLayer(8, GlobalAttention(8, 2), expansion=3).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in ours.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    theirs = nn.TransformerEncoderLayer(
        8, 2, 24, dropout=0.0, activation="gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    pairs = [
        (ours.before_attention, theirs.norm1),
        (ours.attention.project_out, theirs.self_attn.out_proj),
        (ours.before_feed_forward, theirs.norm2),
        (ours.feed_forward[0], theirs.linear1),
        (ours.feed_forward[2], theirs.linear2),
    ]
    for our_part, their_part in pairs:
        their_part.load_state_dict(our_part.state_dict())
    theirs.self_attn.in_proj_weight.data = ours.attention.project_in.weight.data
    theirs.self_attn.in_proj_bias.data = ours.attention.project_in.bias.data
    tokens = torch.randn(2, 3, 5, 8, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(ours(tokens), theirs(tokens.view(2, 15, 8)).view(tokens.shape))


def test_a_layer_begins_as_the_identity():
    tokens = torch.randn(1, 2, 3, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(TransformerLayer(8, GlobalAttention(8, 2))(tokens), tokens)


def test_positions_of_another_grid_are_between_those_of_their_own():
    positions = torch.tensor([0.0, 1.0, 2.0, 3.0]).view(1, 1, 2, 2)
    assert stretched(positions, torch.Size([2, 2])) is positions
    wide = stretched(positions, torch.Size([2, 4]))  # halfway points of pixels at 0.25, 0.75 of the old ones
    assert wide[0, 0].tolist() == [[0.0, 0.25, 0.75, 1.0], [2.0, 2.25, 2.75, 3.0]]


def test_positions_are_learnt_at_any_size():
    network = small_network()
    with torch.no_grad():
        for layer in network.modules():  # an identity would not pass on what the attention makes of positions
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    for size in [(48, 48), (16, 80)]:
        network.zero_grad()
        heights, _ = network.eval()(torch.ones(1, 3, *size))
        heights.square().sum().backward()
        assert network.positions.grad.abs().sum() > 0


def test_a_position_moves_what_lies_there():
    network = small_network().double().eval()
    image = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0)).double()
    with torch.inference_mode():
        before = network(image)[0]
        network.positions[0, :, 0, 0] += torch.arange(6.0)  # of 3 × 3; of 16 × 16 tokens, the first eight have a part
        changed = (network(image)[0] - before).abs()[0, 0] > 0
    assert changed[:128, :128].any()
    # the layers begin as the identity: only bridge and decoder spread it, by less than 16 and twice 16 + 8 + 4 + 2 + 1
    assert not changed[192:].any()
    assert not changed[:, 192:].any()


def test_the_default_is_r50_vit_b():
    with torch.device("meta"):
        network = TransUNetRecipe().build(1, 6)
    assert sum(value.numel() for value in network.parameters()) == pytest.approx(105.3e6, rel=0.005)
    assert [block[0].in_channels for block in network.decoder] == [512 + 512, 256 + 256, 128 + 64, 64]
    assert network.stride == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("heads: 7", "heads 7 must divide width 768"),
        ("stem_blocks: [3, 0, 9]", "stem_blocks and decoder must be positive numbers"),
        ("decoder: [256, 128, 64, 0]", "stem_blocks and decoder must be positive numbers"),
        ("decoder: [256, 128]", "network"),
    ],
)
def test_shapes_that_cannot_be_are_told(change, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(LocatorRecipe, "locator", "default", [f"network={{name: transunet, {change}}}"])
