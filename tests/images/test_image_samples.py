import numpy as np
import pytest
import torch

from cellweave.data import CellDataset
from cellweave.data.phantom import write_phantom_dataset
from cellweave.images import ImageRecipe
from cellweave.images.condition import draw_condition
from cellweave.images.samples import ImageSamples
from cellweave.images.styling import StyledImages
from cellweave.stain import ReinhardStyle

NETWORK = {"widths": [8, 16], "attention_levels": [], "blocks": 1}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "data"
    return CellDataset.open(write_phantom_dataset(folder, images=6, seed=1))


def recipe(**changes):
    return ImageRecipe.model_validate({"crop_px": 32, "network": NETWORK, **changes})


def test_a_crop_is_data_of_the_image_and_of_its_condition(dataset):
    """A crop as large as the image, unturned, is the encoded image and the drawn layout."""
    name = dataset.names("training")[0]
    side = min(dataset.read_cells(name).shape) // 8 * 8
    pixels = {"basis": None, "process": {"schedule": "cosine", "prediction": "x0", "learned_variance": False}}
    settings = recipe(crop_px=side, **pixels)
    samples = ImageSamples(dataset, [name], settings, seed=3)
    image = dataset.read_image(name)
    drawn = draw_condition(dataset.read_cells(name), settings.condition)
    assert image.shape == (side, side, 3)
    seen = set()
    for i in range(24):
        batch = samples[i]
        for orientation in range(8):
            turned = np.rot90(drawn, orientation % 4, axes=(1, 2))[:, :, :: -1 if orientation >= 4 else 1]
            if np.abs(batch["condition"].numpy() - turned).max() < 2e-3:  # conditions are kept in float16
                pixels = np.rot90(image, orientation % 4)[:, :: -1 if orientation >= 4 else 1]
                np.testing.assert_array_equal(samples.codec.decode(batch["x0"].numpy()), pixels)
                seen.add(orientation)
                break
        else:
            raise AssertionError(f"crop {i} is no turned image")
    assert len(seen) >= 6  # of eight, in 24 draws


def test_samples_depend_on_seed_and_number_alone(dataset):
    names = dataset.names("training")
    styled = StyledImages(dataset, names, "reinhard")
    one, other = (ImageSamples(dataset, names, recipe(), seed=5, read=styled) for _ in range(2))
    ahead = [one[i] for i in (4, 0)]
    for batch, i in zip(ahead, (4, 0), strict=True):
        assert torch.equal(batch["x0"], other[i]["x0"])
        assert torch.equal(batch["condition"], other[i]["condition"])
    assert batch["x0"].shape == (12, 8, 8)
    assert batch["condition"].shape == ((1 + len(dataset.classes)) * 16, 8, 8)
    assert not torch.equal(ImageSamples(dataset, names, recipe(), seed=6, read=styled)[0]["x0"], ahead[1]["x0"])


def test_images_are_learnt_as_they_are_read(dataset):
    names = dataset.names("training")
    dark = ReinhardStyle((30.0, 10.0, -10.0), (5.0, 2.0, 2.0))
    samples = ImageSamples(dataset, names, recipe(), seed=0, read=lambda name: dark.apply(dataset.read_image(name)))
    means = [ReinhardStyle.of(samples.codec.decode(samples[i]["x0"].numpy())).mean[0] for i in range(20)]
    assert np.mean(means) == pytest.approx(30, abs=5)
