import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.data.phantom import phantom_patch
from cellweave.stain import ReinhardStyle, StainNormaliser, common_style


@pytest.fixture(scope="module")
def images():
    return [phantom_patch(i, seed=0, size=128).pixels for i in (0, 2, 4)]


def test_reinhard_is_the_mean_style(images):
    assert common_style("reinhard", images).to_json() == ReinhardStyle.average(images).to_json()


@pytest.mark.parametrize("name", ["macenko", "vahadane"])
def test_separation_takes_the_stains_of_all_tissue(name, images):
    style = common_style(name, images)
    stored = style.to_json()
    assert stored["method"] == name
    np.testing.assert_array_equal(style.apply(images[0]), StainNormaliser.from_json(stored).transform(images[0]))


def test_no_images_have_no_style():
    for name, message in (("reinhard", "no images"), ("vahadane", "no tissue")):
        with pytest.raises(InvalidInputError, match=message):
            common_style(name, [])
