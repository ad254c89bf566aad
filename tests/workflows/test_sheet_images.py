"""Images are chosen for a sheet evenly, or by the cells of each class in turn."""

import pytest

from cellweave.cli.main import main
from cellweave.core import Cells, DatasetError
from cellweave.data import CellClass, CellDataset, DatasetWriter
from cellweave.workflows.sheet_images import richest, spread_evenly

NUMBERS = {"a": (1, 0), "b": (3, 2), "c": (5, 0), "d": (0, 1), "e": (0, 0)}


def write(folder, numbers, classes=("round", "long")):
    listed = tuple(CellClass(name, colour) for name, colour in zip(classes, ("#ff0000", "#0000ff"), strict=False))
    with DatasetWriter(folder, name="t", classes=listed, licence="CC0", source="test") as writer:
        for name, counts in numbers.items():
            labels = [label for label, count in enumerate(counts) for _ in range(count)]
            places = [[4.0 * i + 2, 2.0] for i in range(len(labels))]
            writer.add(name, Cells(places, labels if classes else None, classes=classes, shape=(8, 40)), split="test")
    return CellDataset.open(folder)


def test_evenly():
    names = list("abcdefg")
    assert spread_evenly(names, 3) == ["a", "d", "g"]
    assert spread_evenly(names, 9) == names
    assert spread_evenly(names, 1) == ["a"]


def test_most_cells_of_each_class_in_turn(tmp_path):
    dataset = write(tmp_path / "set", NUMBERS)
    # c has most round cells; b most long ones; then b is taken, and a is next of the round, d of the long
    assert richest(dataset, dataset.names(), 4) == ["c", "b", "a", "d"]
    assert richest(dataset, dataset.names(), 3) == ["c", "b", "a"]
    assert richest(dataset, dataset.names(), 9) == ["c", "b", "a", "d"]  # e shows nothing of either
    assert richest(dataset, ["a", "e"], 2) == ["a"]


def test_nothing_to_choose_from(tmp_path, monkeypatch, capsys):
    dataset = write(tmp_path / "set", NUMBERS)
    with pytest.raises(DatasetError, match="that could be shown has cells of any class"):
        richest(dataset, ["e"], 2)
    plain = write(tmp_path / "plain", {"a": (2,)}, classes=())
    with pytest.raises(DatasetError, match="has no classes to look for"):
        richest(plain, ["a"], 2)
    monkeypatch.chdir(tmp_path)
    assert main(["data", "show", "plain", "--out", "sheet.png", "--rich"]) == 2
    assert capsys.readouterr().err.startswith("cellweave: error: plain has no classes to look for")
    assert main(["data", "show", "set", "--out", "s.png", "--rich", "--layouts", "--beside", "set"]) == 2
    assert "--rich chooses images, and layouts are compared as they come" in capsys.readouterr().err
    assert main(["data", "show", "set", "--out", "sheet.png", "--rich", "--images", "2", "--json"]) == 0
    assert '"c",' in capsys.readouterr().out.replace("'", '"')
