from pathlib import Path

import pytest

from cellweave.core import DatasetError
from cellweave.data.readers.released_files import (
    distinct_names,
    files_below,
    note_missing_splits,
    paired,
    split_of,
)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    for name in ("Train/10.png", "Train/2.PNG", "Train/._2.png", "__MACOSX/Train/2.png", "Test/2.png", "Test/2.mat"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_files_come_in_the_order_of_their_numbers_without_what_archives_leave(release: Path) -> None:
    found = [path.relative_to(release).as_posix() for path in files_below(release, ".png")]
    assert found == ["Test/2.png", "Train/2.PNG", "Train/10.png"]
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        files_below(release / "nowhere", ".png")


def test_the_nearest_folder_of_a_split_counts() -> None:
    assert split_of(Path("s/test/VAL/images/a.png"), Path("s")) == "validation"
    with pytest.raises(DatasetError, match=r"a\.png lies in no folder of a split \(train, training"):
        split_of(Path("train/a.png"), Path("train"))


def test_pairs(release: Path) -> None:
    images, annotations = files_below(release, ".png"), files_below(release, ".mat")
    assert paired(images[:1], annotations, lambda path: path.stem) == [(images[0], annotations[0])]
    with pytest.raises(DatasetError, match=r"Train/10\.png has no annotation"):
        paired([images[0], images[2]], annotations, lambda path: path.stem)
    with pytest.raises(DatasetError, match=r"2\.mat has no image"):
        paired([], annotations, lambda path: path.stem)
    with pytest.raises(DatasetError, match=r"Train/2\.PNG and .*Test/2\.png are called the same"):
        paired(images, annotations, lambda path: path.stem)


def test_names_differ(release: Path) -> None:
    assert distinct_names(files_below(release, ".png"), release) == ["Test_2", "Train_2", "10"]


def test_missing_splits_are_said() -> None:
    assert note_missing_splits(["training", "test"]) == ["There is no validation split."]
