"""Data sets annotated with masks through the command line: imported whole, or refused with one line."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from cellweave.cli.main import main
from cellweave.data import CellDataset, write_png


@pytest.fixture
def sources(tmp_path, monkeypatch) -> Path:
    """A small source of every kind, in its released layout; it is the working folder."""
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    mask, codes = np.zeros((256, 256), np.uint16), np.zeros((256, 256), np.uint16)
    mask[10:20, 10:20], mask[10:20, 20:30] = 1, 2
    codes[10:20, 10:20], codes[10:20, 20:30] = 1, 3
    seg = np.stack([mask == 1, np.zeros_like(mask), mask == 2], axis=2).astype(np.uint8) * 255
    channels = np.zeros((1, 256, 256, 6))
    channels[0, :, :, 0], channels[0, :, :, 1] = mask * (mask == 1), mask * (mask == 2)
    for name in ("conic", "pannuke/fold1", "masks/images", "masks/instances", "masks/classes"):
        Path(name).mkdir(parents=True)
    for name in ("ccrcc/train/1", "consep/Train/Images/train_1", "masks/images/a", "lizard/Lizard_Images1/consep_1"):
        write_png(f"{name}.png", image)
    for name in ("consep/Train/Labels", "lizard/Lizard_Labels/Labels"):
        Path(name).mkdir(parents=True)
    ccrcc = {"instance_map": mask, "class_map": codes, "TCGA_file_name": "TCGA-B0-5711-01Z-00-DX1.svs"}
    scipy.io.savemat("ccrcc/train/1.mat", ccrcc)
    scipy.io.savemat("consep/Train/Labels/train_1.mat", {"inst_map": mask, "type_map": codes})
    lizard = {"inst_map": mask, "id": [[1], [2]], "class": [[1], [3]]}
    scipy.io.savemat("lizard/Lizard_Labels/Labels/consep_1.mat", lizard)
    Path("lizard/Lizard_Labels/info.csv").write_text("Filename,Source,Split\nconsep_1,consep,1\n")
    np.save("conic/images.npy", image[None])
    np.save("conic/labels.npy", np.stack([mask, codes], axis=-1)[None])
    np.save("pannuke/fold1/images.npy", image[None].astype(float))
    np.save("pannuke/fold1/masks.npy", channels)
    np.save("pannuke/fold1/types.npy", np.array(["Breast"]))
    write_png("deepliif/train/Lung1.png", np.concatenate([image] * 5 + [seg], axis=1))
    cv2.imwrite("masks/instances/a.png", mask)
    cv2.imwrite("masks/classes/a.png", codes.astype(np.uint8))
    return tmp_path


IMPORTS = {
    "ccrcc": ("", ["grade 1", "grade 3"]),
    "conic": ("", ["neutrophil", "lymphocyte"]),
    "consep": ("--all-classes", ["other", "healthy epithelial"]),
    "deepliif": ("--mpp 0.25", ["positive", "negative"]),
    "lizard": ("", ["neutrophil", "lymphocyte"]),
    "masks": ("--class-codes 1=tumor,3=stromal", ["tumor", "stromal"]),
    "pannuke": ("", ["neoplastic", "inflammatory"]),
}


@pytest.mark.parametrize("kind", IMPORTS)
def test_an_import_is_a_data_set_without_errors(sources, capsys, kind) -> None:
    options, labels = IMPORTS[kind]
    assert main(f"data import {kind} {kind} out {options} --json".split()) == 0
    assert json.loads(capsys.readouterr().out)["images"] == {"training": 1}
    assert main(["data", "check", "out", "--json"]) == 0
    assert [one for one in json.loads(capsys.readouterr().out)["findings"] if one["severity"] == "error"] == []
    dataset = CellDataset.open("out")
    (name,) = dataset.names()
    cells = dataset.read_cells(name)
    assert (cells.xy.tolist(), cells.label_names()) == ([[15.0, 15.0], [25.0, 15.0]], labels)
    assert (dataset.read_image(name) == np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)).all()


def test_a_table_of_classes(sources, capsys) -> None:
    Path("classes.csv").write_text("image,instance,class\na,2,tumor\n")
    assert main(["data", "import", "masks", "masks", "out", "--class-table", "classes.csv"]) == 0
    assert "cells   2 (1 tumor, 1 without a class)" in capsys.readouterr().out


def test_masks_are_kept_beside_the_image(sources) -> None:
    for kind in ("conic", "consep", "lizard", "masks"):
        assert main(f"data import {kind} {kind} {kind}-out {IMPORTS[kind][0]}".split()) == 0
        dataset = CellDataset.open(f"{kind}-out")
        (name,) = dataset.names()
        mask = dataset.read_mask(name)
        labels = dataset.read_cells(name).labels
        expected = np.zeros((256, 256), int)
        expected[10:20, 10:20], expected[10:20, 20:30] = labels + 1
        assert (mask.classes == expected).all()
        assert (mask.instances[10:20, 10:20] == 1).all()
        assert (mask.instances[10:20, 20:30] == 2).all()
        assert (mask.instances > 0).sum() == 200


def test_classes_alone_are_nuclei_by_their_connected_parts(sources, capsys) -> None:
    """Touching nuclei of two classes are two cells, unknown pixels are none and stay unknown."""
    Path("masks/instances/a.png").unlink()
    Path("masks/instances").rmdir()
    codes = cv2.imread("masks/classes/a.png", cv2.IMREAD_UNCHANGED)
    codes[100:, :], codes[50, 50], codes[51, 51] = 255, 1, 1  # parts that meet at a corner are one
    cv2.imwrite("masks/classes/a.png", codes)
    assert main(["data", "import", "masks", "masks", "out", "--class-codes", "1=tumor,3=stromal"]) == 0
    assert "There is no instances/: the connected parts of every class" in capsys.readouterr().out
    dataset = CellDataset.open("out")
    cells, mask = dataset.read_cells("a"), dataset.read_mask("a")
    found = dict(zip(map(tuple, cells.xy.tolist()), cells.label_names(), strict=True))
    assert found == {(15.0, 15.0): "tumor", (51.0, 51.0): "tumor", (25.0, 15.0): "stromal"}
    assert mask.instances is None
    assert (mask.classes == np.select([codes == 1, codes == 3, codes == 255], [1, 2, 255])).all()


def cut(path: str) -> None:
    Path(path).write_bytes(Path(path).read_bytes()[:300])


REFUSALS = {
    "ccrcc": (lambda: Path("ccrcc/train/1.mat").unlink(), "1.png has no annotation; copy it from the release"),
    "consep": (lambda: cut("consep/Train/Labels/train_1.mat"), "train_1.mat is not a MATLAB file that can be read"),
    "conic": (lambda: np.save("conic/labels.npy", np.array([{}])), "labels.npy is not an array that can be read"),
    "pannuke": (
        lambda: np.save("pannuke/fold1/masks.npy", np.zeros((1, 9))),
        "masks.npy holds float64 (1, 9); it must",
    ),
    "lizard": (lambda: cut("lizard/Lizard_Images1/consep_1.png"), "consep_1.png is damaged or cut short"),
    "deepliif": (lambda: cut("deepliif/train/Lung1.png"), "Lung1.png is damaged or cut short"),
    "masks": (lambda: cut("masks/instances/a.png"), "a.png is damaged or cut short"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_bad_sources_are_refused(sources, refuse, kind) -> None:
    spoil, message = REFUSALS[kind]
    spoil()
    refuse(f"data import {kind} {kind} out", message)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("conic conic out --mpp 0.5", "the reader conic has no option 'mpp'; it takes none"),
        ("conic conic out --all-classes", "the reader conic has no option 'all_classes'"),
        ("masks masks out --class-codes tumor", "class codes are written 1=tumor,2=stromal"),
        ("masks masks out --class-codes 1=tumor", "class code 3 is not known; the codes are [1, 255]"),
        ("masks masks out --class-table nowhere.csv", "nowhere.csv cannot be read as a table"),
    ],
)
def test_bad_options_are_refused(sources, refuse, command, message) -> None:
    refuse(f"data import {command}", message)
