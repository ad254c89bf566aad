import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cellweave.core import InvalidImageError, OutputError
from cellweave.data import image_size, read_image, write_png


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_png_round_trip(tmp_path: Path) -> None:
    image = noise(5, 7)
    write_png(tmp_path / "a.png", image)
    assert np.array_equal(read_image(tmp_path / "a.png"), image)
    assert image_size(tmp_path / "a.png") == (5, 7)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    Image.fromarray(np.full((3, 4, 3), 255, np.uint8)).convert(mode).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert (image.shape, image.dtype, image.min()) == ((3, 4, 3), np.uint8, 255)


def test_truncated_image(tmp_path: Path) -> None:
    write_png(tmp_path / "whole.png", noise(64, 64))
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidImageError, match=r"cut\.png is damaged or cut short"):
        read_image(tmp_path / "cut.png")


@pytest.mark.parametrize("content", [b"", b"row column class\n1 2 3\n"])
def test_a_file_that_is_no_image(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InvalidImageError, match=rf"a\.png is not an image that can be read \({len(content)} bytes\)"):
        read_image(tmp_path / "a.png")
    with pytest.raises(InvalidImageError, match=r"a\.png is not an image"):
        image_size(tmp_path / "a.png")


def test_missing_image_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match=r"a\.png does not exist"):
        read_image(tmp_path / "a.png")
    with pytest.raises(InvalidImageError, match=r"a\.png does not exist"):
        image_size(tmp_path / "a.png")
    with pytest.raises(InvalidImageError, match="is a folder"):
        read_image(tmp_path)


def test_sixteen_bits_are_refused_rather_than_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((3, 3), 40_000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(InvalidImageError, match="convert it to 8-bit RGB"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_a_colour_are_refused_rather_than_halved(tmp_path: Path, name: str, channels: int) -> None:
    cv2.imwrite(str(tmp_path / name), np.full((3, 3, channels), 40_000, np.uint16))
    with pytest.raises(InvalidImageError, match="more than 8 bits a colour; convert it to 8-bit RGB"):
        read_image(tmp_path / name)


def test_decompression_bombs_are_refused_by_their_header(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", noise(3, 4))
    whole = (tmp_path / "a.png").read_bytes()
    header = b"IHDR" + struct.pack(">II", 60_000, 60_000) + whole[24:29]
    (tmp_path / "a.png").write_bytes(whole[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole[33:])
    for read in (read_image, image_size):
        with pytest.raises(InvalidImageError, match=r"a\.png has more than 178,956,970 pixels; cut it into tiles"):
            read(tmp_path / "a.png")


def test_huge_images_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellweave.data.images.MAX_PIXELS", 11)
    write_png(tmp_path / "a.png", noise(3, 4))
    with pytest.raises(InvalidImageError, match="4×3 pixels, more than 11; cut it into tiles"):
        read_image(tmp_path / "a.png")


def test_unwritable_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_png(tmp_path / "file" / "a.png", noise(2, 2))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
