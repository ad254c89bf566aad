"""Lizard: H&E of colon at 20x, nuclei as masks with six classes.

``Lizard_Images1/*.png``, ``Lizard_Images2/*.png``, ``Lizard_Labels/Labels/*.mat`` and ``Lizard_Labels/info.csv``, in
folders of their own or as the three archives unpack them. A MATLAB file holds ``inst_map`` (the number of the nucleus
at every pixel, 0 outside), ``id`` and ``class`` (number and class code of every nucleus, in the same order), and
``bbox`` and ``centroid``, which are not needed. ``info.csv`` has the columns Filename, Source and Split, 1 to 3:
three folds for cross-validation, here training, validation and test.

Relied on: the release's README and several public loaders (torch_em among them, which names the folds as here). The
README calls class 5 neutrophil a second time; it is eosinophil, as in CoNIC, which was cut from this data set.
Source: Graham et al. 2021, "Lizard: A large-scale dataset for colonic nuclear instance segmentation and classification"
(ICCV workshops), which gives 20x, about 0.5 µm per pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cellweave.core import Cells, DatasetError, TableError
from cellweave.data.dataset import CellClass
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.array_files import read_mat
from cellweave.data.readers.instance_masks import Nuclei, labels_of, require_size
from cellweave.data.readers.released_files import files_below, note_missing_splits, paired
from cellweave.data.tables import read_csv_text, require_unique_columns
from cellweave.data.wording import listing

# Six of the palette of Okabe and Ito: apart from one another for colour-blind eyes, and from H&E.
CLASSES = (
    CellClass("neutrophil", "#e69f00"),
    CellClass("epithelial", "#d55e00"),
    CellClass("lymphocyte", "#f0e442"),
    CellClass("plasma", "#56b4e9"),
    CellClass("eosinophil", "#cc79a7"),
    CellClass("connective", "#009e73"),
)
LABELS = {code: code - 1 for code in range(1, 7)}
FOLDS = {"1": "training", "2": "validation", "3": "test"}
MPP = 0.5
_COLUMNS = ("Filename", "Split")


def read_lizard(source: Path) -> AnnotatedSource:
    """Read the images whose masks are there; the release does not say which patient an image is of.

    Raises:
        DatasetError: The folder lacks the release's layout, an image its mask or a mask its image; or (when its image
            is read) a mask is damaged or does not fit.
        TableError: ``info.csv`` lacks a column or an image, or has an unknown fold.
    """
    masks = [path for path in files_below(source, ".mat") if path.parent.name == "Labels"]
    tables = [path for path in files_below(source, ".csv") if path.name == "info.csv"]
    if not masks or len(tables) != 1:
        raise DatasetError(
            f"{source} is not Lizard in its released layout: it needs Lizard_Images1/, Lizard_Images2/, "
            f"Lizard_Labels/Labels/ and one Lizard_Labels/info.csv (found {len(masks)} masks, {len(tables)} tables)."
        )
    folds = _read_folds(tables[0])
    images = [path for path in files_below(source, ".png") if "overlay" not in path.parent.name.lower()]
    pairs = paired(images, masks, lambda path: path.stem)
    missing = [image.name for image, _ in pairs if image.stem not in folds]
    if missing:
        raise TableError(f"{tables[0]} does not name {listing(missing, 'image')}; copy it from the release again.")
    notes = note_missing_splits([folds[image.stem] for image, _ in pairs])
    absent = sorted(set(folds) - {image.stem for image, _ in pairs})
    if absent:
        notes.append(f"Not there, though info.csv names them: {listing(absent, 'image')}.")
    return AnnotatedSource(
        name="Lizard",
        classes=CLASSES,
        licence="CC BY-NC-SA 4.0",
        origin="Lizard, Graham et al., ICCV workshops 2021 (H&E of colon at 20x)",
        total=len(pairs),
        images=_read_images(pairs, folds),
        notes=tuple(notes),
    )


def _read_folds(path: Path) -> dict[str, str]:
    table = read_csv_text(path, expected=f"copy it from the release: it has the columns {', '.join(_COLUMNS)}")
    require_unique_columns(list(table.columns), _COLUMNS, path)
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise TableError(f"{path} lacks the column {missing[0]}; copy it from the release again.")
    folds: dict[str, str] = {}
    for name, fold in zip(table["Filename"], table["Split"], strict=True):
        if str(fold) not in FOLDS:
            raise TableError(f"{path}: image {name!r} has Split {fold!r}; the folds are {', '.join(FOLDS)}.")
        folds[str(name).removesuffix(".png")] = FOLDS[str(fold)]
    return folds


def _read_images(pairs: Sequence[tuple[Path, Path]], folds: Mapping[str, str]) -> Iterator[ImportedImage]:
    names = tuple(one.name for one in CLASSES)
    for image, file in pairs:
        arrays = read_mat(file, ["inst_map", "id", "class"])
        nuclei = Nuclei.of(arrays["inst_map"], file=file)
        shape = image_size(image)
        require_size(nuclei.shape, shape, file=file, image=image)
        labels = labels_of(nuclei.codes_from(arrays["id"], arrays["class"]), LABELS, file=file)
        cells = Cells(nuclei.xy, labels, classes=names, shape=shape, mpp=MPP)
        mask = nuclei.semantic_mask(labels)
        yield ImportedImage(image.stem, cells, image, folds[image.stem], image.stem, mask=mask)
