"""ccRCC grading: H&E of clear cell renal cell carcinoma, nuclei as masks with three grades and endothelium.

512 × 512 images as PNG and annotations as MATLAB files of the same name, in folders of training (700), validation (100)
and test images (200). A MATLAB file holds ``instance_map`` (the number of the nucleus at every pixel, 0 outside),
``class_map`` (1 to 3 tumour nuclei of that grade, 4 endothelial nuclei) and ``TCGA_file_name`` (the slide). The class
of a nucleus is that of most of its pixels.

Relied on: the README of the authors' release as RCCNucSeg (keys, codes, colours, licence, size of the splits). It does
not name the folders, so any is taken whose path has a part such as train, val or test; images and annotations may lie
together or in folders of their own. It states no scale.
Source: Gao et al. 2021, "Nuclei grading of clear cell renal cell carcinoma in histopathological image by composite
high-resolution network" (MICCAI).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, DatasetError
from cellweave.data.dataset import CellClass
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.array_files import read_mat
from cellweave.data.readers.image_facts import check_mpp
from cellweave.data.readers.instance_masks import Nuclei, labels_of, require_size
from cellweave.data.readers.released_files import distinct_names, files_below, note_missing_splits, paired, split_of

# The release draws endothelium blue and the grades green, yellow and red.
CLASSES = (
    CellClass("grade 1", "#009e73"),
    CellClass("grade 2", "#f0e442"),
    CellClass("grade 3", "#d55e00"),
    CellClass("endothelial", "#0072b2"),
)
LABELS = {1: 0, 2: 1, 3: 2, 4: 3}

_PATIENT = re.compile(r"TCGA-\w{2}-\w{4}")


def read_ccrcc(source: Path, *, mpp: float | None = None) -> AnnotatedSource:
    """Read the images of every split that the folder holds; groups are the patients that the annotations name.

    Args:
        source: Folder that holds the folders of the splits.
        mpp: µm per pixel; unknown when None, because the release states none.

    Raises:
        DatasetError: The folder lacks the release's layout, an image its annotation or an annotation its image; or
            (when its image is read) an annotation is damaged, does not fit or names no slide.
        InvalidInputError: ``mpp`` is not a positive number.
    """
    mpp = check_mpp(mpp)
    images, masks = files_below(source, ".png"), files_below(source, ".mat")
    if not images and not masks:
        raise DatasetError(f"{source} holds no .png images and no .mat annotations; give the folder of the splits.")
    pairs = [
        (image, mask, split_of(image, source))
        for image, mask in paired(images, masks, lambda path: (split_of(path, source), path.stem))
    ]
    return AnnotatedSource(
        name="ccRCC grading",
        classes=CLASSES,
        licence="Apache-2.0, for research purposes only (README of the release)",
        origin="ccRCC grading (RCCNucSeg), Gao et al., MICCAI 2021 (H&E of TCGA kidney slides)",
        total=len(pairs),
        images=_read_images(pairs, distinct_names([image for image, *_ in pairs], source), mpp),
        notes=tuple(note_missing_splits([split for *_, split in pairs])),
    )


def _read_images(
    pairs: Sequence[tuple[Path, Path, str]], names: Sequence[str], mpp: float | None
) -> Iterator[ImportedImage]:
    classes = tuple(one.name for one in CLASSES)
    for (image, file, split), name in zip(pairs, names, strict=True):
        arrays = read_mat(file, ["instance_map", "class_map", "TCGA_file_name"])
        nuclei = Nuclei.of(arrays["instance_map"], file=file)
        shape = image_size(image)
        require_size(nuclei.shape, shape, file=file, image=image)
        indices = labels_of(nuclei.codes_of(arrays["class_map"]), LABELS, file=file)
        cells = Cells(nuclei.xy, indices, classes=classes, shape=shape, mpp=mpp)
        mask = nuclei.semantic_mask(indices)
        yield ImportedImage(name, cells, image, split, _patient(arrays["TCGA_file_name"], file), mask=mask)


def _patient(slide: npt.NDArray[Any], file: Path) -> str:
    """Return the patient of a slide's name, which MATLAB keeps as text or as text in a cell."""
    text: Any = slide
    while isinstance(text, np.ndarray) and text.size:
        text = text.reshape(-1)[0]
    found = _PATIENT.search(str(text))
    if found is None:
        raise DatasetError(f"{file}: TCGA_file_name is {str(text)!r}, without a patient's code as in TCGA-A7-A0DA.")
    return found.group()
