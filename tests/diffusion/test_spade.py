"""Spatially-adaptive norms: their definition, where they are, what does not see the mask, and several masks at once."""

import pytest
import torch
from torch import nn

from cellweave.core import CellweaveError
from cellweave.diffusion import DiffusionUNet, DiffusionUNetRecipe, SpatiallyAdaptiveNorm
from cellweave.diffusion.blocks import Context

SMALL = DiffusionUNetRecipe(widths=(16, 32), blocks=1, attention_levels=(1,), head_channels=16)
MASK_CHANNELS = 4


def network(conditioning="spade", recipe=SMALL, seed=0):
    """Return a network in evaluation mode, none of whose weights are zero."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = DiffusionUNet(recipe, 3, MASK_CHANNELS, learned_variance=True, conditioning=conditioning)
        for parameter in net.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.1)
    return net.eval()


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def mask(count=2, side=16, seed=0):
    """Return one-hot masks, (N, 4, side, side)."""
    ids = torch.randint(MASK_CHANNELS, (count, side, side), generator=torch.Generator().manual_seed(seed))
    return nn.functional.one_hot(ids, MASK_CHANNELS).permute(0, 3, 1, 2).float()


@torch.no_grad()
def test_the_norm_is_its_definition():
    """Every pixel by itself, from the weights: nearest mask, 3 × 3 window, ReLU of 128 sums, 3 × 3 window again."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        norm = SpatiallyAdaptiveNorm(32, MASK_CHANNELS)
    x, condition = 2 * drawn(1, 32, 4, 4) + 1, mask(1, side=8)
    found = norm(x, Context(torch.zeros(1, 1), condition))[0]

    assert norm.look.out_channels == 128
    assert [name for name, _ in norm.norm.named_parameters()] == []
    values = x.reshape(32, 4, 4)  # 32 groups of one channel
    centred = values - values.mean(dim=(1, 2), keepdim=True)
    normalised = centred / (centred.square().mean(dim=(1, 2), keepdim=True) + 1e-5).sqrt()
    nearest = condition[0, :, ::2, ::2]  # the upper left of the 2 × 2 pixels that a small one covers

    def window(layer, image, row, column):
        total = layer.bias.clone()
        for i in range(3):
            for j in range(3):
                r, c = row + i - 1, column + j - 1
                if 0 <= r < 4 and 0 <= c < 4:
                    total += layer.weight[:, :, i, j] @ image[:, r, c]
        return total

    hidden = torch.stack(
        [torch.stack([window(norm.look, nearest, r, c).relu() for c in range(4)], 1) for r in range(4)], 1
    )
    for row in range(4):
        for column in range(4):
            scale, shift = window(norm.project, hidden, row, column).split(32)
            expected = normalised[:, row, column] * (1 + scale) + shift
            torch.testing.assert_close(found[:, row, column], expected, rtol=1e-4, atol=1e-5)


def test_the_norms_are_in_middle_and_decoder_alone():
    net = network()
    blocks = {name.rsplit(".", 1)[0] for name, _ in net.named_modules() if name.endswith(".first_norm")}
    adaptive = {name for name, module in net.named_modules() if isinstance(module, SpatiallyAdaptiveNorm)}
    after_encoder = {name for name in blocks if not name.startswith("encoder")}
    assert adaptive == {f"{name}.{norm}" for name in after_encoder for norm in ("first_norm", "second_norm.norm")}
    assert {name.split(".")[0] for name in adaptive} == {"middle", "decoder"}


def test_the_encoder_does_not_see_the_mask_and_the_rest_does():
    net, x, t = network(), drawn(2, 3, 16, 16), torch.tensor([5, 900])
    seen = {}

    def record(name):
        return lambda _module, _inputs, output: seen.setdefault(name, []).append(output)

    for name in ("entry", "encoder", "middle"):
        part = getattr(net, name)
        for number, module in enumerate(part if name == "encoder" else [part]):
            module.register_forward_hook(record(f"{name}.{number}"))
    outputs = [net(x, t, condition=mask(seed=seed)) for seed in (0, 1)]
    assert len(seen) == 1 + len(net.encoder) + 1
    for name, (one, other) in seen.items():
        assert torch.equal(one, other) == (name != "middle.0"), name
    assert not torch.allclose(*outputs, atol=1e-3)


def test_only_norms_and_entry_differ_from_a_concatenating_network():
    """Parameters: the entry loses the mask's channels; an affine norm of C becomes convolutions of mask, 128 and 2C."""
    spade, concatenating = network(), network("concatenate")
    norms = [module for module in spade.modules() if isinstance(module, SpatiallyAdaptiveNorm)]
    added = sum(
        (9 * MASK_CHANNELS + 1) * 128 + (9 * 128 + 1) * 2 * norm.norm.num_channels - 2 * norm.norm.num_channels
        for norm in norms
    )
    removed = 9 * MASK_CHANNELS * 16
    count = {net: sum(p.numel() for p in net.parameters()) for net in (spade, concatenating)}
    assert count[spade] - count[concatenating] == added - removed
    same = {name for name, value in concatenating.state_dict().items() if "norm" not in name}
    assert {name for name in spade.state_dict() if "norm" not in name} == same


@pytest.mark.parametrize("conditioning", ["spade", "concatenate"])
def test_several_masks_in_one_batch_are_several_calls(conditioning):
    net, x, t = network(conditioning), drawn(2, 3, 16, 16), torch.tensor([5, 900])
    conditions = [mask(seed=0), torch.zeros(2, MASK_CHANNELS, 16, 16), mask(seed=1)]
    together = net(x, t, condition=torch.cat(conditions), branches=3).chunk(3)
    for found, condition in zip(together, conditions, strict=True):
        torch.testing.assert_close(found, net(x, t, condition=condition), rtol=1e-4, atol=1e-4)


def test_the_encoder_runs_once_for_several_masks():
    net, x, t = network(), drawn(2, 3, 16, 16), torch.tensor([5, 900])
    sizes = []
    net.encoder[0].register_forward_hook(lambda _module, _inputs, output: sizes.append(len(output)))
    net.middle.register_forward_hook(lambda _module, _inputs, output: sizes.append(len(output)))
    net(x, t, condition=torch.cat([mask(), mask(seed=1)]), branches=2)
    assert sizes == [2, 4]


@torch.inference_mode()
def test_what_is_kept_of_a_mask_is_what_is_made_of_it():
    net, x, condition = network(), drawn(2, 3, 16, 16), mask()
    kept = {}
    for level in (900, 20):
        t = torch.full((2,), level)
        found = net(x, t, condition=condition, kept=kept)
        assert torch.equal(found, net(x, t, condition=condition))
    assert len(kept) == sum(isinstance(module, SpatiallyAdaptiveNorm) for module in net.modules())


def test_a_mask_of_folded_data_has_the_datas_size():
    net = network(recipe=SMALL.model_copy(update={"fold": 2}))
    assert net(drawn(2, 3, 16, 16), torch.tensor([1, 2]), condition=mask()).shape == (2, 6, 16, 16)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: network()(drawn(1, 3, 16, 16), torch.tensor([0])), r"condition must be \(1, 4, 16, 16\), got none"),
        (
            lambda: network()(drawn(1, 3, 16, 16), torch.tensor([0]), condition=mask(1), branches=2),
            r"condition must be \(2, 4, 16, 16\), got \(1, 4, 16, 16\)",
        ),
        (lambda: DiffusionUNet(SMALL, 3, conditioning="spade"), "conditioning by spade needs a condition"),
        (
            lambda: SpatiallyAdaptiveNorm(8, 2)(torch.zeros(1, 8, 2, 2), Context(torch.zeros(1, 1))),
            "spatially-adaptive norms need a condition",
        ),
    ],
)
def test_masks_that_do_not_fit(call, message):
    with pytest.raises(CellweaveError, match=message):
        call()
