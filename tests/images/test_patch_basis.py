import json

import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.images.patch_basis import PatchBasis, Pixels, fold_condition


def smooth_image(seed, shape=(40, 56)):
    """Colours that change slowly, as in tissue, so that few components say nearly everything."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]] / 8
    waves = [np.sin(rows * rng.uniform(0.2, 1.5) + columns * rng.uniform(0.2, 1.5) + rng.uniform(0, 6)) for _ in "rgb"]
    return np.clip(np.stack(waves, axis=-1) * 80 + 128 + rng.normal(0, 2, (*shape, 3)), 0, 255).astype(np.uint8)


def test_all_components_give_the_image_back():
    image = smooth_image(0)
    for side, whitening in [(2, 0.0), (4, 0.5), (4, 1.0)]:
        basis = PatchBasis.fit([image], side=side, components=3 * side**2, whitening=whitening)
        data = basis.encode(image)
        assert data.shape == (3 * side**2, 40 // side, 56 // side)
        assert data.dtype == np.float32
        assert np.abs(basis.decode(data).astype(int) - image).max() <= 1


def test_it_is_principal_component_analysis():
    """Against scikit-learn: the same space is kept, and the coefficients have the promised spread."""
    from sklearn.decomposition import PCA

    image = smooth_image(1)
    patches = image.reshape(10, 4, 14, 4, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 48) / 127.5 - 1
    reference = PCA(5).fit(patches)
    basis = PatchBasis.fit([image], side=4, components=5, whitening=0.5)
    assert basis.kept == pytest.approx(reference.explained_variance_ratio_.sum(), rel=1e-6)
    overlap = basis.vectors.T @ reference.components_.T
    np.testing.assert_allclose(np.abs(overlap), np.eye(5), atol=1e-4)
    spread = basis.encode(image).reshape(5, -1).astype(float).std(axis=1, ddof=1)
    expected = np.sqrt(np.sqrt(reference.explained_variance_))
    np.testing.assert_allclose(spread, expected / np.sqrt(np.mean(expected**2)), rtol=1e-4)


@pytest.mark.parametrize(("whitening", "ratio"), [(0.0, None), (1.0, 1.0)])
def test_whitening_sets_how_far_the_spreads_differ(whitening, ratio):
    image = smooth_image(2)
    spread = PatchBasis.fit([image], side=4, components=6, whitening=whitening).encode(image).std(axis=(1, 2))
    if ratio is None:
        assert spread[0] > 3 * spread[5]
    else:
        np.testing.assert_allclose(spread, ratio, rtol=0.01)
    np.testing.assert_allclose(np.mean(np.square(spread)), 1, rtol=0.01)


def test_few_components_are_near_and_more_are_nearer():
    image = smooth_image(3)
    errors = []
    for components in (1, 6, 24):
        basis = PatchBasis.fit([image], side=4, components=components, whitening=0.5)
        errors.append(np.abs(basis.decode(basis.encode(image)).astype(int) - image).mean())
    assert errors[0] > errors[1] > errors[2]


def test_the_order_of_whole_patches_and_the_ragged_edge_do_not_matter():
    image = smooth_image(4)
    ragged = np.pad(image, [(0, 3), (0, 1), (0, 0)], constant_values=255)
    one, other = (PatchBasis.fit([i], side=4, components=4, whitening=0.5) for i in (image, ragged))
    np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-8)
    assert one.encode(ragged).shape == (4, 10, 14)


def test_a_basis_is_stored_as_json_and_read_back_exactly():
    basis = PatchBasis.fit([smooth_image(5)], side=4, components=7, whitening=0.5)
    again = PatchBasis.from_json(json.loads(json.dumps(basis.to_json())))
    image = smooth_image(6)
    np.testing.assert_array_equal(again.encode(image), basis.encode(image))


def test_pixels_are_the_image_itself():
    image = smooth_image(7)
    codec = Pixels()
    data = codec.encode(image)
    assert data.shape == (3, 40, 56)
    assert data.min() >= -1
    assert data.max() <= 1
    np.testing.assert_array_equal(codec.decode(data), image)


def test_a_folded_condition_keeps_every_value_in_its_square():
    condition = np.arange(2 * 4 * 6, dtype=np.float32).reshape(2, 4, 6)
    folded = fold_condition(condition, 2)
    assert folded.shape == (8, 2, 3)
    for row, column in [(0, 0), (1, 2)]:
        square = condition[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        np.testing.assert_array_equal(folded[:, row, column], square.ravel())
    np.testing.assert_array_equal(fold_condition(condition, 1), condition)


def test_what_has_no_basis_is_told():
    with pytest.raises(InvalidInputError, match="1 to 12 components, got 13"):
        PatchBasis.fit([smooth_image(8)], side=2, components=13, whitening=0.5)
    with pytest.raises(InvalidInputError, match="there are 0 patches"):
        PatchBasis.fit([smooth_image(8)[:3]], side=4, components=3, whitening=0.5)
    with pytest.raises(InvalidInputError, match="are they empty"):
        PatchBasis.fit([np.full((16, 16, 3), 255, np.uint8)], side=4, components=3, whitening=0.5)
    with pytest.raises(InvalidInputError, match="must be finite, and its gains > 0"):
        PatchBasis(1, np.zeros(3), np.eye(3), np.zeros(3))
    with pytest.raises(InvalidInputError, match="has no mean, vectors, gain of"):
        PatchBasis(2, np.zeros(3), np.eye(3), np.ones(3))
