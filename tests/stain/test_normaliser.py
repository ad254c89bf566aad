import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.color import rgb2hed, rgb2lab

from cellweave.core import InvalidInputError
from cellweave.data.phantom import phantom_patch
from cellweave.stain import (
    METHODS,
    RUIFROK_HE,
    StainNormaliser,
    TissueSampler,
    TwoStains,
    compose,
    jitter_stains,
    rgb_to_density,
    tissue_sample,
)
from cellweave.stain.separation import unmix

BOTH = ("vahadane", "macenko")


@pytest.fixture(scope="module")
def target():
    return phantom_patch(4, seed=0, size=160).pixels


@pytest.fixture(scope="module")
def image():
    return phantom_patch(0, seed=0, size=160).pixels


@pytest.fixture(scope="module", params=METHODS)
def normaliser(request, target):
    return StainNormaliser.fit(target, method=request.param)


def of_one_stain(stain, seed=0):
    """Return a tile of one stain on bright glass, with a sensor's noise."""
    rng = np.random.default_rng(seed)
    amounts = np.zeros((64, 64, 2))
    amounts[:, :, stain] = rng.uniform(0.0, 0.9, (16, 16)).repeat(4, axis=0).repeat(4, axis=1)
    noisy = compose(amounts, RUIFROK_HE) + rng.normal(0, 1.5, (64, 64, 3))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def lab_distance(one, other):
    return np.linalg.norm(rgb2lab(one) - rgb2lab(other), axis=-1).mean()


def test_tiles_make_up_the_whole(normaliser, image):
    whole = normaliser.transform(image)
    sampler, result = TissueSampler(normaliser.seed), np.zeros_like(image)
    tiles = [np.s_[row : row + 53, column : column + 37] for row in range(0, 160, 53) for column in range(0, 160, 37)]
    for rows, columns in tiles:
        sampler.add(image[rows, columns], at=(rows.start, columns.start))
    source = normaliser.learn(sampler.sample())
    for tile in tiles:
        result[tile] = normaliser.transform(image[tile], source)
    np.testing.assert_array_equal(result, whole)


@pytest.mark.parametrize("method", BOTH)
def test_copies_on_other_slides_come_together(method, image, target):
    amounts = unmix(rgb_to_density(image).reshape(-1, 3).astype(float), RUIFROK_HE).reshape(160, 160, 2)
    slides = [jitter_stains(RUIFROK_HE, np.random.default_rng(seed)) for seed in range(3)]
    copies = [slide.compose(amounts) for slide in slides]
    normaliser = StainNormaliser.fit(target, method=method)
    results = [normaliser.transform(copy) for copy in copies]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert lab_distance(results[i], results[j]) < 0.2 * lab_distance(copies[i], copies[j])
    haematoxylin = rgb2hed(image)[..., 0].ravel()
    for result in results:
        assert np.corrcoef(haematoxylin, rgb2hed(result)[..., 0].ravel())[0, 1] > 0.95


def test_the_result_has_the_targets_colours(normaliser, image):
    colours, target = normaliser.learn(tissue_sample(normaliser.transform(image))), normaliser.target
    if isinstance(target, TwoStains):
        cosines = (colours.stains * target.stains).sum(axis=1)
        assert np.rad2deg(np.arccos(cosines.clip(-1, 1))).max() < 5
        np.testing.assert_allclose(colours.strengths, target.strengths, rtol=0.1)
    else:
        np.testing.assert_allclose(colours.style.mean, target.style.mean, atol=1.5)
        np.testing.assert_allclose(colours.style.spread, target.style.spread, rtol=0.1)


def test_normalising_again_changes_little(normaliser, image):
    once = normaliser.transform(image)
    assert lab_distance(once, normaliser.transform(once)) < 0.25 * lab_distance(once, image)


@pytest.mark.parametrize("level", [255, 240])
def test_glass_stays_glass(normaliser, level):
    blank = np.full((40, 50, 3), level, np.uint8)
    np.testing.assert_array_equal(normaliser.transform(blank), blank)


def test_white_is_white_in_tissue(normaliser, image):
    holed = image.copy()
    holed[:60, :60] = 255
    assert normaliser.transform(holed)[:60, :60].min() == 255


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize("stain", [0, 1])
def test_one_stain_does_not_become_two(method, stain, target):
    tile = of_one_stain(stain)
    normaliser = StainNormaliser.fit(target, method=method)
    colours = normaliser.learn(tissue_sample(tile))
    assert colours.strengths[stain] > 0
    assert colours.strengths[1 - stain] == 0
    densities = rgb_to_density(normaliser.transform(tile)).reshape(-1, 3).astype(float)
    amounts = unmix(densities, normaliser.target.stains).mean(axis=0)
    # noise of 1.5 grey levels, separated by stains some 20 degrees apart
    assert amounts[1 - stain] < 0.05 * amounts[stain]


def test_which_stain_is_which_does_not_depend_on_their_order(image):
    sample = tissue_sample(image)
    found = TwoStains.learn(sample, estimate_he)
    turned = TwoStains.learn(sample, lambda densities: estimate_he(densities)[::-1])
    np.testing.assert_array_equal(found.stains, turned.stains)
    np.testing.assert_array_equal(found.stains, RUIFROK_HE)


def estimate_he(densities):
    assert densities.shape[1] == 3
    return RUIFROK_HE.copy()


def test_colours_by_hand():
    # 200 pixels each of pure stains with concentrations 0.5 and 1: the 99th percentile of 400 is the highest
    amounts = np.concatenate([[[0.5, 0]] * 200, [[0, 1.0]] * 200]).reshape(20, 20, 2)
    image = compose(amounts, RUIFROK_HE)
    colours = StainNormaliser.fit(image, method="macenko").target
    np.testing.assert_allclose(colours.stains, RUIFROK_HE, atol=0.01)  # half a grey level
    np.testing.assert_allclose(colours.strengths, [0.5, 1.0], atol=0.01)
    doubled = StainNormaliser("macenko", TwoStains(RUIFROK_HE, np.array([1.0, 1.0]), (255.0, 255.0, 255.0)))
    expected = compose(amounts * [2, 1], RUIFROK_HE)
    assert np.abs(doubled.transform(image).astype(int) - expected).max() <= 2


@pytest.fixture(scope="module")
def normalisers(target):
    return {method: StainNormaliser.fit(target, method=method) for method in METHODS}


@settings(max_examples=20)
@given(
    image=arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=24).map(lambda two: (*two, 3))),
    method=st.sampled_from(list(METHODS)),
)
def test_any_image_gives_an_image(image, method, normalisers):
    normaliser = normalisers[method]
    colours = normaliser.learn(tissue_sample(image))
    json.dumps(colours.to_json(), allow_nan=False)
    result = normaliser.transform(image, colours)
    assert (result.shape, result.dtype) == (image.shape, np.uint8)
    assert normaliser.transform(image).tolist() == result.tolist()


def test_it_is_stored_exactly(normaliser, image, tmp_path):
    normaliser.save(tmp_path / "target.json")
    loaded = StainNormaliser.load(tmp_path / "target.json")
    assert loaded.to_json() == normaliser.to_json()
    np.testing.assert_array_equal(loaded.transform(image), normaliser.transform(image))


def test_methods_do_not_mix(image, target):
    reinhard, vahadane = (StainNormaliser.fit(target, method=name) for name in ("reinhard", "vahadane"))
    with pytest.raises(InvalidInputError, match="not learnt by reinhard"):
        reinhard.transform(image, vahadane.target)


def test_unusable_targets_are_told():
    with pytest.raises(InvalidInputError, match="no tissue"):
        StainNormaliser.fit(np.full((30, 30, 3), 250, np.uint8))
    with pytest.raises(InvalidInputError, match="one stain only"):
        StainNormaliser.fit(of_one_stain(0))
    with pytest.raises(InvalidInputError, match="no stain method 'dark'; the methods are vahadane, macenko, reinhard"):
        StainNormaliser.fit(of_one_stain(0), method="dark")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, 'does not say "format"'),
        ({"version": 9}, "of version 9"),
        ({"method": "dark"}, "no stain method"),
        ({"target": {}}, "is no stain target"),
        ({"target": {"stains": [[1, 2, 3]], "strengths": [1], "background": [255, 255, 255]}}, "two vectors"),
        (
            {"target": {"stains": [[1, 2, 3], [3, 2, 1]], "strengths": [1, -1], "background": [255, 255, 255]}},
            "strengths >= 0",
        ),
        (
            {"target": {"stains": [[1, 2, 3], [3, 2, 1]], "strengths": [1, 1], "background": [0, 255, 255]}},
            "three grey levels",
        ),
    ],
)
def test_damaged_files_are_told(change, message, target, tmp_path):
    path = tmp_path / "target.json"
    path.write_text(json.dumps(StainNormaliser.fit(target).to_json() | change))
    with pytest.raises(InvalidInputError, match=message) as caught:
        StainNormaliser.load(path)
    assert str(path) in str(caught.value)


def test_what_is_no_json_is_told(tmp_path):
    (tmp_path / "target.json").write_text("{")
    with pytest.raises(InvalidInputError, match="is no stain target"):
        StainNormaliser.load(tmp_path / "target.json")
    with pytest.raises(InvalidInputError, match="is no file"):
        StainNormaliser.load(tmp_path / "none.json")
