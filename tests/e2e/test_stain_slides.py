"""Stain normalisation of whole slides through the command line."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile

from cellweave.cli.main import main
from cellweave.data import read_image, write_png
from cellweave.data.phantom import phantom_patch
from cellweave.slides import Slide, Tile, tiles_of, write_pyramid
from cellweave.stain import StainNormaliser
from cellweave.workflows import normalise_slides

INTERRUPTED = 130
SHAPE = (700, 900)


def write_slide(path, image, *, mpp=0.5):
    parts = (image[tile.rows, tile.columns] for tile in tiles_of(image.shape[:2]))
    write_pyramid(path, parts, shape=image.shape[:2], mpp=mpp, compression="deflate")


@pytest.fixture(scope="module")
def slides(tmp_path_factory) -> Path:
    """A target; slides of tissue on glass, of glass alone without a scale, and of eosin alone; a damaged one."""
    root = tmp_path_factory.mktemp("slides")
    write_png(root / "target.png", phantom_patch(4, seed=0, size=128).pixels)
    (root / "folder").mkdir()
    tissue = np.full((*SHAPE, 3), 247, np.uint8)
    tissue[50:650, 100:700] = phantom_patch(0, seed=0, size=600).pixels
    write_slide(root / "folder" / "tissue.tif", tissue)
    write_slide(root / "folder" / "glass.tif", np.full((520, 600, 3), 247, np.uint8), mpp=None)
    eosin = np.random.default_rng(0).integers(0, 30, (520, 600, 1)) + np.array([200, 120, 160])
    write_slide(root / "folder" / "eosin.tif", eosin.astype(np.uint8))
    with tifffile.TiffFile(root / "folder" / "tissue.tif") as file:
        offset, length = file.pages[0].dataoffsets[3], file.pages[0].databytecounts[3]
    damaged = bytearray((root / "folder" / "tissue.tif").read_bytes())
    damaged[offset : offset + length] = bytes(length)
    (root / "damaged.tif").write_bytes(damaged)
    (root / "text.svs").write_text("no slide")
    (root / "mixed").mkdir()
    shutil.copy(root / "folder" / "tissue.tif", root / "mixed")
    shutil.copy(root / "target.png", root / "mixed")
    (root / "twins").mkdir()
    for ending in ("tif", "tiff"):
        shutil.copy(root / "folder" / "glass.tif", root / "twins" / f"glass.{ending}")
    return root


@pytest.fixture
def workplace(slides, tmp_path, monkeypatch) -> Path:
    shutil.copytree(slides, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    return tmp_path / "w"


def run(command: str) -> None:
    assert main(command.split()) == 0


def finest(path: str) -> np.ndarray:
    """Return the finest level of a TIFF."""
    with tifffile.TiffFile(path) as file:
        return file.pages[0].asarray()


@pytest.mark.parametrize("method", ["vahadane", "macenko", "reinhard"])
@pytest.mark.parametrize("level", [0, 1])
def test_a_slide_is_what_its_level_is_as_one_image(workplace, method, level):
    source = "folder/tissue.tif"
    run(f"stain fit target.png --method {method} --out target.json")
    run(f"stain normalise {source} --target target.json --out out.tif --level {level} --compression deflate")
    with Slide(source) as slide:
        whole = slide.read(Tile(0, 0, *slide.level(level).shape), level=level)
    expected = StainNormaliser.load("target.json").apply(whole)
    assert np.abs(expected.astype(int) - whole).mean() > 2
    np.testing.assert_array_equal(finest("out.tif"), expected)


def test_a_slide_is_what_an_exported_image_is(workplace):
    write_png("tissue.png", finest("folder/tissue.tif"))
    run("stain normalise tissue.png --target target.png --out image.png")
    run("stain normalise folder/tissue.tif --target target.png --out slide.tiff --compression deflate")
    np.testing.assert_array_equal(finest("slide.tiff"), read_image("image.png"))


def test_a_pyramid_with_its_scale_is_written(workplace, capsys):
    run("stain normalise folder/tissue.tif --target target.png --out out.tif --picture sheet.png")
    assert capsys.readouterr().out == "1 slide normalised (vahadane)\nresults: out.tif\n"
    with openslide.OpenSlide("out.tif") as opened:
        assert opened.level_dimensions == ((900, 700), (450, 350))
        assert float(opened.properties["openslide.mpp-x"]) == pytest.approx(0.5)
    assert read_image("sheet.png").shape[0] > 3 * 280
    first = Path("out.tif").read_bytes()
    run("stain normalise folder/tissue.tif --target target.png --out out.tif --overwrite")
    assert Path("out.tif").read_bytes() == first


def test_a_scale_that_cannot_be_is_told_as_unknown(workplace, capsys):
    about = "Aperio Image Library v1\n600x520 (512x512) JPEG|AppMag = 20|MPP = 0.000000001"
    pixels = np.full((520, 600, 3), 247, np.uint8)
    tifffile.imwrite("scale.svs", pixels, tile=(256, 256), photometric="rgb", description=about, metadata=None)
    run("stain normalise scale.svs --target target.png --out out.tif")
    assert "note  1 slide whose µm per pixel are unknown, in the result too: scale\n" in capsys.readouterr().out
    with openslide.OpenSlide("scale.svs") as read, openslide.OpenSlide("out.tif") as written:
        assert read.properties["openslide.mpp-x"] in {"1e-09", "1.0000000000000001e-09"}
        assert "openslide.mpp-x" not in written.properties


def test_a_level_has_its_own_scale(workplace):
    run("stain normalise folder/tissue.tif --target target.png --out out.tif --level 1")
    with Slide("out.tif") as slide:
        assert [level.shape for level in slide.levels] == [(350, 450)]
        assert slide.mpp == pytest.approx(1)


def test_a_folder_of_slides_and_what_they_lack(workplace, capsys):
    run("stain normalise folder --target target.png --out out --compression deflate --json")
    told = json.loads(capsys.readouterr().out)
    assert told["images"] == 3
    assert told["slides"] is True
    assert told["without_tissue"] == told["without_mpp"] == ["glass"]
    assert told["one_stain"] == ["eosin"]
    assert sorted(os.listdir("out")) == ["eosin.tif", "glass.tif", "tissue.tif"]
    np.testing.assert_array_equal(finest("out/glass.tif"), finest("folder/glass.tif"))
    with Slide("out/glass.tif") as slide:
        assert slide.mpp is None
    run("stain normalise folder/tissue.tif --target target.png --out alone.tif --compression deflate")
    np.testing.assert_array_equal(finest("out/tissue.tif"), finest("alone.tif"))
    capsys.readouterr()
    run("stain normalise folder --target target.png --out together --compression deflate --together")
    assert "note" in capsys.readouterr().out
    assert not np.array_equal(finest("together/tissue.tif"), finest("alone.tif"))
    assert not np.array_equal(finest("together/glass.tif"), finest("folder/glass.tif"))


def test_an_interrupted_run_leaves_nothing(workplace, monkeypatch, capsys):
    before = sorted(Path().rglob("*"))

    def interrupted(stage, done, total, note=""):
        if stage == "normalising stains":
            raise KeyboardInterrupt

    monkeypatch.setattr(normalise_slides._Run, "_tell", lambda run, stage, path: interrupted(stage, 1, 1))
    for command in ("folder/tissue.tif --target target.png --out out.tif", "folder --target target.png --out out"):
        assert main(["stain", "normalise", *command.split()]) == INTERRUPTED
        assert sorted(Path().rglob("*")) == before
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("text.svs --target target.png --out o.tif", "text.svs is damaged, cut short or of a kind that cannot be read"),
        ("none.svs --target target.png --out o.tif", "none.svs does not exist"),
        ("damaged.tif --target target.png --out o.tif", "damaged.tif is damaged or cut short: level 0 cannot be read"),
        ("folder/tissue.tif --target target.png --out o.png", "o.png must end in .tif or .tiff"),
        ("folder/tissue.tif --target target.png --out folder/tissue.tif", "is the source, which is read"),
        ("twins --target target.png --out o", "twins has several files named 'glass' with different endings"),
        ("folder/tissue.tif --target target.png --out damaged.tif", "damaged.tif exists"),
        ("folder/tissue.tif --target target.png --out o.tif --level 2", "has no level 2; its levels are 0 to 1"),
        ("folder/tissue.tif --target target.png --out o.tif --compression gif", "there is no compression 'gif'"),
        (
            "folder/tissue.tif --target text.svs --out o.tif",
            "text.svs is a whole slide, from which no target is learnt",
        ),
        ("folder --target target.png --out folder/out", "is, lies in or holds folder"),
        ("mixed --target target.png --out o", "mixed holds slides (tissue.tif) and images (target.png)"),
        ("target.png --target target.png --out o.png --level 0", "target.png is no whole slide; leave --level"),
        ("target.png --target target.png --out o.png --compression jpeg", "target.png is no whole slide"),
    ],
)
def test_what_cannot_be_done_is_refused(workplace, refuse, command, message):
    refuse(f"stain normalise {command}", message)


@pytest.fixture
def real_slides() -> Path:
    if "CELLWEAVE_DATA" not in os.environ:
        pytest.skip("CELLWEAVE_DATA is not set: the real data are not here")
    return Path(os.environ["CELLWEAVE_DATA"]) / "slides"


@pytest.mark.data
def test_real_slides(real_slides, workplace, refuse, capsys):
    source = real_slides / "tcga-cr-7395-01a-01-ts1.svs"
    run(f"stain normalise {source} --target target.png --out out.tif --level 1 --compression deflate")
    assert "note  1 slide whose µm per pixel are unknown" in capsys.readouterr().out
    with Slide(source) as slide:
        whole = slide.read(Tile(0, 0, *slide.level(1).shape), level=1)
    expected = StainNormaliser.fit(read_image("target.png")).apply(whole)
    np.testing.assert_array_equal(finest("out.tif"), expected)
    refuse(f"stain normalise {real_slides / 'broken.svs'} --target target.png --out o.tif", "broken.svs is damaged")
