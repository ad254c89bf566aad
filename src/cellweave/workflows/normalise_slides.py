"""Stain normalisation of whole slides: one look at all their tiles to learn the colours, a second to change them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cellweave.core import InvalidInputError, OutputError, atomic_file, atomic_folder
from cellweave.core.progress import Progress
from cellweave.data import IMAGE_SUFFIXES, RgbImage
from cellweave.slides import COMPRESSIONS, Slide, Tile, in_order, is_slide, tiles_of, write_pyramid
from cellweave.stain import Colours, StainNormaliser, TissueSampler
from cellweave.workflows.normalise_output import Findings, apart, refuse_file_place, refuse_twins

_TIFF_SUFFIXES = (".tif", ".tiff")
_THUMBNAIL_PX = 1024


def slides_in(source: Path) -> list[Path]:
    """Return the slide that a path is, or those of a folder, sorted; none where these are images.

    Raises:
        InvalidInputError: The folder holds images, too, or slides whose names differ by their endings only.
    """
    if not source.is_dir():
        return [source] if is_slide(source) else []
    paths = sorted(source.iterdir())
    slides = [path for path in paths if is_slide(path)]
    image = next((path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path not in slides), None)
    if slides and image is not None:
        raise InvalidInputError(
            f"{source} holds slides ({slides[0].name}) and images ({image.name}); keep them in folders of their own."
        )
    refuse_twins(slides, source)
    return slides


def normalise_slides(
    slides: Sequence[Path],
    source: Path,
    out: Path,
    normaliser: StainNormaliser,
    findings: Findings,
    *,
    level: int,
    compression: str,
    together: bool,
    overwrite: bool,
    progress: Progress,
) -> None:
    """Write slides with the target's colours as pyramidal TIFFs, whole or not at all.

    The finest level of what is written is what the level would be as one image, bit for bit before its compression.

    Args:
        slides: The slide ``source``, or those of the folder ``source``.
        source: Where they were found.
        out: TIFF for one slide, folder for those of a folder.
        normaliser: Of the target.
        findings: Gets what was met.
        level: Of the slides, the one to write as the finest.
        compression: A name of :data:`~cellweave.slides.COMPRESSIONS`.
        together: Learn the colours of all slides at once.
        overwrite: Replace what is in ``out``.
        progress: Called after every tile.

    Raises:
        CellweaveError: A slide cannot be read or has no such level, or the output cannot be written.
    """
    if compression not in COMPRESSIONS:
        raise InvalidInputError(f"there is no compression {compression!r}; there are {', '.join(COMPRESSIONS)}.")
    run = _Run(normaliser, slides, findings, level, compression, progress)
    if source.is_dir():
        own = frozenset(f"{path.stem}.tif" for path in slides)
        with atomic_folder(apart(out, source), overwrite=overwrite, own=own) as folder:
            run.write([folder / f"{path.stem}.tif" for path in slides], together=together)
    else:
        if out.suffix.lower() not in _TIFF_SUFFIXES:
            raise OutputError(f"{out} must end in .tif or .tiff; a normalised slide is written as a pyramidal TIFF.")
        refuse_file_place(out, source, overwrite=overwrite)
        run.write([out], together=together)


@dataclass(slots=True, eq=False)
class _Run:
    """A normaliser at work on some slides."""

    normaliser: StainNormaliser
    slides: Sequence[Path]
    findings: Findings
    level: int
    compression: str
    progress: Progress
    _tiles: int = 0
    _done: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.slides:  # what cannot be read is told before any work is done
            with Slide(path) as slide:
                self._tiles += sum(1 for _ in tiles_of(slide.level(self.level).shape))

    def write(self, places: Sequence[Path], *, together: bool) -> None:
        """Write every slide to its place."""
        colours: Colours | None = None
        for path, place in zip(self.slides, places, strict=True):
            with atomic_file(place) as temporary:
                if colours is None or not together:
                    colours = self._learn(self.slides if together else [path])
                self._write(path, temporary, colours)

    def _learn(self, paths: Sequence[Path]) -> Colours:
        sampler = TissueSampler(self.normaliser.seed)
        for number, path in enumerate(paths):
            with Slide(path) as slide:
                tiles = list(tiles_of(slide.level(self.level).shape))
                with closing(in_order(partial(slide.read, level=self.level), tiles)) as read:
                    for tile, pixels in zip(tiles, read, strict=True):
                        sampler.add(pixels, at=(tile.row, tile.column), image=number)
                        self._tell("learning the colours", path)
        return self.normaliser.learn(sampler.sample())

    def _write(self, path: Path, place: Path, colours: Colours) -> None:
        with Slide(path) as slide:
            level = slide.level(self.level)

            def changed(tile: Tile) -> RgbImage:
                return self.normaliser.transform(slide.read(tile, level=self.level), colours)

            with closing(in_order(changed, tiles_of(level.shape))) as tiles:
                write_pyramid(
                    place,
                    self._told(tiles, path),
                    shape=level.shape,
                    mpp=level.mpp,
                    compression=self.compression,
                    description=f"stains normalised by cellweave ({self.normaliser.method})",
                )
            self.findings.note(path.stem, colours)
            if level.mpp is None:
                self.findings.note_without_mpp(path.stem)
            if self.findings.has_room:
                with Slide(place) as written:
                    self.findings.show(slide.thumbnail(_THUMBNAIL_PX), written.thumbnail(_THUMBNAIL_PX))

    def _told(self, tiles: Iterable[RgbImage], path: Path) -> Iterator[RgbImage]:
        for pixels in tiles:
            yield pixels
            self._tell("normalising stains", path)

    def _tell(self, stage: str, path: Path) -> None:
        self._done[stage] = self._done.get(stage, 0) + 1
        self.progress(stage, self._done[stage], self._tiles, path.name)
