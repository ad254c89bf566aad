import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import DatasetError, InvalidImageError
from cellweave.data import write_png
from cellweave.data.readers.array_files import open_npy, read_mask, read_mat, require_shape


class Trap:
    """Raises when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("a pickle was loaded",))


def test_variables_of_a_matlab_file(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"map": np.eye(3, dtype=np.int32), "other": 1.0})
    found = read_mat(tmp_path / "a.mat", ["map"], ["centroid"])
    assert list(found) == ["map"]
    assert found["map"].tolist() == np.eye(3).tolist()
    with pytest.raises(DatasetError, match=r"a\.mat has no variable 'type_map', only \[\]"):
        read_mat(tmp_path / "a.mat", ["type_map"])
    with pytest.raises(DatasetError, match=r"b\.mat is missing, but its image is there"):
        read_mat(tmp_path / "b.mat", ["map"])


def test_matlab_files_of_version_7_3_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(DatasetError, match=r"is a MATLAB file of version 7\.3; save it with -v7"):
        read_mat(tmp_path / "a.mat", ["map"])


@given(st.data())
def test_matlab_files_cut_short_or_garbled_are_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("mat") / "a.mat"
    compressed = data.draw(st.booleans())
    scipy.io.savemat(path, {"map": np.arange(12).reshape(3, 4), "name": "x"}, do_compression=compressed)
    whole = bytearray(path.read_bytes())
    if compressed:  # garbled bytes of other files are not always told from good ones, and can crash scipy's parser
        whole[data.draw(st.integers(200, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(DatasetError, match=r"a\.mat ") as caught:
        read_mat(path, ["map", "name"])
    assert "\n" not in str(caught.value)


@given(st.data())
def test_garbled_headers_of_numpy_files_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    np.save(path, np.zeros((4, 8, 8, 2), np.uint16))
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, 127))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    said = f"{path} "
    try:
        open_npy(path)
    except DatasetError as error:  # anything else fails the test
        said = str(error)
    assert said.startswith(f"{path} ")
    assert "\n" not in said


def test_an_array_stays_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 2, 2), np.uint8))
    array = open_npy(tmp_path / "a.npy")
    assert isinstance(array, np.memmap)
    require_shape(array, (None, 2, 2), file=tmp_path / "a.npy")
    for expected in ((None, 2, 3), (4, 2), (5, 2, 2)):
        with pytest.raises(DatasetError, match=r"a\.npy holds uint8 \(4, 2, 2\); it must hold numbers, \((N|4|5), 2"):
            require_shape(array, expected, file=tmp_path / "a.npy")


def write_objects(path: Path) -> None:
    np.save(path, np.array([Trap()], object))


def write_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


def write_archive(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, a=np.zeros(3))


def write_half(path: Path) -> None:
    np.save(path, np.zeros((64, 64)))
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (write_objects, "pickled objects are never read"),
        (write_pickle, "pickled objects are never read"),
        (write_archive, "is an archive of arrays, not a .npy file; unpack it"),
        (write_half, "is not an array that can be read"),
        (lambda path: path.write_bytes(b""), "is not an array that can be read"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\x02\x00{"), "is not an array that can be read"),
        (lambda path: None, "is missing; copy it from the release"),
    ],
)
def test_bad_numpy_files(tmp_path: Path, write: object, message: str) -> None:
    write(tmp_path / "a.npy")
    with pytest.raises(DatasetError, match=rf"a\.npy .*{message}") as caught:
        open_npy(tmp_path / "a.npy")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_masks_keep_their_numbers(tmp_path: Path, name: str, kind: type) -> None:
    mask = np.array([[0, 1], [200, np.iinfo(kind).max]], kind)
    np.save(tmp_path / name, mask) if name == "a.npy" else cv2.imwrite(str(tmp_path / name), mask)
    assert read_mask(tmp_path / name).tolist() == mask.tolist()


def test_masks_of_32_bits(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.array([[70_000, 0]], np.int32)).save(tmp_path / "a.tif")
    assert read_mask(tmp_path / "a.tif").tolist() == [[70_000, 0]]


def test_images_that_are_no_masks(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"a\.png is an image of mode RGB; a mask has one channel"):
        read_mask(tmp_path / "a.png")
    cv2.imwrite(str(tmp_path / "b.png"), np.random.default_rng(0).integers(0, 9999, (64, 64)).astype(np.uint16))
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:4000])
    with pytest.raises(DatasetError, match=r"b\.png is damaged or cut short"):
        read_mask(tmp_path / "b.png")
    with pytest.raises(InvalidImageError, match=r"c\.png does not exist"):
        read_mask(tmp_path / "c.png")
