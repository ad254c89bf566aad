"""What stain normalisation reports, and the places that it may write to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellweave.core import InvalidInputError, OutputError
from cellweave.data import RgbImage
from cellweave.report import Row, stack_rows
from cellweave.stain import Colours, TwoStains

PICTURED = 6
"""Most images on the picture of before and after."""


@dataclass(frozen=True, slots=True)
class NormaliseSummary:
    """What was normalised.

    Attributes:
        out: The image, folder or data set.
        method: How.
        images: Number of images, or of slides.
        without_tissue: Names of images that have no tissue and are as they were.
        one_stain: Names of images in which one stain only was found.
        slides: Whether these are whole slides.
        without_mpp: Names of slides that do not say how large their pixels are, as what is written does not then.
    """

    out: Path
    method: str
    images: int
    without_tissue: tuple[str, ...]
    one_stain: tuple[str, ...]
    slides: bool = False
    without_mpp: tuple[str, ...] = ()


class Findings:
    """What a run meets on its way: images without tissue or with one stain, and the first ones before and after."""

    def __init__(self, method: str, *, pictured: bool) -> None:
        self._method, self._pictured = method, pictured
        self._count = 0
        self._without_tissue: list[str] = []
        self._one_stain: list[str] = []
        self._without_mpp: list[str] = []
        self._before: list[RgbImage] = []
        self._after: list[RgbImage] = []

    def note(self, name: str, colours: Colours) -> None:
        """Take note of what was learnt of an image or slide."""
        self._count += 1
        if colours.is_empty:
            self._without_tissue.append(name)
        elif isinstance(colours, TwoStains) and not colours.has_both:
            self._one_stain.append(name)

    def note_without_mpp(self, name: str) -> None:
        """Take note of a slide that does not say how large its pixels are."""
        self._without_mpp.append(name)

    @property
    def has_room(self) -> bool:
        """Whether there is to be a picture, with room for a further pair."""
        return self._pictured and len(self._before) < PICTURED

    def show(self, before: RgbImage, after: RgbImage) -> None:
        """Take a pair of images for the picture, if there is room for it."""
        if self.has_room:
            self._before.append(before)
            self._after.append(after)

    def picture(self, target: RgbImage | None) -> RgbImage:
        """Return the first images before and after, under the target where there is an image of it."""
        rows = [Row("Before", self._before), Row(f"After {self._method.capitalize()} normalisation", self._after)]
        return stack_rows(rows if target is None else [Row("Target", [target]), *rows])

    def summary(self, out: Path, *, slides: bool = False) -> NormaliseSummary:
        """Return what was done, ``out`` being where the results are."""
        return NormaliseSummary(
            out,
            self._method,
            self._count,
            tuple(self._without_tissue),
            tuple(self._one_stain),
            slides,
            tuple(self._without_mpp),
        )


def refuse_twins(paths: Sequence[Path], folder: Path) -> None:
    """Raise :class:`InvalidInputError` where files of a folder differ by their endings only: outputs would not."""
    stems = [path.stem for path in paths]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice is not None:
        raise InvalidInputError(f"{folder} has several files named {twice!r} with different endings; keep one of them.")


def refuse_file_place(out: Path, source: Path, *, overwrite: bool) -> None:
    """Raise :class:`OutputError` where a file would replace its source, or another file without leave."""
    if out.resolve() == source.resolve():
        raise OutputError(f"{out} is the source, which is read; choose another output path.")
    refuse_existing(out, overwrite=overwrite)


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise :class:`OutputError` where there is a file that must not be replaced."""
    if path.is_file() and not overwrite:
        raise OutputError(f"{path} exists; choose another output path or pass --overwrite.")


def refuse_target_place(out: Path, target: Path) -> None:
    """Raise :class:`OutputError` where an output would replace the target, or the folder that it lies in."""
    if target.resolve().is_relative_to(out.resolve()):
        raise OutputError(f"{out} is or holds the target {target}, which is read; choose another output path.")


def refuse_picture(picture: Path, out: Path, *, read: Sequence[Path], overwrite: bool) -> None:
    """Raise :class:`OutputError` where the picture is no PNG, lies in the output or in what is read, or exists."""
    for one in read:
        if picture.resolve().is_relative_to(one.resolve()):
            raise OutputError(f"{picture} is or lies in {one}, which is read; choose another place for the picture.")
    if picture.suffix.lower() != ".png" or picture.resolve().is_relative_to(out.resolve()):
        raise OutputError(f"{picture} must end in .png and lie outside the output {out}; choose another place.")
    refuse_existing(picture, overwrite=overwrite)


def apart(out: Path, source: Path) -> Path:
    """Return an output; :class:`OutputError` where it is, lies in or holds what is read."""
    place, read = out.resolve(), source.resolve()
    if place.is_relative_to(read) or read.is_relative_to(place):
        raise OutputError(f"{out} is, lies in or holds {source}, which is read; choose another output path.")
    return out
