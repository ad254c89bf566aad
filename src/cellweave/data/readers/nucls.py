"""NuCLS: H&E of breast cancer with boxes or points of nuclei, in two layouts.

*The release*: ``rgb/FOV.png`` and ``csv/FOV.csv``, a row a nucleus with the columns ``raw_classification``,
``main_classification``, ``super_classification``, ``xmin``, ``ymin``, ``xmax`` and ``ymax``, in pixels of 0.2 µm. A
nucleus lies at the centre of its box. ``train_test_splits/fold_N_{train,test}.csv`` list the slides of five folds.

*Points*: ``{train,test}/images/NAME.png``, ``{train,test}/labels/NAME.csv`` with rows ``x,y,code`` of whole pixels
counted from 0 and no header, and ``label_map.yaml`` with the name of every code; the layout in which some tools
distribute samples of NuCLS. It does not give the scale.

Source: Amgad et al. 2022, "NuCLS: a scalable crowdsourcing approach and dataset for nucleus classification and
segmentation in breast cancer" (GigaScience); https://sites.google.com/view/nucls/data-format
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from cellweave.core import DatasetError, InvalidInputError
from cellweave.data.readers.annotated_source import AnnotatedSource
from cellweave.data.readers.nucls_boxes import read_released_nucls
from cellweave.data.readers.nucls_points import read_nucls_points

Level = Literal["super", "main"]
"""Which classification of the release: four classes, or seven finer ones."""


def read_nucls(
    source: Path, *, level: Level | None = None, fold: int | None = None, mpp: float | None = None
) -> AnnotatedSource:
    """Read either layout, whichever the folder has.

    Args:
        source: Folder that holds ``rgb`` and ``csv``, or ``label_map.yaml``.
        level: Classification to read, of the release only: ``super`` (the default; tumor_any, nonTIL_stromal, sTIL,
            other_nucleus) or the finer ``main``. Nuclei called AMBIGUOUS have no class.
        fold: Fold of the release, 1 to 5, whose slides for testing become the test split; without it every image is of
            the training split. Validation images are left to choose.
        mpp: µm per pixel, of points only; unknown when None.

    Raises:
        DatasetError: The folder has neither layout, lacks the lists of the fold, or an image lacks its annotations.
        TableError: A table is damaged, or (when its image is read) a nucleus lies outside the image.
        InvalidInputError: An option does not fit the layout.
    """
    if (source / "csv").is_dir() and (source / "rgb").is_dir():
        if mpp is not None:
            raise InvalidInputError(f"mpp {mpp:g} is given, but the images of {source} have 0.2; leave it out.")
        level = level or "super"
        if level not in get_args(Level):
            raise InvalidInputError(f"levels are {' and '.join(get_args(Level))}, got {level!r}.")
        return read_released_nucls(source, level=level, fold=fold)
    if (source / "label_map.yaml").is_file():
        given = [name for name, value in (("level", level), ("fold", fold)) if value is not None]
        if given:
            raise InvalidInputError(
                f"{given[0]} is for the released layout of NuCLS, which {source} has not; leave it out."
            )
        return read_nucls_points(source, mpp=mpp)
    raise DatasetError(
        f"{source} is not NuCLS; give the folder that holds rgb/ and csv/, or label_map.yaml with train/ and test/."
    )
