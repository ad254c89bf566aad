from pathlib import Path

import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError
from cellweave.data.readers import ImportedImage

CELLS = Cells.empty(classes=(), shape=(2, 2))


def test_an_image_is_a_file_or_pixels() -> None:
    assert ImportedImage("a", CELLS, Path("a.png"), "test", "a").pixels is None
    pixels = np.zeros((2, 2, 3), np.uint8)
    assert ImportedImage("a", CELLS, None, "test", "a", pixels=pixels).file is None
    with pytest.raises(InvalidInputError, match="image 'a' has both of file and pixels"):
        ImportedImage("a", CELLS, Path("a.png"), "test", "a", pixels=pixels)
    with pytest.raises(InvalidInputError, match="image 'a' has neither of file and pixels"):
        ImportedImage("a", CELLS, None, "test", "a")
