"""Outputs are whole or absent, whatever fails on the way, and nothing of a user's is thrown away."""

import errno
import os

import pytest

from cellweave.core import OutputError, atomic_file, atomic_folder, sha256_of


class StopError(Exception):
    pass


def contents(root):
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def write_and_fail(partial, error):
    partial.write_text("half")
    raise error


def fill(target, text="new", **options):
    with atomic_folder(target, **options) as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "a.txt").write_text(text)


@pytest.fixture
def full(tmp_path):
    """Return a folder with an earlier output in it."""
    fill(tmp_path / "out", "old")
    return tmp_path / "out"


def failing(monkeypatch, *, when):
    """Make the system refuse those renames for which ``when(source, target)`` holds."""
    really = os.replace

    def replace(source, target):
        if when(os.fspath(source), os.fspath(target)):
            raise OSError(errno.EIO, "Input/output error", os.fspath(source))
        really(source, target)

    monkeypatch.setattr(os, "replace", replace)


def test_a_file_appears_at_the_end_and_not_before(tmp_path):
    target = tmp_path / "new" / "deep" / "a.txt"
    with atomic_file(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
        assert partial.parent == target.parent  # the same file system, so that the rename is atomic
    assert contents(tmp_path) == {"new/deep/a.txt": "whole"}


@pytest.mark.parametrize("error", [StopError(), KeyboardInterrupt()])
def test_a_file_that_fails_leaves_the_old_one_and_nothing_else(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(type(error)), atomic_file(tmp_path / "a.txt") as partial:
        write_and_fail(partial, error)
    assert contents(tmp_path) == {"a.txt": "old"}


def test_a_full_disk_is_told_with_the_place(tmp_path):
    with pytest.raises(OutputError, match=r"a.txt cannot be written \(No space left"), atomic_file(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert contents(tmp_path) == {}


def test_a_file_that_cannot_be_renamed_is_told_and_leaves_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old")
    failing(monkeypatch, when=lambda source, target: target.endswith("a.txt"))
    with (
        pytest.raises(OutputError, match=r"a.txt cannot be written \(Input/output error\); choose another"),
        atomic_file(tmp_path / "a.txt") as partial,
    ):
        partial.write_text("new")
    assert contents(tmp_path) == {"a.txt": "old"}


def test_a_folder_appears_at_the_end_and_not_before(tmp_path):
    target = tmp_path / "new" / "out"
    with atomic_folder(target) as partial:
        (partial / "a.txt").write_text("whole")
        assert not target.exists()
    assert contents(tmp_path) == {"new/out/a.txt": "whole"}


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out")
    assert contents(tmp_path) == {"out/inner/a.txt": "new"}


def test_a_folder_with_something_in_it_is_left_alone_unless_asked(full):
    with pytest.raises(OutputError, match=r"out exists and is not empty; choose another .* or pass --overwrite"):
        fill(full)
    assert contents(full.parent) == {"out/inner/a.txt": "old"}


def test_overwriting_replaces_the_folder_whole(full):
    (full / "left-over.txt").write_text("old")
    fill(full, overwrite=True)
    assert contents(full.parent) == {"out/inner/a.txt": "new"}
    assert [path.name for path in full.parent.iterdir()] == ["out"]


def test_only_a_folder_of_the_same_outputs_is_replaced(full):
    fill(full, "newer", overwrite=True, own={"inner", "absent"})
    assert contents(full) == {"inner/a.txt": "newer"}
    (full / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"out holds 'thesis.txt', which no such output has, so it is not replaced"):
        fill(full, overwrite=True, own={"inner", "absent"})
    assert contents(full.parent) == {"out/inner/a.txt": "newer", "out/thesis.txt": "mine"}


@pytest.mark.parametrize("error", [StopError(), KeyboardInterrupt()])
def test_a_folder_that_fails_leaves_the_old_one_and_nothing_else(full, error):
    with pytest.raises(type(error)), atomic_folder(full, overwrite=True) as partial:
        write_and_fail(partial / "a.txt", error)
    assert contents(full.parent) == {"out/inner/a.txt": "old"}
    assert [path.name for path in full.parent.iterdir()] == ["out"]


def test_a_folder_that_cannot_be_renamed_leaves_nothing(tmp_path, monkeypatch):
    failing(monkeypatch, when=lambda source, target: target.endswith("out"))
    with pytest.raises(OutputError, match=r"out cannot be written \(Input/output error\)"):
        fill(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("attempt", ["the old away", "the new in"])
def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_place(full, monkeypatch, attempt):
    refused = []

    def when(source, target):
        hit = source.endswith("out") if attempt == "the old away" else target.endswith("out")
        refused.append(hit)
        return hit and sum(refused) == 1

    failing(monkeypatch, when=when)
    with pytest.raises(OutputError, match=r"out cannot be written \(Input/output error\)"):
        fill(full, overwrite=True)
    assert contents(full.parent) == {"out/inner/a.txt": "old"}
    assert [path.name for path in full.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("maker", [atomic_file, atomic_folder])
@pytest.mark.parametrize(
    ("place", "message"),
    [("file.txt/out", r"cannot be written \((Not a directory|File exists)"), ("x" * 300, r"\(File name too long\)")],
)
def test_unwritable_places(tmp_path, maker, place, message):
    (tmp_path / "file.txt").write_text("mine")
    with pytest.raises(OutputError, match=message), maker(tmp_path / place):
        pytest.fail("the block must not be entered")
    assert contents(tmp_path) == {"file.txt": "mine"}


def test_a_folder_is_no_file_and_a_file_is_no_folder(full):
    with pytest.raises(OutputError, match="out is a folder where a file is to be written"), atomic_file(full):
        pytest.fail("the block must not be entered")
    with pytest.raises(OutputError, match=r"a.txt is a file where a folder is to be written"):
        fill(full / "inner" / "a.txt", overwrite=True)
    assert contents(full) == {"inner/a.txt": "old"}


def test_checksum_of_a_known_text(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_stays_a_link_and_what_it_points_to_is_written(tmp_path, overwrite):
    (tmp_path / "disk" / "out").mkdir(parents=True)
    (tmp_path / "disk" / "a.txt").write_text("old")
    (tmp_path / "out").symlink_to(tmp_path / "disk" / "out")
    (tmp_path / "a.txt").symlink_to(tmp_path / "disk" / "a.txt")
    fill(tmp_path / "out", overwrite=overwrite)
    with atomic_file(tmp_path / "a.txt") as partial:
        partial.write_text("new")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "a.txt").is_symlink()
    assert contents(tmp_path / "disk") == {"a.txt": "new", "out/inner/a.txt": "new"}
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("place", [".", "..", "../../out"])
def test_the_folder_one_works_in_is_never_replaced(full, monkeypatch, place):
    monkeypatch.chdir(full / "inner")
    with pytest.raises(OutputError, match="is the folder you are in, or holds it; give the path of an output"):
        fill(place, overwrite=True)
    assert contents(full.parent) == {"out/inner/a.txt": "old"}
