"""COCO instances: one JSON file of images, annotations and categories, beside a folder of the images.

An annotation becomes one cell, placed by its only visible keypoint, or else by the centroid of its polygons, or else by
the centre of its box. COCO counts from the corner of the image, as :class:`cellweave.core.Cells` do, so nothing is
shifted. Categories are classes.

Source: https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cellweave.core import Cells, DatasetError
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.classes import classes_of
from cellweave.data.readers.coco_file import CocoFile, CocoImage, read_coco_file
from cellweave.data.readers.image_facts import ImageFacts, check_mpp, note_unlisted, read_image_facts
from cellweave.data.readers.image_folder import ImageFolder
from cellweave.data.readers.placing import label_indices, place_inside
from cellweave.data.wording import counted, listing


def read_coco(
    source: Path,
    *,
    images: Path | None = None,
    image_table: Path | None = None,
    classes: Sequence[str] | None = None,
    mpp: float | None = None,
) -> AnnotatedSource:
    """Read the images that a COCO file names, with their annotations; crowds are left out and noted.

    Args:
        source: The JSON file.
        images: Folder that the file names of the images are relative to; the file's own when None.
        image_table: CSV or Parquet with the column image and any of split, group, mpp. Without it these are what
            :func:`cellweave.data.writers.write_coco` has stored, and in files of other programs every image is of the
            training split and its own group.
        classes: The classes to expect, in label order; the categories, in the order of their ids, when None.
        mpp: µm per pixel of the images that nothing else gives one for; unknown when None.

    Raises:
        TableError: The file or the table is damaged, or an image is not there.
        DatasetError: The folder of the images does not exist, or (when it is read) an image has another size.
        InvalidInputError: ``mpp`` or ``classes`` make no sense.
    """
    mpp = check_mpp(mpp)
    content = read_coco_file(source)
    folder = ImageFolder(images or source.parent)
    files = {one.id: folder.find(one.file_name, file=source) for one in content.images}
    notes = []
    if content.crowds:
        notes.append(f"Left out, because they stand for many cells at once: {counted(content.crowds, 'crowd')}.")
    facts = {files[one.id]: _stored_facts(one, mpp) for one in content.images}
    if image_table is not None:
        said = read_image_facts(image_table, folder, mpp=mpp)
        notes += note_unlisted(said, files.values(), image_table)
        facts = {file: said.get(file, ImageFacts(mpp=mpp)) for file in facts}
    annotated = {path.name for path in files.values() if path.parent == folder.root}
    unlisted = [path.name for path in folder.all() if path.name not in annotated]
    if unlisted:
        notes.append(f"Left out, because the file does not name them: {listing(unlisted, 'image')}.")
    found = classes_of((), given=list(content.classes) if classes is None else classes, colours=content.colours)
    names = tuple(one.name for one in found)
    return AnnotatedSource(
        name=source.stem,
        classes=found,
        licence=content.licence or "not stated",
        origin=f"COCO annotations of {source.name}",
        total=len(content.images),
        images=_read_images(content, files, facts, names, source),
        notes=tuple(notes),
    )


def _stored_facts(image: CocoImage, mpp: float | None) -> ImageFacts:
    scale = mpp if image.mpp is None else image.mpp
    return ImageFacts(split=image.split or "training", group=image.group, mpp=scale)


def _read_images(
    content: CocoFile, files: dict[int, Path], facts: dict[Path, ImageFacts], names: tuple[str, ...], source: Path
) -> Iterator[ImportedImage]:
    for one in content.images:
        file = files[one.id]
        about = facts[file]
        shape = image_size(file)
        if one.shape is not None and one.shape != shape:
            raise DatasetError(
                f"{source}: image {one.file_name!r} is {one.shape[1]}×{one.shape[0]} (width×height), but {file} is "
                f"{shape[1]}×{shape[0]}; give the images that were annotated."
            )
        annotations = content.annotations.get(one.id, [])
        rows = [annotation.row for annotation in annotations]
        xy, clipped = place_inside([annotation.xy for annotation in annotations], shape, file=source, rows=rows)
        labels = label_indices([annotation.label for annotation in annotations], names, file=source, rows=rows)
        cells = Cells(xy, labels, classes=names, shape=shape, mpp=about.mpp)
        name = _name(one.file_name)
        yield ImportedImage(name, cells, file, about.split, about.group or name, clipped)


def _name(file_name: str) -> str:
    path = Path(file_name)
    return "-".join([*path.parent.parts, path.stem])
