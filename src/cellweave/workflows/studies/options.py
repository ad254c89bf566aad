"""What a user chooses of a study: options of all studies, and those of localisers, layout models and image models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from cellweave.core.progress import Progress, silent
from cellweave.workflows.studies.budget import StudyBudget
from cellweave.workflows.studies.seeds import require_seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOptions:
    """What is the same in all studies.

    Attributes:
        data: Data set.
        out: Folder of the study.
        seeds: Of everything random; every arm is run with each.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Throw away what is in ``out`` of another study, or of this one.
        progress: Called as work goes on.

    Raises:
        InvalidInputError: The seeds cannot be used.
    """

    data: str | os.PathLike[str]
    out: str | os.PathLike[str]
    seeds: Sequence[int] = (0, 1, 2)
    device: str = "auto"
    overwrite: bool = False
    progress: Progress = silent

    def __post_init__(self) -> None:
        require_seeds(self.seeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStudyOptions(StudyOptions):
    """What is the same in studies of localisers and of layout models, each of whose arms is trained.

    The training split of the data is learnt from, and what is learnt is compared with it, by folds of whole patients
    or slides.

    Attributes:
        steps: Of every network.
        folds: Into which the training split is divided.
        use_folds: Of which so many are held out in turn; one network each, for every arm and seed.
        arms: Names of the arms to run; all when None. Tables show all that have results.
        recipe: Shipped recipe, or path of a YAML file, that all arms start from.
        changes: Changes of the recipe for all arms, each ``a.b=value``.

    Raises:
        InvalidInputError: The seeds cannot be used, or the numbers of steps or folds make no sense.
    """

    steps: int
    folds: int = 5
    use_folds: int = 1
    arms: Sequence[str] | None = None
    recipe: str = "default"
    changes: Sequence[str] = ()

    def __post_init__(self) -> None:
        StudyOptions.__post_init__(self)  # super() does not know classes that are made anew for their slots
        StudyBudget(self.steps, self.folds, self.use_folds)

    @property
    def budget(self) -> StudyBudget:
        """Steps and folds."""
        return StudyBudget(self.steps, self.folds, self.use_folds)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatorStudyOptions(TrainingStudyOptions):
    """What is the same in all studies of localisers.

    Attributes:
        radii_px: Within which a cell counts as found, in pixels at the scale of the networks.
        protocol: Scoring protocol of the Markdown tables and figures; the other files have all.
    """

    radii_px: Sequence[float] = (5, 6, 10)
    protocol: str = "matching"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutStudyOptions(TrainingStudyOptions):
    """What is the same in all studies of layout models.

    Attributes:
        folds: Two give both sides of every comparison equally many layouts.
        count: Layouts that every model draws; a multiple of the counting categories of all arms.
    """

    folds: int = 2
    count: int = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStudyOptions(StudyOptions):
    """What is the same in all studies of image models.

    The layouts or masks of the data are painted, and its images are compared with.

    Attributes:
        count: Patches that every arm paints, or areas of a fold of the study of magnification; None takes as many as
            there are, up to 256, or 64.
        side: Of a patch, in pixels; None: a training crop rounded up to whole squares of 32 µm.
        encoder: What KID, FID and IS are measured with: see :func:`cellweave.encoders.patch_encoder`.
        locator: What F1 is measured with; None: the shipped one, if it finds the classes of the data; ``none``: not.
    """

    count: int | None = None
    side: int | None = None
    encoder: str | os.PathLike[str] = "in-domain"
    locator: str | None = None
