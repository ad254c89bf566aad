import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cellweave.report.legend import LegendEntry, legend_strip
from cellweave.report.lettering import shortened, text_width, write_text


@given(text=st.text("abcdefghij_0123456789", min_size=1, max_size=60), width=st.integers(20, 400))
def test_a_shortened_text_fits_and_keeps_both_ends(text: str, width: int) -> None:
    short = shortened(text, width, 12)
    assert text_width(short, 12) <= width
    if short == text:
        return
    assert text_width(text, 12) > width
    head, _, tail = short.partition("…")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(tail) <= len(head) <= len(tail) + 1


def test_text_is_written_in_its_colour_and_within_its_width() -> None:
    image = np.full((40, 200, 3), 255, np.uint8)
    write_text(image, "Hill", (10, 20), size_px=20, colour="#ff0000")
    rows, columns = np.nonzero((image != 255).any(axis=-1))
    assert 10 <= columns.min() <= columns.max() <= 10 + text_width("Hill", 20)
    assert abs((rows.min() + rows.max()) / 2 - 20) < 4
    assert (image == (255, 0, 0)).all(axis=-1).any()


def test_text_beyond_the_border_is_cut_off() -> None:
    image = np.full((10, 12, 3), 255, np.uint8)
    write_text(image, "Wide text", (-3, 2), size_px=20, colour="#000000")
    assert (image < 128).any()


def test_a_long_legend_takes_more_lines() -> None:
    entries = [LegendEntry(f"class {i}", "#123456") for i in range(8)]
    wide, narrow = legend_strip(entries, 1200), legend_strip(entries, 250)
    assert wide.shape[1] == 1200
    assert narrow.shape[1] == 250
    assert len(narrow) > 2 * len(wide)
    for strip in (wide, narrow):
        # One ring each: their colour is found nowhere else.
        assert ((strip == (0x12, 0x34, 0x56)).all(axis=-1).sum() / 8) > 10


def test_the_longest_entry_stays_inside() -> None:
    strip = legend_strip([LegendEntry("x" * 200, "#123456")], 120)
    assert (strip[:, -4:] == 255).all()
