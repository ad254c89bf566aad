import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cellweave.core import Cells, InvalidImageError, InvalidInputError, OutputError
from cellweave.report import (
    Heading,
    Headline,
    ImageGrid,
    Listing,
    Paragraph,
    Picture,
    Report,
    Table,
    count_scatter,
    draw_cells,
    draw_comparison,
    learning_curves,
    score_bars,
    threshold_curves,
)
from cellweave.report.embedding import image_uri
from cellweave.report.html import IMAGE_ROW_PX

CLASSES = ("lymphocyte", "tumor", "stromal")
COLOURS = {"lymphocyte": "#1f77e0", "tumor": "#e03131", "stromal": "#2f9e44"}


class Elements(HTMLParser):
    """All elements of a page, with the nesting checked."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def picture(rng: np.random.Generator, side: int = 240) -> tuple[Any, Cells]:
    texture = rng.normal(170, 25, (side // 8, side // 8, 3)).clip(0, 255).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    xy = rng.uniform(0, side, (60, 2))
    return texture, Cells(xy, rng.integers(0, 3, 60), classes=CLASSES, shape=(side, side))


def example() -> Report:
    """Return a report with every kind of block and figure, of made-up numbers."""
    rng = np.random.default_rng(0)
    pixels, cells = picture(rng)
    found = np.flatnonzero(rng.random(60) < 0.8)
    predicted = cells.select(found)
    compared = draw_comparison(
        pixels,
        cells,
        predicted,
        matched_truth=found[4:],
        matched_predicted=np.arange(4, len(found)),
        radius_px=6,
        scale=2,
    )
    steps = np.arange(10, 1001, 10)
    log = pd.DataFrame({"step": steps, "loss": 1 / steps + rng.gamma(2, 0.002, 100), "learning_rate": 1e-3 / steps})
    thresholds = np.linspace(0.05, 0.95, 19)
    f1 = {f"{w} px": 0.8 - (thresholds - 0.3) ** 2 - abs(w - 7) / 50 for w in (5, 7, 9)}
    scores = np.array([[0.85, 0.84, 0.845], [0.62, 0.60, 0.61], [0.80, 0.83, 0.81], [0.56, 0.63, 0.59]])
    intervals = np.stack([scores - 0.04, scores + 0.03], axis=-1)
    truth = rng.integers(20, 200, 12)
    return (
        Report("Cells of a phantom", "F1 0.845 within 6 px.", headlines=[Headline("0.845", "F1", "0.81 to 0.87")])
        .add_section("Data", Paragraph("A sample."), Picture(draw_cells(pixels, cells, COLOURS, legend=True), "Cells."))
        .add_section("Training", Picture(learning_curves(log), "Loss."))
        .add_section(
            "Calibration",
            Picture(threshold_curves(thresholds, f1, ylabel="F1", chosen=("7 px", 0.3), ordered=True), "F1."),
        )
        .add_section("Predictions", ImageGrid([compared] * 4, ["a", "b", "c", "d"], columns=2, caption="All."))
        .add_section(
            "Scores",
            Picture(score_bars(["all cells", *CLASSES], scores, intervals=intervals, colours=COLOURS), "By class."),
            Heading("Counts"),
            Picture(count_scatter({"all": (truth, truth + 3)}, colours=COLOURS), "Counts."),
            Table(["class", "cells", "F1"], [["tumor", 1234, 0.81], ["stromal", None, float("nan")]], "Scores."),
        )
        .add_section("Provenance", Listing("cellweave demo --out out"))
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = example().write(tmp_path_factory.mktemp("report") / "out" / "report.html")
    return path.read_text(encoding="utf-8")


def test_a_report_is_one_file_that_fetches_nothing(page: str) -> None:
    elements = Elements(page).found
    images = [attributes["src"] or "" for tag, attributes in elements if tag == "img"]
    assert len(images) == 9
    assert all(source.startswith("data:image/") for source in images)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in elements}
    assert all((attributes["href"] or "").startswith("#") for tag, attributes in elements if tag == "a")
    assert "http" not in re.sub(r"data:[^\"]+|http-equiv", "", page)
    assert "url(" not in page
    assert "@import" not in page
    assert len(page) < 2_000_000


def test_sections_are_linked_and_pictures_described(page: str) -> None:
    elements = Elements(page).found
    targets = {attributes["href"] for tag, attributes in elements if tag == "a"}
    assert targets == {f"#{attributes['id']}" for tag, attributes in elements if tag == "section"}
    assert all(attributes["alt"] for tag, attributes in elements if tag == "img")


def test_equal_reports_are_equal_bytes(page: str) -> None:
    assert example().html() == page


def test_text_is_escaped_everywhere() -> None:
    bad = '<b a="1">&'
    image = np.zeros((4, 4, 3), np.uint8)
    blocks = (
        Heading(bad),
        Paragraph(bad),
        Listing(bad),
        Table([bad], [[bad]], bad),
        Picture(image, bad),
        ImageGrid([image], [bad], caption=bad),
    )
    report = Report(bad, bad, headlines=[Headline(bad, bad, bad)])
    page = report.add_section(bad, *blocks).add_section(bad).add_section(bad).html()
    Elements(page)
    assert bad not in page
    assert page.count("&lt;b a=&#34;1&#34;&gt;&amp;") == 23


def test_numbers_of_a_table_stand_flush_right() -> None:
    table = Table(["class", "cells", "F1", "none"], [["tumor", 1234, 0.81234, None], ["stromal", None, 1, None]])
    assert table.numeric_columns == (False, True, True, False)
    page = Report("t", "s").add_section("x", table).html()
    assert re.findall(r"<td( class=\"number\")?>([^<>]+)</td>", page)[:4] == [
        ("", "tumor"),
        (' class="number"', "1,234"),
        (' class="number"', "0.812"),
        ("", "–"),
    ]


def test_images_are_reduced_until_the_report_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 1600, 3), dtype=np.uint8)
    report = Report("t", "s").add_section("x", Picture(noise, "Noise, the worst that can be compressed."))
    sizes = {width: len(report.html(image_row_px=width).encode()) for width in IMAGE_ROW_PX}
    assert sorted(sizes.values(), reverse=True) == list(sizes.values())
    for limit, expected in ((sizes[1600], 1600), (sizes[1600] - 1, 1200), (sizes[900], 900), (10, 640)):
        monkeypatch.setattr("cellweave.report.html.TARGET_BYTES", limit)
        assert report.write(tmp_path / "report.html").stat().st_size == sizes[expected]


def test_a_wide_image_is_reduced_and_the_smaller_coding_taken() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (100, 400, 3), dtype=np.uint8)
    wide, narrow = image_uri(noise, max_width_px=400), image_uri(noise, max_width_px=100)
    assert wide.startswith("data:image/jpeg")
    assert len(narrow) < len(wide) / 4
    assert image_uri(np.full((100, 400, 3), 9, np.uint8), max_width_px=400).startswith("data:image/png")


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(InvalidInputError, match=r"rows\[1\] has 1 cells, the header \['a', 'b'\] has 2"):
        Table(["a", "b"], [[1, 2], [1]])
    with pytest.raises(InvalidInputError, match="1 images need as many captions, got 2"):
        ImageGrid([np.zeros((4, 4, 3), np.uint8)], ["a", "b"])
    with pytest.raises(InvalidInputError, match="1 to 6 columns, got 0"):
        ImageGrid([], [], columns=0)
    with pytest.raises(InvalidImageError, match=r"in a report is uint8 \(H, W, 3\), got float64 \(4, 4\)"):
        Report("t", "s").add_section("x", Picture(np.zeros((4, 4)), "c")).html()  # type: ignore[arg-type]


def test_an_unwritable_place_is_told_and_left_clean(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OutputError, match="is a folder where a file is to be written"):
        Report("t", "s").write(tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
