"""A compiled image model paints the same images, and is compiled once for all batches."""

import numpy as np
import pytest
import torch
from torch import nn

from cellweave.core import Cells, torch_generator
from cellweave.data import CellClass, SemanticMask
from cellweave.diffusion import CompiledUNet, DiffusionProcess, GuidedNetwork, SamplerRecipe, sample
from cellweave.images import ImageGenerator, ImageRecipe
from cellweave.images.network import build_network
from cellweave.images.patch_basis import Pixels

CLASSES = (CellClass("tumor", "#ff0000"),)
LAYOUTS = {"condition": {}, "masks": None}
MASKS = {"condition": None, "masks": {}, "conditioning": "spade", "fine_tuning": {}, "guidance": 0.5}


def recipe_of(kind):
    return ImageRecipe.model_validate(
        {
            "basis": None,
            "crop_px": 16,
            "stain": "as-is",
            "network": {"widths": [8], "attention_levels": [], "blocks": 1},
            "process": {"schedule": "cosine", "prediction": "x0", "learned_variance": False},
            "sampler": {"name": "ddim", "steps": 3},
            **kind,
        }
    )


def network_of(recipe):
    network = build_network(recipe, 1, torch_generator(0, "weights"))
    for parameter in network.parameters():
        if not parameter.any():  # what training moves away from zero
            nn.init.normal_(parameter, std=0.05, generator=torch_generator(1, "weights"))
    return network.eval()


def scenes_of(recipe, sides):
    for index, side in enumerate(sides):
        xy = [[3.0 + index, 5.0]]
        if recipe.masks is None:
            yield index, Cells(xy, [0], classes=("tumor",), shape=(side, side))
        else:
            classes = np.zeros((side, side), np.uint8)
            classes[2 : 5 + index, 3:9] = 1
            yield index, SemanticMask(classes, classes.astype(np.uint16))


def painted(recipe, sides, *, compile_network):
    generator = ImageGenerator(
        network_of(recipe),
        recipe,
        codec=Pixels(),
        classes=CLASSES,
        mpp=None,
        device=torch.device("cpu"),
        precision="fp32",
        compile_network=compile_network,
    )
    return dict(generator.generate(list(scenes_of(recipe, sides)), seed=3, batch_size=2))


@pytest.mark.parametrize("kind", [LAYOUTS, MASKS], ids=["layouts", "masks"])
def test_full_and_last_batches_are_one_compilation(compiled_graphs, kind):
    recipe = recipe_of(kind)
    sides = [16, 16, 16, 16, 16]
    expected = painted(recipe, sides, compile_network=False)
    images = painted(recipe, sides, compile_network=True)
    assert len(compiled_graphs) == 1
    assert list(images) == list(expected) == [0, 1, 2, 3, 4]
    for index, image in images.items():
        assert np.abs(image.astype(int) - expected[index]).max() <= 1  # of 255: the batch has another size


def test_images_of_many_sizes_are_two_compilations(compiled_graphs):
    recipe = recipe_of(LAYOUTS)
    sides = [16, 16, 18, 20, 24]
    expected = painted(recipe, sides, compile_network=False)
    images = painted(recipe, sides, compile_network=True)
    assert len(compiled_graphs) == 2
    for index, image in images.items():
        assert image.shape == (sides[index], sides[index], 3)
        assert np.abs(image.astype(int) - expected[index]).max() <= 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")
def test_compiled_code_gives_the_same_numbers():
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        pytest.skip(f"no C++ compiler: {error}")
    recipe = recipe_of(LAYOUTS)
    network = network_of(recipe)
    condition = torch.randn(3, network.condition_channels, 16, 16, generator=torch_generator(2, "condition"))

    def drawn(call):
        return sample(
            GuidedNetwork(call),
            DiffusionProcess(recipe.process),
            (3, 16, 16),
            seed=3,
            indices=range(3),
            recipe=SamplerRecipe(name="ddim", steps=3),
            batch_size=3,
            condition=condition,
        )

    expected = drawn(network)
    assert expected.std() > 0.01
    torch.testing.assert_close(drawn(CompiledUNet(network)), expected, atol=1e-4, rtol=0)
