"""The section of a model card that a validation writes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cellweave.data import counted
from cellweave.training.model_folder import FAILURES, VALIDATION

_SECTION = re.compile(r"^## Validation\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def with_validation(card: str, record: dict[str, Any]) -> str:
    """Return a model card with the section of a validation, in the place of an earlier one or at the end.

    Args:
        card: The card, Markdown.
        record: Content of ``validation.json``.
    """
    section = "\n".join(_section(record)) + "\n"
    if _SECTION.search(card):
        replaced = _SECTION.sub(lambda _: section + "\n", card, count=1)
        return replaced.rstrip("\n") + "\n"
    return f"{card.rstrip()}\n\n{section}"


def _section(record: dict[str, Any]) -> Iterator[str]:
    data, scores, unseen, speed = (record[key] for key in ("data", "scores", "unseen_groups", "speed"))
    drawn = f"; in parentheses 95 % intervals of {record['resamples']:,} resamples of the groups"
    yield "## Validation"
    yield ""
    yield _folded(
        f"Split {data['split']} of {_plain(data['name'])} (licence {_plain(data['licence'])}, checksum "
        f"`{data['checksum'][:16]}`): {_images(scores)}, protocol `{scores['protocol']}`, {_radius(scores)}"
        f"{drawn if 'intervals' in scores else ''}. All numbers: `{VALIDATION}`."
    )
    yield ""
    yield from _rates(scores)
    if unseen["scores"] is not None:
        left_out = ", ".join(_plain(one) for one in unseen["left_out"])
        yield _folded(f"Without the groups that have training images, too ({left_out}): {_images(unseen['scores'])}.")
        yield ""
        yield from _rates(unseen["scores"])
    yield from _confusion(scores)
    yield _folded(
        f"- **Speed**: {speed['megapixels_per_second']:.2f} megapixels a second (median of {speed['repeats']}, "
        f"{speed['lowest']:.2f} to {speed['highest']:.2f}) on {_plain(speed['hardware'])}, "
        f"{counted(speed['threads'], 'thread')}, {speed['precision']}, torch {speed['torch']}."
    )
    for note in record["notes"]:
        yield _folded(f"- **Note**: {_plain(note)}")
    if record["failures"]:
        yield ""
        yield "### Known failures"
        yield ""
        yield f"![Regions with most errors]({FAILURES})"
        yield ""
        yield _folded(
            f"The {len(record['failures'])} regions with most errors, worst first: missed cells are orange rings, "
            "spurious ones black crosses, cells taken for another class green rings with a dot. Images: "
            f"{_plain(data['name'])} ({_plain(data['source'])}), licence {_plain(data['licence'])}."
        )


def _rates(scores: dict[str, Any]) -> Iterator[str]:
    yield from _table(("", "precision", "recall", "F1", "found", "spurious", "missed"), _rate_rows(scores))
    ends = scores.get("intervals", {}).get("counting", {})
    counting = scores["counting"]
    yield (
        f"Cells of an image, counted: mean absolute error {_with_ends(counting['mae'], ends.get('mae'), 1)}, root mean "
        f"square error {_with_ends(counting['rmse'], ends.get('rmse'), 1)}."
    )
    yield ""


def _rate_rows(scores: dict[str, Any]) -> Iterator[Sequence[str]]:
    for row in scores["rows"]:
        ends = row.get("interval", {})
        rates = (_with_ends(row[name], ends.get(name), 3) for name in ("precision", "recall", "f1"))
        label = "all cells" if row is scores["rows"][0] else _plain(row["label"])
        yield (label, *rates, *(f"{row[key]:,}" for key in ("tp", "fp", "fn")))
    [(key, mean)] = scores["mean_class_f1"].items()
    if mean is not None:
        ends = scores.get("intervals", {}).get("mean_class_f1", {})
        yield ("mean of classes", "", "", _with_ends(mean, ends.get(key), 3), "", "", "")


def _confusion(scores: dict[str, Any]) -> Iterator[str]:
    for table in scores["confusion"].values():
        names = ["unknown" if one is None else _plain(one) for one in table["labels"]]
        yield "Cells by true class (rows) and by the class that they were given (columns):"
        yield ""
        rows = [
            (name, *(f"{count:,}" for count in found), f"{missed:,}")
            for name, found, missed in zip(names, table["matched"], table["missed"], strict=True)
        ]
        yield from _table(("", *names, "missed"), [*rows, ("spurious", *(f"{n:,}" for n in table["spurious"]), "")])


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"| {' | '.join(['---', *['---:'] * (len(titles) - 1)])} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _images(scores: dict[str, Any]) -> str:
    return f"{counted(scores['images'], 'image')} of {counted(scores['groups'], 'group')} (patients or slides)"


def _radius(scores: dict[str, Any]) -> str:
    row = scores["rows"][0]
    return f"{row['radius_um']:g} µm" if "radius_um" in row else f"{row['radius_px']:g} px"


def _with_ends(value: float | None, ends: Sequence[float] | None, digits: int) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}f}" + ("" if ends is None else f" ({ends[0]:.{digits}f} to {ends[1]:.{digits}f})")


def _folded(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Return a text from elsewhere as one line that Markdown takes for nothing but text."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", " ".join(text.split()))
