"""Pyramids that are written: their pixels, levels and tags, read back by OpenSlide, tifffile and Pillow."""

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from cellweave import __version__
from cellweave.core import InvalidInputError
from cellweave.slides import Slide, Tile, pyramid, tiles_of, write_pyramid
from cellweave.slides.halving import level_shapes

SHAPE = (1301, 1799)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A soft image of odd sides that differs everywhere."""
    y, x = np.indices(SHAPE)
    waves = [np.sin(x / 31 + y / 57 + phase) for phase in (0, 1, 2)]
    return (127 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)


@pytest.fixture(scope="module")
def written(image, tmp_path_factory):
    """The image as pyramids, by their compression."""
    folder = tmp_path_factory.mktemp("pyramids")
    for compression in ("jpeg", "deflate"):
        parts = (image[tile.rows, tile.columns] for tile in tiles_of(SHAPE))
        write_pyramid(folder / compression, parts, shape=SHAPE, mpp=0.25, compression=compression, description="Grüße")
    return folder


def halves(image):
    """Return the image and the means of its 2×2 blocks, and of theirs, to a single tile; halves are rounded up."""
    levels = [image]
    while max(levels[-1].shape) > 512:
        height, width = levels[-1].shape[:2]
        even = np.pad(levels[-1], ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").astype(int)
        blocks = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, 3)
        levels.append(((blocks.sum(axis=(1, 3)) + 2) // 4).astype(np.uint8))
    return levels


def test_deflate_loses_nothing_at_any_level(image, written):
    with tifffile.TiffFile(written / "deflate") as file:
        assert len(file.series) == 1
        levels = [level.asarray() for level in file.series[0].levels]
    expected = halves(image)
    assert [level.shape[:2] for level in levels] == level_shapes(SHAPE) == [SHAPE, (651, 900), (326, 450)]
    for level, whole in zip(levels, expected, strict=True):
        np.testing.assert_array_equal(level, whole)


@pytest.mark.parametrize(("compression", "bound"), [("jpeg", 1.0), ("deflate", 0.0)])
def test_openslide_reads_size_levels_and_mpp(image, written, compression, bound):
    with openslide.OpenSlide(written / compression) as opened:
        assert opened.level_dimensions == ((1799, 1301), (900, 651), (450, 326))
        assert float(opened.properties["openslide.mpp-x"]) == pytest.approx(0.25, rel=1e-6)
        assert float(opened.properties["openslide.mpp-y"]) == pytest.approx(0.25, rel=1e-6)
        whole = np.asarray(opened.read_region((0, 0), 0, opened.dimensions))
    assert (whole[..., 3] == 255).all()
    assert np.abs(whole[..., :3].astype(int) - image).mean() <= bound


@pytest.mark.parametrize("compression", ["jpeg", "deflate"])
def test_pillow_reads_the_finest_level(image, written, compression):
    with Image.open(written / compression) as opened:
        assert np.abs(np.asarray(opened.convert("RGB")).astype(int) - image).mean() <= 1


def test_tags_say_what_made_it_and_no_date(written):
    with tifffile.TiffFile(written / "jpeg") as file:
        tags = {tag.name: tag.value for tag in file.pages[0].tags}
        assert [page.aspage().tags["NewSubfileType"].value for page in file.pages] == [0, 1, 1]
        assert {page.aspage().compression.name for page in file.pages} == {"JPEG"}
        assert [page.aspage().tags["XResolution"].value[0] for page in file.pages] == [40000, 20000, 10000]
        assert not file.is_bigtiff
    assert tags["Software"] == f"cellweave {__version__}"
    assert tags["ImageDescription"] == "Grüße"
    assert "DateTime" not in tags


def test_what_may_pass_four_gigabytes_is_bigtiff(image, tmp_path, monkeypatch):
    monkeypatch.setattr(pyramid, "_CLASSIC_BYTES", 1000)
    write_pyramid(tmp_path / "big", [image[:100, :100]], shape=(100, 100))
    with tifffile.TiffFile(tmp_path / "big") as file:
        assert file.is_bigtiff
    with Slide(tmp_path / "big") as slide:
        assert [level.shape for level in slide.levels] == [(100, 100)]
        assert slide.mpp is None
        assert np.abs(slide.read(Tile(0, 0, 100, 100)).astype(int) - image[:100, :100]).mean() <= 1


@pytest.mark.parametrize("mpp", [0.001, 1000])
def test_the_ends_of_what_pixels_measure_can_be_written(mpp, tmp_path):
    write_pyramid(tmp_path / "p", [np.zeros((10, 10, 3), np.uint8)], shape=(10, 10), mpp=mpp)
    with openslide.OpenSlide(tmp_path / "p") as opened:
        assert float(opened.properties["openslide.mpp-x"]) == pytest.approx(mpp)


@pytest.mark.parametrize("shape", [(1, 1), (512, 513), (513, 512), (1024, 1025), (2, 1200)])
def test_sides_that_tiles_do_not_fit(shape, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    parts = (image[tile.rows, tile.columns] for tile in tiles_of(shape))
    write_pyramid(tmp_path / "p", parts, shape=shape, compression="deflate")
    with tifffile.TiffFile(tmp_path / "p") as file:
        levels = [page.asarray() for page in file.pages]
    for level, whole in zip(levels, halves(image), strict=True):
        np.testing.assert_array_equal(level, whole)


def test_what_is_no_tile_is_refused(image, tmp_path):
    with pytest.raises(InvalidInputError, match=r"got uint8 \(99, 100, 3\)"):
        write_pyramid(tmp_path / "p", [image[:99, :100]], shape=(100, 100))
    for mpp in (1e-9, 0.0, -0.5, 1001.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match=r"measure 0\.001 to 1000 µm, got "):
            write_pyramid(tmp_path / "p", [], shape=(100, 100), mpp=mpp)
    with pytest.raises(InvalidInputError, match="no compression 'png'; there are jpeg, deflate"):
        write_pyramid(tmp_path / "p", [], shape=(100, 100), compression="png")
