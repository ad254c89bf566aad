import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.data import CellDataset, DatasetWriter
from cellweave.localization import LocatorRecipe
from cellweave.localization.augmentation import restained, turn, zoomed
from cellweave.localization.recipe import AugmentationRecipe
from cellweave.localization.samples import IGNORED, LocatorSamples, class_map, resized, transmitted_light

PLAIN = LocatorRecipe.model_validate(
    {"augmentation": {"crop_px": 32, "turn": False, "stain_scale": 0, "stain_shift": 0, "brightness": 0}}
)
VARIED = LocatorRecipe.model_validate({"augmentation": {"crop_px": 32}})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("samples") / "set"
    with DatasetWriter(root, name="t", classes=["a", "b"], licence="CC0-1.0", source="test") as writer:
        for i in range(3):
            cells = Cells(rng.uniform(0, 48, (12, 2)), rng.integers(0, 2, 12), classes=("a", "b"), shape=(48, 48))
            writer.add(f"i{i}", cells, pixels=rng.integers(0, 256, (48, 48, 3), dtype=np.uint8))
        small = Cells([[3.5, 4.5]], [1], classes=("a", "b"), shape=(20, 24))
        writer.add("small", small, pixels=np.full((20, 24, 3), 99, np.uint8))
    return CellDataset.open(root)


def samples(dataset, recipe, names=None, **options):
    sources = [(dataset, name) for name in names or dataset.names()]
    return LocatorSamples(sources, recipe, mpp=None, seed=options.pop("seed", 0), **options)


def same(left, right):
    return all(torch.equal(left[name], right[name]) for name in left)


def test_a_sample_depends_on_seed_part_and_number_alone(dataset):
    one, other = samples(dataset, VARIED), samples(dataset, VARIED)
    ahead = [one[i] for i in range(6)]
    assert all(same(other[i], ahead[i]) for i in (5, 0, 3))
    assert not same(samples(dataset, VARIED, seed=1)[0], ahead[0])
    assert not same(samples(dataset, VARIED, part="fold-1")[0], ahead[0])


def test_zoomed_crops_show_peaks_where_the_cells_are():
    image, heights = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40, 1), np.float16)
    labels = np.full((40, 40), -1, np.int16)
    image[24:32, 8:16], heights[24:32, 8:16], labels[24:32, 8:16] = 200, 1.0, 1
    for side in (20, 80):
        seen = zoomed(image, heights, labels, side=side)
        assert [part.shape for part in seen] == [(side, side, 3), (side, side, 1), (side, side)]
        centre = np.s_[27 * side // 40 : 29 * side // 40, 11 * side // 40 : 13 * side // 40]
        assert (seen[0][centre] == 200).all()
        assert (seen[1][centre] == 1).all()
        assert (seen[2][centre] == 1).all()
        assert (seen[2] == 1).sum() == (8 * side // 40) ** 2


def test_scale_is_drawn_between_its_limits_and_keeps_the_crop_size(dataset):
    recipe = AugmentationRecipe(crop_px=32, scale=0.25)
    sides = [recipe.seen_px(numpy_generator(0, "scale", i)) for i in range(300)]
    assert round(32 * np.exp(-0.25)) <= min(sides) < 28
    assert 38 < max(sides) <= round(32 * np.exp(0.25))
    crops = samples(dataset, LocatorRecipe(augmentation=recipe))
    assert all(crops[i]["image"].shape == (3, 32, 32) == (3, *crops[i]["labels"].shape) for i in range(8))
    assert all(crops[i]["heights"].shape == (1, 32, 32) for i in range(8))


def mixed(dataset, share, recipe=PLAIN, **options):
    """Return samples of the real images i0 to i2, and of one synthetic image, which is grey all over."""
    return samples(dataset, recipe, ["i0", "i1", "i2"], synthetic=[(dataset, "small")], share=share, **options)


def test_without_synthetic_images_the_stream_is_that_of_runs_of_before(dataset):
    for options in ({}, {"synthetic": [], "share": 0.0}):
        crops = samples(dataset, PLAIN, ["i0", "i1", "i2"], seed=5, **options)
        for i in range(20):
            rng = numpy_generator(5, "crop", "final", i)
            name = f"i{rng.integers(3)}"
            top, left = rng.integers(0, 17), rng.integers(0, 17)
            expected = transmitted_light(dataset.read_image(name))[top : top + 32, left : left + 32]
            got = crops[i]["image"].numpy().transpose(1, 2, 0) * 0.25 + 0.7
            assert_allclose(got, expected, atol=1e-3)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_the_share_of_the_crops_is_synthetic(dataset, share):
    crops, count = mixed(dataset, share), 4000
    synthetic = [crops.is_synthetic(i) for i in range(count)]
    assert abs(sum(synthetic) - count * share) < 3 * np.sqrt(count * share * (1 - share))  # three standard deviations
    grey = [float(crops[i]["image"].std()) < 1e-3 for i in range(40)]
    assert grey == synthetic[:40]
    other = mixed(dataset, share, part="fold-1")
    assert [other.is_synthetic(i) for i in range(100)] != synthetic[:100]


def test_crops_of_real_images_are_those_of_a_run_without_synthetic_ones(dataset):
    without, crops = samples(dataset, VARIED, ["i0", "i1", "i2"]), mixed(dataset, 0.5, VARIED)
    kept = [i for i in range(30) if not crops.is_synthetic(i)]
    assert 5 < len(kept) < 25
    assert all(same(crops[i], without[i]) for i in kept)


def test_image_map_and_labels_fit_together(dataset):
    names = ["i0"]
    cells = dataset.read_cells("i0")
    for i in range(8):
        sample = samples(dataset, PLAIN, names)[i]
        peaks = np.argwhere(sample["heights"][0].numpy() == 1)
        # find the crop by its pixels, then compare with the annotation
        whole = transmitted_light(dataset.read_image("i0"))
        crop = sample["image"].numpy().transpose(1, 2, 0) * 0.25 + 0.7
        top, left = next(
            (r, c) for r in range(17) for c in range(17) if abs(whole[r : r + 32, c : c + 32] - crop).max() < 1e-3
        )
        inside = cells.crop(top, left, (32, 32))
        assert {tuple(p) for p in peaks} == {(int(y), int(x)) for x, y in inside.xy}
        assert_array_equal(sample["labels"], nearest_labels(cells.xy - (left, top), cells.labels, (32, 32)))


def nearest_labels(xy, labels, shape, *, radius=PLAIN.target.class_radius_px):
    """Return the label of the nearest cell of each pixel no farther than the radius from a cell's pixel, by hand."""
    pixels = np.stack(np.indices(shape)[::-1], axis=-1)
    near = (np.linalg.norm(pixels[:, :, None] - np.floor(xy), axis=-1) <= radius).any(axis=-1)
    nearest = np.linalg.norm(pixels[:, :, None] + 0.5 - xy, axis=-1).argmin(axis=-1)
    return np.where(near, labels[nearest], IGNORED)


def test_turning_turns_image_map_and_labels_alike(tmp_path):
    cells = Cells(
        [[4.5, 3.5], [20.5, 9.5], [28.5, 30.5], [9.5, 21.5]], [0, 1, 0, 1], classes=("a", "b"), shape=(32, 32)
    )
    pixels = np.full((32, 32, 3), 60, np.uint8)
    for (x, y), label in zip(cells.xy, cells.labels, strict=True):  # a bright pixel at every cell, its colour the class
        pixels[int(y), int(x)] = (255, 60, 60) if label == 0 else (60, 255, 60)
    with DatasetWriter(tmp_path / "set", name="t", classes=["a", "b"], licence="CC0-1.0", source="test") as writer:
        writer.add("painted", cells, pixels=pixels)
    turned = PLAIN.model_copy(update={"augmentation": PLAIN.augmentation.model_copy(update={"turn": True})})
    crops = samples(CellDataset.open(tmp_path / "set"), turned)
    seen = set()
    for i in range(60):
        sample = crops[i]
        red, green, _ = sample["image"].numpy() > 0.5
        assert_array_equal(sample["heights"][0].numpy() == 1, red | green)
        assert sample["labels"].numpy()[red].tolist() == [0, 0]
        assert sample["labels"].numpy()[green].tolist() == [1, 1]
        seen.add(red.tobytes())
    assert len(seen) == 8  # every orientation came up


def test_small_images_are_mirrored_out_to_a_crop(dataset):
    sample = samples(dataset, PLAIN, ["small"])[0]
    assert sample["image"].shape == (3, 32, 32)
    assert (sample["heights"] == 1).sum() == 1


def test_no_images_are_told():
    with pytest.raises(InvalidInputError, match="no images to train on"):
        LocatorSamples([], PLAIN, mpp=None, seed=0)


def test_class_map_takes_the_nearest_cell_within_the_radius():
    cells = Cells([[2.5, 2.5], [6.5, 2.5]], [0, 1], classes=("a", "b"), shape=(5, 9))
    labels = class_map(cells, 2.0)
    assert labels[2].tolist() == [0, 0, 0, 0, labels[2, 4], 1, 1, 1, 1]
    assert labels[0, 0] == -1
    assert class_map(Cells.empty(classes=("a",), shape=(2, 2)), 3.0).tolist() == [[-1, -1], [-1, -1]]


def test_cells_of_unknown_class_teach_no_class():
    assert (class_map(Cells([[1.5, 1.5]], [-1], classes=("a",), shape=(3, 3)), 3.0) == -1).all()


def test_the_eight_orientations_differ_and_keep_all_pixels():
    array = np.arange(12).reshape(3, 4)
    seen = {turn(array, k).tobytes() + bytes(turn(array, k).shape) for k in range(8)}
    assert len(seen) == 8
    assert all(sorted(turn(array, k).ravel()) == list(range(12)) for k in range(8))


def test_no_jitter_returns_the_image():
    image = np.random.default_rng(1).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    still = AugmentationRecipe(stain_scale=0, stain_shift=0, brightness=0)
    got = restained(image, still, np.random.default_rng(0))
    assert_allclose(got, (image.astype(float) + 1) / 256, atol=2e-4)


def test_jitter_scales_the_density_of_a_stain():
    from cellweave.stain import RUIFROK_HE, compose, rgb_to_density

    blue = np.tile(compose([0.8, 0.0], RUIFROK_HE), (4, 4, 1)).astype(np.uint8)
    jitter = AugmentationRecipe(stain_scale=0.3, stain_shift=0, brightness=0)
    got = restained(blue, jitter, np.random.default_rng(4))
    ratio = -np.log10(got) / rgb_to_density(blue)
    factor = np.exp(np.random.default_rng(4).normal(0, 0.3, 3))[0]
    assert_allclose(ratio, np.full_like(ratio, factor), rtol=0.05)


def test_resizing_moves_cells_with_the_image():
    cells = Cells([[10.0, 5.0]], [0], classes=("a",), shape=(20, 40), mpp=0.25)
    image, moved = resized(np.zeros((20, 40, 3), np.uint8), cells, 0.5)
    assert image.shape == (10, 20, 3)
    assert (moved.xy.tolist(), moved.shape, moved.mpp) == ([[5.0, 2.5]], (10, 20), 0.5)
    same_image, same_cells = resized(image, moved, 0.505)
    assert same_image is image
    assert same_cells is moved
