"""Stain normalisation through the command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cellweave.cli.main import main
from cellweave.core import OutputError
from cellweave.data import CellDataset, check_dataset, read_image, write_png
from cellweave.data.phantom import phantom_patch, write_phantom_dataset
from cellweave.slides import tiles_of, write_pyramid
from cellweave.workflows.normalise import normalise


@pytest.fixture(scope="module")
def slides(tmp_path_factory) -> Path:
    """A target, a folder ``tiles`` of one image in four tiles, the whole of it, a blank image and a data set."""
    root = tmp_path_factory.mktemp("slides")
    write_png(root / "target.png", phantom_patch(4, seed=0, size=128).pixels)
    whole = phantom_patch(0, seed=0, size=128).pixels
    write_png(root / "whole.png", whole)
    write_png(root / "blank.png", np.full((32, 32, 3), 250, np.uint8))
    for number, (row, column) in enumerate(((0, 0), (0, 64), (64, 0), (64, 64))):
        write_png(root / "tiles" / f"t{number}.png", whole[row : row + 64, column : column + 64])
    write_phantom_dataset(root / "set", images=6, size=96, seed=1)
    shutil.copytree(root / "set", root / "copy")
    side = 520  # more than a tile, so that there are two levels
    parts = (np.full((tile.height, tile.width, 3), 200, np.uint8) for tile in tiles_of((side, side)))
    write_pyramid(root / "pyramid.tif", parts, shape=(side, side))
    return root


@pytest.fixture
def workplace(slides, tmp_path, monkeypatch) -> Path:
    shutil.copytree(slides, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    return tmp_path / "w"


def run(command: str) -> None:
    assert main(command.split()) == 0


@pytest.mark.parametrize("method", ["vahadane", "macenko", "reinhard"])
def test_a_stored_target_does_what_the_image_does(workplace, capsys, method):
    run(f"stain fit target.png --method {method} --out target.json")
    run("stain normalise whole.png --target target.json --out one.png")
    run(f"stain normalise whole.png --target target.png --method {method} --out two.png --picture sheet.png")
    assert f"1 image normalised ({method})" in capsys.readouterr().out
    np.testing.assert_array_equal(read_image("one.png"), read_image("two.png"))
    assert np.abs(read_image("one.png").astype(int) - read_image("whole.png")).mean() > 3
    assert read_image("sheet.png").shape[0] > 3 * 280


def test_tiles_of_a_slide_share_their_colours(workplace):
    run("stain normalise tiles --target target.png --out together --together")
    run("stain normalise tiles --target target.png --out apart")
    whole = read_image("whole.png")
    # equal pixels come out equal in all tiles when they share their colours
    flat = {}
    for folder in ("together", "apart"):
        pairs = set()
        for number in range(4):
            before, after = (read_image(f"{place}/t{number}.png").reshape(-1, 3) for place in ("tiles", folder))
            pairs |= {(tuple(b), tuple(a)) for b, a in zip(before.tolist(), after.tolist(), strict=True)}
        flat[folder] = len(pairs)
    assert flat["together"] == len(np.unique(whole.reshape(-1, 3), axis=0))
    assert flat["apart"] > flat["together"]


def test_a_data_set_stays_one_with_the_same_cells(workplace):
    run("stain normalise set --target target.png --method macenko --out normal")
    before, after = CellDataset.open("set"), CellDataset.open("normal")
    assert check_dataset("normal").errors == ()
    assert before.names() == after.names()
    assert (before.classes, before.licence, before.groups()) == (after.classes, after.licence, after.groups())
    assert "stains normalised" in after.source
    for name in before.names():
        assert before.read_cells(name).xy.tolist() == after.read_cells(name).xy.tolist()
        assert not np.array_equal(before.read_image(name), after.read_image(name))
        assert before.has_mask(name) == after.has_mask(name)


def test_a_blank_image_is_left_and_told(workplace, capsys):
    run("stain normalise blank.png --target target.png --out out.png --json")
    told = json.loads(capsys.readouterr().out)
    assert told["without_tissue"] == ["blank"]
    np.testing.assert_array_equal(read_image("out.png"), read_image("blank.png"))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("stain fit blank.png --out t.json", "target blank.png: the target has no tissue"),
        ("stain fit target.png --out t.png", "t.png must end in .json"),
        ("stain fit target.png --out t.json --method dark", "there is no stain method 'dark'"),
        ("stain fit none.png --out t.json", "none.png does not exist"),
        ("stain normalise slide.svs --target target.png --out o.tif", "slide.svs does not exist"),
        ("stain fit slide.svs --out t.json", "slide.svs is a whole slide, from which no target is learnt"),
        ("stain normalise whole.png --target none.json --out o.png", "none.json is no file"),
        ("stain normalise whole.png --target target.png --out o.jpg", "o.jpg must end in .png"),
        ("stain normalise whole.png --target target.png --out whole.png", "whole.png is the source, which is read"),
        ("stain normalise whole.png --target target.png --out blank.png", "blank.png exists"),
        ("stain normalise tiles --target target.png --out tiles/out", "is, lies in or holds tiles"),
        ("stain normalise set --target target.png --out set", "is, lies in or holds set"),
        ("stain normalise set --target target.png --out tiles --overwrite", "tiles is not a data set"),
        ("stain normalise tiles --target target.png --out o --picture o/p.png", "lie outside the output o"),
        ("stain normalise tiles --target target.png --out o --seed -1", "seed"),
        ("stain normalise nope.tif --target target.png --out p.tif", "nope.tif does not exist; give an image, a whole"),
        ("stain normalise whole.png --target pyramid.tif --out o.png", "pyramid.tif is a whole slide, from which no"),
        ("stain fit pyramid.tif --out t.json", "pyramid.tif is a whole slide, from which no target is learnt"),
        *(
            (f"stain normalise {words} --overwrite", message)
            for words, message in (
                ("whole.png --target target.png --out target.png", "target.png is or holds the target target.png"),
                ("tiles --target target.png --out .", ". is or holds the target target.png"),
                ("tiles --target target.json --out target.json", "target.json is or holds the target target.json"),
                ("set --target copy/images/{first}.png --out copy", "copy is or holds the target copy/images"),
                ("whole.png --target target.png --out o.png --picture whole.png", "whole.png is or lies in whole.png"),
                ("whole.png --target target.png --out o.png --picture target.png", "is or lies in target.png, which"),
                ("tiles --target target.png --out o --picture tiles/t0.png", "tiles/t0.png is or lies in tiles, which"),
                ("set --target target.png --out o --picture set/images/x.png", "set/images/x.png is or lies in set"),
            )
        ),
    ],
)
def test_what_cannot_be_done_is_refused(workplace, refuse, command, message):
    refuse(command.replace("{first}", CellDataset.open("set").names()[0]), message)


@pytest.mark.parametrize(
    ("source", "out"),
    [("whole.png", "blank.png"), ("whole.png", "o.jpg"), ("tiles", "set"), ("tiles", "tiles/o"), ("set", "tiles")],
)
def test_nothing_is_learnt_for_a_place_that_cannot_be_written(workplace, source, out):
    stages = []
    with pytest.raises(OutputError):
        normalise(source, out, "target.png", together=True, progress=lambda stage, *_: stages.append(stage))
    assert stages == []
    normalise(
        source,
        "fresh.png" if source.endswith("png") else "fresh",
        "target.png",
        together=True,
        progress=lambda stage, *_: stages.append(stage),
    )
    assert set(stages) == {"learning the colours", "normalising stains"}


def test_methods_of_target_and_option_must_agree(workplace, refuse, capsys):
    run("stain fit target.png --method macenko --out target.json")
    capsys.readouterr()
    command = "stain normalise whole.png --target target.json --method reinhard --out o.png"
    refuse(command, "was fitted by macenko, not reinhard")
