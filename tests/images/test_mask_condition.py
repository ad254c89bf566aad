"""Masks as the network sees them, training crops of them, and recipes that contradict themselves."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from cellweave.core import CellweaveError
from cellweave.data import CellDataset, SemanticMask
from cellweave.data.phantom import write_phantom_dataset
from cellweave.images import ImageGenerator, ImageRecipe
from cellweave.images.condition import condition_channels, draw_mask
from cellweave.images.network import build_network
from cellweave.images.patch_basis import Pixels
from cellweave.images.recipe import MaskRecipe
from cellweave.images.samples import ImageSamples
from cellweave.training import load_recipe

NETWORK = {"widths": [8, 16], "attention_levels": [], "blocks": 1}
PIXELS = {
    "basis": None,
    "condition": None,
    "masks": {},
    "conditioning": "spade",
    "stain": "as-is",
    "network": NETWORK,
    "process": {"schedule": "cosine", "prediction": "x0", "learned_variance": False},
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "data"
    return CellDataset.open(write_phantom_dataset(folder, images=6, size=64, seed=1))


def test_a_mask_is_background_classes_and_edges():
    classes = np.array([[0, 1, 2, 255], [0, 1, 1, 255]], np.uint8)
    instances = np.array([[0, 1, 3, 0], [0, 1, 2, 0]], np.uint16)
    drawn = draw_mask(SemanticMask(classes, instances), MaskRecipe(), 3)
    assert drawn.dtype == np.float32
    assert drawn.astype(int).tolist() == [
        [[1, 0, 0, 0], [1, 0, 0, 0]],
        [[0, 1, 0, 0], [0, 1, 1, 0]],
        [[0, 0, 1, 0], [0, 0, 0, 0]],
        [[0, 0, 0, 0], [0, 0, 0, 0]],
        [[1, 1, 1, 1], [1, 1, 1, 1]],
    ]
    without = draw_mask(SemanticMask(classes, instances), MaskRecipe(edges=False), 3)
    np.testing.assert_array_equal(without, drawn[:4])


def test_the_network_has_a_channel_for_each():
    for edges in (True, False):
        recipe = ImageRecipe.model_validate(PIXELS | {"crop_px": 32, "masks": {"edges": edges}})
        assert condition_channels(recipe, 6) == 7 + edges
        network = build_network(recipe, 6)
        assert (network.condition_channels, network.conditioning) == (7 + edges, "spade")


def test_a_crop_is_data_of_the_image_and_of_its_mask(dataset):
    """A crop as large as the image is the image and its drawn mask in one of eight orientations, the same for both."""
    name = dataset.names("training")[0]
    recipe = ImageRecipe.model_validate(PIXELS | {"crop_px": 64})
    samples = ImageSamples(dataset, [name], recipe, seed=3)
    image, mask = dataset.read_image(name), dataset.read_mask(name)
    seen = set()
    for i in range(24):
        batch = samples[i]
        pixels = samples.codec.decode(batch["x0"].numpy())
        [orientation] = [
            orientation
            for orientation in range(8)
            if np.array_equal(np.rot90(image, orientation % 4)[:, :: -1 if orientation >= 4 else 1], pixels)
        ]
        drawn = draw_mask(mask.turned(orientation), MaskRecipe(), len(dataset.classes))
        np.testing.assert_array_equal(batch["condition"].numpy(), drawn)
        seen.add(orientation)
    assert len(seen) >= 6


def test_edges_of_a_crop_are_those_of_the_crop(dataset):
    """A nucleus cut by the crop's border has no edge there, as in a mask that is painted."""
    recipe = ImageRecipe.model_validate(PIXELS | {"crop_px": 48})
    [name, *_] = dataset.names("training")
    samples, mask, count = ImageSamples(dataset, [name], recipe, seed=0), dataset.read_mask(name), len(dataset.classes)
    whole = mask.edges()
    crops = [
        (draw_mask(mask.crop(row, column, (48, 48)), MaskRecipe(), count), whole[row : row + 48, column : column + 48])
        for row in range(17)
        for column in range(17)
    ]
    other_in_the_whole = 0
    for i in range(8):
        condition = samples[i]["condition"].numpy()
        orientations = [_back(condition, orientation) for orientation in range(8)]
        matching = [edges for crop, edges in crops if any(np.array_equal(crop, one) for one in orientations)]
        assert matching
        other_in_the_whole += all(edges.sum() != condition[-1].sum() for edges in matching)
    assert other_in_the_whole


def _back(condition, orientation):
    """Return a condition (C, H, W) as it was before it was put in an orientation."""
    mirrored = condition[:, :, ::-1] if orientation >= 4 else condition
    return np.rot90(mirrored, -(orientation % 4), axes=(1, 2))


def test_crops_depend_on_seed_and_number_alone(dataset):
    recipe = ImageRecipe.model_validate(PIXELS | {"crop_px": 32})
    one, other = (ImageSamples(dataset, dataset.names("training"), recipe, seed=5) for _ in range(2))
    ahead = [one[i] for i in (4, 0)]
    for batch, i in zip(ahead, (4, 0), strict=True):
        assert torch.equal(batch["x0"], other[i]["x0"])
        assert torch.equal(batch["condition"], other[i]["condition"])


def test_the_papers_recipe_is_the_papers():
    recipe = load_recipe(ImageRecipe, "images", "nasdm")
    assert (recipe.crop_px, recipe.conditioning, recipe.masks, recipe.basis) == (128, "spade", MaskRecipe(), None)
    assert (recipe.process.schedule, recipe.process.steps, recipe.process.prediction) == ("linear", 1000, "epsilon")
    assert (recipe.fit.learning_rate, recipe.fit.ema_decay, recipe.fit.batch_size) == (1e-4, 0.999, 160)
    assert (recipe.fine_tuning.learning_rate, recipe.fine_tuning.drop, recipe.guidance) == (2e-5, 0.2, 0.5)
    assert recipe.process.learned_variance


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"masks": None}, "on layouts or on masks"),
        ({"condition": {}}, "on layouts or on masks"),
        ({"guidance": 0.5}, "guidance needs fine_tuning"),
        ({"conditioning": "film"}, "concatenate"),
        ({"fine_tuning": {"drop": 0.0}}, "greater than 0"),
    ],
)
def test_recipes_that_contradict_themselves(changes, message):
    with pytest.raises(ValidationError, match=message):
        ImageRecipe.model_validate(PIXELS | {"crop_px": 32} | changes)


def test_a_model_that_always_saw_its_condition_cannot_be_guided():
    recipe = ImageRecipe.model_validate(PIXELS | {"crop_px": 32})
    generator = ImageGenerator(
        build_network(recipe, 0), recipe, codec=Pixels(), classes=(), mpp=None, device=torch.device("cpu")
    )
    assert generator.guidance_scale(None) == generator.guidance_scale(0) == 0
    with pytest.raises(CellweaveError, match="cannot be guided, because it always saw its condition"):
        generator.guidance_scale(0.5)
