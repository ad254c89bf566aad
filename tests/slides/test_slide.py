"""Reading slides: levels, scale, regions, and files that are none."""

import os
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from cellweave.core import InvalidImageError, InvalidInputError
from cellweave.slides import SLIDE_SUFFIXES, Slide, Tile, is_slide, tiles_of, write_pyramid

SHAPE = (1100, 1301)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def path(image, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("slides") / "slide.tif"
    parts = (image[tile.rows, tile.columns] for tile in tiles_of(SHAPE))
    write_pyramid(place, parts, shape=SHAPE, mpp=0.5, compression="deflate")
    return place


@pytest.fixture
def real_slides() -> Path:
    if "CELLWEAVE_DATA" not in os.environ:
        pytest.skip("CELLWEAVE_DATA is not set: the real data are not here")
    return Path(os.environ["CELLWEAVE_DATA"]) / "slides"


def test_levels_say_size_and_scale(path):
    with Slide(path) as slide:
        assert [level.shape for level in slide.levels] == [(1100, 1301), (550, 651), (275, 326)]
        assert [level.mpp for level in slide.levels] == pytest.approx([0.5, 1, 2], rel=0.01)
        assert slide.mpp == pytest.approx(0.5)
        with pytest.raises(InvalidInputError, match=r"slide\.tif has no level 3; its levels are 0 to 2"):
            slide.level(3)


def test_regions_are_parts_of_the_image(image, path):
    with Slide(path) as slide:
        for tile in (Tile(0, 0, *SHAPE), Tile(500, 7, 30, 1201), Tile(1099, 1300, 1, 1)):
            np.testing.assert_array_equal(slide.read(tile), image[tile.rows, tile.columns])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_pixels_do_not_depend_on_the_region(path, level):
    with Slide(path) as slide:
        height, width = slide.level(level).shape
        whole = slide.read(Tile(0, 0, height, width), level=level)
        for tile in (
            Tile(3, 5, 100, 200),
            Tile(height - 90, width - 300, 90, 300),
            *tiles_of((height, width), side=99),
        ):
            np.testing.assert_array_equal(slide.read(tile, level=level), whole[tile.rows, tile.columns])


@pytest.mark.parametrize(
    ("across", "down", "mpp"),
    [
        ("0.2", "0.4", pytest.approx(0.3)),
        ("0.5", None, 0.5),
        ("0.001", "0.001", 0.001),
        ("1000", "1000", 1000),
        ("1e-9", "0.25", None),
        ("1001", "0.25", None),
        ("nan", "nan", None),
        ("inf", None, None),
        ("fine", None, None),
        (None, None, None),
    ],
)
def test_a_scale_is_the_mean_of_sides_that_can_be(path, monkeypatch, across, down, mpp):
    said = {openslide.PROPERTY_NAME_MPP_X: across, openslide.PROPERTY_NAME_MPP_Y: down}
    properties = {name: value for name, value in said.items() if value is not None}
    monkeypatch.setattr(openslide.OpenSlide, "properties", properties)
    with Slide(path) as slide:
        assert slide.mpp == mpp


def test_a_coarse_level_of_a_coarse_slide_has_no_scale(path, monkeypatch):
    monkeypatch.setattr(openslide.OpenSlide, "properties", {openslide.PROPERTY_NAME_MPP_X: "400"})
    with Slide(path) as slide:
        assert [level.mpp for level in slide.levels] == [400, pytest.approx(800, rel=0.01), None]


def test_the_endings_of_slides_are_those_that_the_manual_names():
    manual = (Path(__file__).parents[2] / "docs" / "stain.md").read_text()
    sentence = manual.split("Slides are the files that end in ")[1].split("(Aperio")[0]
    assert tuple(sentence.replace("or", ",").replace("`", "").replace(",", " ").split()) == SLIDE_SUFFIXES


@pytest.mark.parametrize("tile", [Tile(-1, 0, 5, 5), Tile(0, 0, 0, 5), Tile(1099, 0, 2, 1), Tile(0, 1300, 1, 2)])
def test_regions_outside_are_refused(path, tile):
    with Slide(path) as slide, pytest.raises(InvalidInputError, match="is not a part of level 0 of"):
        slide.read(tile)


def test_thumbnails_are_means(tmp_path):
    image = np.zeros((600, 1000, 3), np.uint8)
    image[300:, 500:] = 200
    parts = (image[tile.rows, tile.columns] for tile in tiles_of(image.shape[:2]))
    write_pyramid(tmp_path / "s.tif", parts, shape=(600, 1000), compression="deflate")
    with Slide(tmp_path / "s.tif") as slide:
        small = slide.thumbnail(10)
    assert small.shape == (6, 10, 3)
    assert (small[:3] == 0).all()
    assert (small[3:, :5] == 0).all()
    assert (small[4:, 6:] == 200).all()


def test_where_a_slide_holds_nothing_it_is_white(path, monkeypatch):
    def with_a_hole(self, place, level, size):
        region = Image.new("RGBA", size, (10, 20, 30, 255))
        region.paste((0, 0, 0, 0), (0, 0, 2, 1))
        return region

    monkeypatch.setattr(openslide.OpenSlide, "read_region", with_a_hole)
    with Slide(path) as slide:
        pixels = slide.read(Tile(0, 0, 2, 4))
    assert pixels[0].tolist() == [[255, 255, 255], [255, 255, 255], [10, 20, 30], [10, 20, 30]]


def test_tiffs_are_told_apart_by_what_is_in_them(image, path, tmp_path):
    tifffile.imwrite(tmp_path / "plain.tif", image[:64, :64])
    tifffile.imwrite(tmp_path / "tiled.tif", image[:64, :64], tile=(32, 32), photometric="rgb")
    (tmp_path / "text.tif").write_text("no TIFF")
    (tmp_path / "folder.svs").mkdir()
    names = ("plain.tif", "tiled.tif", "text.tif", "absent.tif", "folder.svs", "image.png")
    assert [is_slide(tmp_path / name) for name in names] == [False] * 6
    assert is_slide(path)
    assert is_slide(tmp_path / "absent.SVS")
    cut = path.read_bytes()[:-100]
    (tmp_path / "cut.tif").write_bytes(cut)
    assert is_slide(tmp_path / "cut.tif")
    with pytest.raises(InvalidImageError, match=r"cut\.tif is damaged, cut short"):
        Slide(tmp_path / "cut.tif")


def test_files_that_are_no_slides_are_refused(tmp_path):
    (tmp_path / "text.svs").write_text("no slide")
    for name, message in (
        ("absent.svs", "absent.svs does not exist"),
        ("", "is a folder"),
        ("text.svs", "text.svs is damaged, cut short or of a kind that cannot be read"),
    ):
        with pytest.raises(InvalidImageError, match=message):
            Slide(tmp_path / name)


def test_damage_inside_is_told_with_its_place(path, tmp_path):
    damaged = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        offset, length = file.pages[0].dataoffsets[4], file.pages[0].databytecounts[4]
    damaged[offset : offset + length] = bytes(length)
    (tmp_path / "damaged.tif").write_bytes(damaged)
    with Slide(tmp_path / "damaged.tif") as slide:
        slide.read(Tile(0, 0, 500, 500))
        with pytest.raises(InvalidImageError, match=r"damaged.tif is damaged .* level 0 .* near column 600, row 700"):
            slide.read(Tile(700, 600, 10, 10))


@pytest.mark.data
def test_real_slides_open(real_slides):
    with Slide(real_slides / "cmu-1-small-region.svs") as slide:
        assert [level.shape for level in slide.levels] == [(2967, 2220)]
        assert slide.mpp == 0.499
        jpeg = slide.read(Tile(900, 1100, 240, 320))
    with Slide(real_slides / "tcga-cr-7395-01a-01-ts1.svs") as slide:
        assert [level.shape for level in slide.levels] == [(3567, 4443), (1783, 2221)]
        assert slide.mpp is None
        jpeg2000 = slide.read(Tile(800, 1000, 240, 320), level=1)
    for pixels in (jpeg, jpeg2000):
        red, green, _ = pixels.reshape(-1, 3).mean(axis=0)
        assert green < red < 250  # tissue is pink or violet
    with pytest.raises(InvalidImageError, match=r"broken\.svs is damaged"):
        Slide(real_slides / "broken.svs")
