"""What a COCO file holds, checked part by part."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon

from cellweave.core import TableError
from cellweave.data.dataset import SPLITS

EXTENSION = "cellweave"
"""Key of what the format itself has no place for, in images (split, group, mpp) and categories (unlabelled)."""

FARTHEST_PX = 1e9
"""No image is as large; integers of JSON know no bound."""

_EXPECTED = "a COCO file of instances is a JSON object with the lists images, annotations and categories"


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One image of the file.

    Attributes:
        id: Its id in the file.
        file_name: Its file, relative to the folder of the images.
        shape: Height and width, in pixels; None where not given.
        split: training, validation or test; None where not stored.
        group: Patient or slide; None where not stored.
        mpp: µm per pixel; None where not stored or unknown.
    """

    id: int
    file_name: str
    shape: tuple[int, int] | None
    split: str | None
    group: str | None
    mpp: float | None


@dataclass(frozen=True, slots=True)
class CocoAnnotation:
    """One annotation, reduced to a point.

    Attributes:
        row: What messages call it.
        xy: Its place, in pixels.
        label: Name of its class; None where it has none.
    """

    row: str
    xy: tuple[float, float]
    label: str | None


@dataclass(frozen=True, slots=True)
class CocoFile:
    """A COCO file.

    Attributes:
        images: Its images, in the order of the file.
        annotations: Annotations of every image that has some, by the image's id.
        classes: Names of the categories, in the order of their ids.
        colours: ``#rrggbb`` of the categories that have one.
        licence: Name of the only licence; None where there are none or several.
        crowds: Number of annotations left out, because each stands for many objects.
    """

    images: tuple[CocoImage, ...]
    annotations: Mapping[int, list[CocoAnnotation]]
    classes: tuple[str, ...]
    colours: Mapping[str, str]
    licence: str | None
    crowds: int


def read_coco_file(path: Path) -> CocoFile:
    """Read a file and check every part that is used.

    Raises:
        TableError: The file is missing, no JSON or no COCO, or a part of it is damaged; the message names the part.
    """
    content = _read_json(path)
    lists = {key: _list(content, key, path) for key in ("images", "annotations", "categories")}
    images = tuple(_image(part, f"{path}: images[{i}]") for i, part in enumerate(lists["images"]))
    categories = {}
    for i, part in enumerate(lists["categories"]):
        where = f"{path}: categories[{i}]"
        categories[_whole(part, "id", where)] = _category(part, where)
    _require_distinct([one.id for one in images], "images", path)
    _require_distinct([one.file_name for one in images], "images", path)
    _require_distinct([part["id"] for part in lists["categories"]], "categories", path)
    _require_distinct([name for name, _ in categories.values() if name], "categories", path)
    annotations: dict[int, list[CocoAnnotation]] = {}
    known = {one.id for one in images}
    crowds = 0
    for i, part in enumerate(lists["annotations"]):
        where = f"{path}: annotations[{i}]"
        image = _whole(part, "image_id", where)
        category = _whole(part, "category_id", where)
        for key, value, there in (("image_id", image, known), ("category_id", category, categories.keys())):
            if value not in there:
                raise TableError(f"{where}: {key} {value} is not among those of the file; export it again.")
        if part.get("iscrowd"):
            crowds += 1
            continue
        one = CocoAnnotation(f"annotations[{i}]", _place(part, where), categories[category][0])
        annotations.setdefault(image, []).append(one)
    ordered = [categories[key] for key in sorted(categories)]
    licences = content.get("licenses")
    only = licences[0] if isinstance(licences, list) and len(licences) == 1 else None
    return CocoFile(
        images=images,
        annotations=annotations,
        classes=tuple(name for name, _ in ordered if name is not None),
        colours={name: colour for name, colour in ordered if name is not None and colour is not None},
        licence=str(only["name"]) if isinstance(only, dict) and only.get("name") else None,
        crowds=crowds,
    )


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise TableError(f"{path} {'is a folder' if path.is_dir() else 'does not exist'}; give a file: {_EXPECTED}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise TableError(f"{path} is not valid JSON in UTF-8 ({reason}); {_EXPECTED}.") from error
    if not isinstance(content, dict):
        raise TableError(f"{path} is a JSON {type(content).__name__}; {_EXPECTED}.")
    return content


def _list(content: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    parts = content.get(key)
    if not isinstance(parts, list):
        raise TableError(f"{path} has no list {key!r}; {_EXPECTED}.")
    for i, part in enumerate(parts):
        if not isinstance(part, dict):
            raise TableError(f"{path}: {key}[{i}] is no object; {_EXPECTED}.")
    return parts


def _image(part: dict[str, Any], where: str) -> CocoImage:
    file_name = part.get("file_name")
    if not isinstance(file_name, str) or not file_name:
        raise TableError(f"{where}: file_name is {file_name!r}; it is the file of the image.")
    sides = [part.get(key) for key in ("height", "width")]
    shape = None if None in sides else (_whole(part, "height", where), _whole(part, "width", where))
    stored = part.get(EXTENSION, {})
    if not isinstance(stored, dict):
        raise TableError(f"{where}: {EXTENSION} is {stored!r}, not an object; export the file again.")
    split, group, mpp = (stored.get(key) for key in ("split", "group", "mpp"))
    if split is not None and split not in SPLITS:
        raise TableError(f"{where}: split is {split!r}; the splits are {', '.join(SPLITS)}.")
    if mpp is not None and not (_is_number(mpp) and mpp > 0):
        raise TableError(f"{where}: mpp is {mpp!r}, not a positive number of µm per pixel.")
    return CocoImage(
        _whole(part, "id", where),
        file_name,
        shape,
        split,
        None if group is None else str(group),
        None if mpp is None else float(mpp),
    )


def _category(part: dict[str, Any], where: str) -> tuple[str | None, str | None]:
    """Return name and colour; the name is None for the category of cells without a class."""
    stored = part.get(EXTENSION)
    if isinstance(stored, dict) and stored.get("unlabelled") is True:
        return None, None
    name, colour = part.get("name"), part.get("color")
    if not isinstance(name, str) or not name.strip():
        raise TableError(f"{where}: name is {name!r}; it is the name of a class.")
    if isinstance(colour, list) and len(colour) == 3 and all(type(one) is int and 0 <= one < 256 for one in colour):
        return name, "#{:02x}{:02x}{:02x}".format(*colour)
    return name, None


def _place(part: dict[str, Any], where: str) -> tuple[float, float]:
    keypoints, outlines, box = (part.get(key) for key in ("keypoints", "segmentation", "bbox"))
    if keypoints:
        numbers = _numbers(keypoints, where, "keypoints", multiple=3)
        seen = [tuple(numbers[i : i + 2]) for i in range(0, len(numbers), 3) if numbers[i + 2] > 0]
        if len(seen) == 1:
            return seen[0][0], seen[0][1]
    if isinstance(outlines, list) and outlines:
        return _centroid(outlines, where)
    if box:
        x, y, width, height = _numbers(box, where, "bbox", multiple=4)[:4]
        if width < 0 or height < 0:
            raise TableError(f"{where}: bbox {box} has a negative width or height; it is [x, y, width, height].")
        return x + width / 2, y + height / 2
    raise TableError(f"{where} has no keypoint, polygon or bbox that says where it is; export the file again.")


def _centroid(outlines: list[Any], where: str) -> tuple[float, float]:
    polygons = []
    for outline in outlines:
        numbers = _numbers(outline, where, "segmentation", multiple=2)
        if len(numbers) < 6:
            raise TableError(f"{where}: segmentation has a polygon of {len(numbers) // 2} points; it needs three.")
        polygons.append(Polygon(list(zip(numbers[::2], numbers[1::2], strict=True))))
    try:
        centroid = MultiPolygon(polygons).centroid
        return float(centroid.x), float(centroid.y)
    except shapely.errors.ShapelyError as error:
        raise TableError(f"{where}: segmentation has no centroid ({error}); export the file again.") from error


def _numbers(given: Any, where: str, key: str, *, multiple: int) -> list[float]:
    if not (isinstance(given, list) and given and len(given) % multiple == 0 and all(_is_number(one) for one in given)):
        shown = str(given) if len(str(given)) <= 80 else str(given)[:80] + "…"
        raise TableError(
            f"{where}: {key} is {shown}, not a list of numbers, {multiple} at a time; export the file again."
        )
    return [float(one) for one in given]


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and -FARTHEST_PX <= value <= FARTHEST_PX  # False for NaN


def _whole(part: dict[str, Any], key: str, where: str) -> int:
    value = part.get(key)
    if type(value) is not int:
        raise TableError(f"{where}: {key} is {value!r}, not a whole number; export the file again.")
    return value


def _require_distinct(values: list[Any], key: str, path: Path) -> None:
    value, count = Counter(values).most_common(1)[0] if values else (None, 0)
    if count > 1:
        raise TableError(f"{path}: {count} {key} are called {value!r}; ids and names must differ.")
