"""QuPath GeoJSON exports: one ``.geojson`` an image, of the same name as the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cellweave.core import Cells, DatasetError
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.classes import classes_of
from cellweave.data.readers.image_facts import ImageFacts, check_mpp, note_unlisted, read_image_facts
from cellweave.data.readers.image_folder import ImageFolder
from cellweave.data.readers.placing import label_indices, place_inside
from cellweave.data.readers.qupath_objects import QuPathObject, read_objects
from cellweave.data.wording import counted, listing


def read_qupath_geojson(
    source: Path,
    *,
    images: Path | None = None,
    image_table: Path | None = None,
    classes: Sequence[str] | None = None,
    mpp: float | None = None,
) -> AnnotatedSource:
    """Read the images that have a ``.geojson`` of the same name; QuPath's frame is ours, so nothing is shifted.

    Points are cells. Outlines of cells and detections are cells too, placed by the centroid of the nucleus where there
    is one, or else of the outline. Outlines drawn as annotations are cells only in sources that hold nothing else:
    beside points or detections they are regions, and are left out and noted. Unclassified cells have no class.

    Args:
        source: Folder of ``.geojson`` files.
        images: Folder of the images; ``source`` when None.
        image_table: CSV or Parquet with the column image and any of split, group, mpp; without it every image is of
            the training split and its own group, as are those that it does not name (noted).
        classes: The classes to expect, in label order; all that occur, sorted by name, when None.
        mpp: µm per pixel of the images that the table gives none for; unknown when None.

    Raises:
        DatasetError: The folder does not exist or holds no such file.
        TableError: A file or the table is damaged, or names an image that is not there.
    """
    mpp = check_mpp(mpp)
    files = sorted(source.glob("*.geojson")) if source.is_dir() else []
    if not files:
        found = "holds no .geojson files" if source.is_dir() else "is not a folder"
        raise DatasetError(f"{source} {found}; give the folder of QuPath's exports, one .geojson an image.")
    folder = ImageFolder(images or source)
    facts = {} if image_table is None else read_image_facts(image_table, folder, mpp=mpp)
    annotations = [(path, folder.find(path.stem, file=path), read_objects(path)) for path in files]
    annotations, notes = _without_regions(annotations)
    every = [one for _, _, objects in annotations for one in objects]
    found_classes = classes_of(
        (one.label for one in every),
        given=classes,
        colours={one.label: one.colour for one in reversed(every) if one.label and one.colour},
    )
    names = tuple(one.name for one in found_classes)
    if image_table is not None:
        notes += note_unlisted(facts, (image for _, image, _ in annotations), image_table)
    unannotated = sorted({path.name for path in folder.all()} - {image.name for _, image, _ in annotations})
    if unannotated:
        notes.append(f"Left out, because they have no .geojson: {listing(unannotated, 'image')}.")

    def read_images() -> Iterator[ImportedImage]:
        for path, image, objects in annotations:
            about = facts.get(image, ImageFacts(mpp=mpp))
            cells, clipped = _to_cells(objects, image, path, names, about.mpp)
            yield ImportedImage(image.stem, cells, image, about.split, about.group or image.stem, clipped)

    return AnnotatedSource(
        name=source.resolve().name,
        classes=found_classes,
        licence="not stated",
        origin=f"QuPath GeoJSON, {counted(len(files), 'file')}",
        total=len(files),
        images=read_images(),
        notes=tuple(notes),
    )


Annotation = tuple[Path, Path, list[QuPathObject]]
"""An annotation file, its image and its objects."""


def _without_regions(annotations: list[Annotation]) -> tuple[list[Annotation], list[str]]:
    """Leave out outlines drawn as annotations, unless nothing else was drawn anywhere."""

    def is_region(one: QuPathObject) -> bool:
        return one.outlined and one.kind == "annotation"

    regions = sum(is_region(one) for _, _, objects in annotations for one in objects)
    if regions == 0 or regions == sum(len(objects) for _, _, objects in annotations):
        return annotations, []
    kept = [(path, image, [one for one in objects if not is_region(one)]) for path, image, objects in annotations]
    return kept, [
        f"Left out, because they are taken for regions: {counted(regions, 'annotation')} drawn as an outline."
    ]


def _to_cells(
    objects: list[QuPathObject], image: Path, path: Path, classes: tuple[str, ...], mpp: float | None
) -> tuple[Cells, int]:
    shape = image_size(image)
    rows = [one.row for one in objects]
    xy, clipped = place_inside([one.xy for one in objects], shape, file=path, rows=rows)
    labels = label_indices([one.label for one in objects], classes, file=path, rows=rows)
    return Cells(xy, labels, classes=classes, shape=shape, mpp=mpp), clipped
