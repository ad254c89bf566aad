"""CoNSeP: H&E of colorectal adenocarcinoma at 40x, nuclei as masks with seven classes.

``Train/Images/train_1.png`` with ``Train/Labels/train_1.mat``, and ``Test`` likewise; ``Overlay`` is not looked at. A
MATLAB file holds ``inst_map`` (1000 × 1000, the number of the nucleus at every pixel, 0 outside), ``type_map`` (the
class code at every pixel), and ``inst_type`` and ``inst_centroid``, which are not needed: the class of a nucleus is
that of most of its pixels.

Relied on: the release's README (keys, class codes, merged classes) and public loaders of HoVer-Net and eva (folders,
0.25 µm per pixel, licence).
Source: Graham et al. 2019, "HoVer-Net: Simultaneous segmentation and classification of nuclei in multi-tissue histology
images" (Medical Image Analysis).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cellweave.core import Cells, DatasetError
from cellweave.data.dataset import CellClass
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.array_files import read_mat
from cellweave.data.readers.instance_masks import Nuclei, labels_of, require_size
from cellweave.data.readers.released_files import files_below, note_missing_splits, paired, split_of

# From the palette of Okabe and Ito: apart from one another for colour-blind eyes, and from H&E.
MERGED = (
    CellClass("other", "#cc79a7"),
    CellClass("inflammatory", "#f0e442"),
    CellClass("epithelial", "#d55e00"),
    CellClass("spindle", "#56b4e9"),
)
MERGED_LABELS = {1: 0, 2: 1, 3: 2, 4: 2, 5: 3, 6: 3, 7: 3}
ALL = (
    CellClass("other", "#cc79a7"),
    CellClass("inflammatory", "#f0e442"),
    CellClass("healthy epithelial", "#e69f00"),
    CellClass("malignant epithelial", "#d55e00"),
    CellClass("fibroblast", "#56b4e9"),
    CellClass("muscle", "#0072b2"),
    CellClass("endothelial", "#009e73"),
)
ALL_LABELS = {code: code - 1 for code in range(1, 8)}
MPP = 0.25


def read_consep(source: Path, *, all_classes: bool = False) -> AnnotatedSource:
    """Read the training and test images; the release does not say which patient an image is of.

    Args:
        source: Folder that holds ``Train`` and ``Test``.
        all_classes: Keep the seven classes of the release. Otherwise healthy and malignant epithelial nuclei are one
            class, and fibroblasts, muscle and endothelial nuclei another (spindle), as in HoVer-Net.

    Raises:
        DatasetError: The folder lacks the release's layout, an image its mask or a mask its image; or (when its image
            is read) a mask is damaged or does not fit.
    """
    images = [path for path in files_below(source, ".png") if path.parent.name == "Images"]
    masks = [path for path in files_below(source, ".mat") if path.parent.name == "Labels"]
    if not images and not masks:
        raise DatasetError(
            f"{source} is not CoNSeP in its released layout; give the folder of Train/Images/ and Train/Labels/."
        )
    pairs = [
        (image, mask, split_of(image, source))
        for image, mask in paired(images, masks, lambda path: (path.parent.parent, path.stem))
    ]
    classes, labels = (ALL, ALL_LABELS) if all_classes else (MERGED, MERGED_LABELS)
    return AnnotatedSource(
        name="CoNSeP",
        classes=classes,
        licence="Apache-2.0",
        origin="CoNSeP, Graham et al., Medical Image Analysis 2019 (H&E of colorectal adenocarcinoma at 40x)",
        total=len(pairs),
        images=_read_images(pairs, classes, labels),
        notes=tuple(note_missing_splits([split for *_, split in pairs], ("training", "test"))),
    )


def _read_images(
    pairs: Sequence[tuple[Path, Path, str]], classes: tuple[CellClass, ...], labels: Mapping[int, int]
) -> Iterator[ImportedImage]:
    names = tuple(one.name for one in classes)
    for image, file, split in pairs:
        arrays = read_mat(file, ["inst_map", "type_map"])
        nuclei = Nuclei.of(arrays["inst_map"], file=file)
        shape = image_size(image)
        require_size(nuclei.shape, shape, file=file, image=image)
        indices = labels_of(nuclei.codes_of(arrays["type_map"]), labels, file=file)
        cells = Cells(nuclei.xy, indices, classes=names, shape=shape, mpp=MPP)
        mask = nuclei.semantic_mask(indices)
        yield ImportedImage(image.stem, cells, image, split, image.stem, mask=mask)
