"""Scoring synthetic images: what a localiser finds in them, against their layouts, and how like real ones they are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cellweave.core import Cells, CellweaveError, DatasetError, InvalidInputError, Length
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset, RgbImage, counted
from cellweave.data.wording import some
from cellweave.encoders import patch_encoder
from cellweave.localization import Locator
from cellweave.localization.locator import FORMAT, VERSION
from cellweave.metrics import ImageColours, ImageScores, ScoringProtocol, measure_colours, score_cells, score_fidelity
from cellweave.training.model_folder import find_model_folder, read_config
from cellweave.workflows.score_image_likeness import ImageSet, LikenessComparison
from cellweave.workflows.score_output import require_place, write_scores

SPLITS_OF_LIKENESS = 40

DEFAULT_RADIUS = Length(6.0)
"""3 µm at 0.5 µm per pixel, the radius that localisers are usually scored at."""


def score_image_datasets(
    synthetic: str | os.PathLike[str],
    model: str | os.PathLike[str] = "locator-brca-m2c",
    *,
    synthetic_split: str | None = None,
    real: str | os.PathLike[str] | None = None,
    real_split: str = "validation",
    radius: Length = DEFAULT_RADIUS,
    protocol: ScoringProtocol = "greedy",
    encoder: str | os.PathLike[str] | None = None,
    likeness_split: str | None = None,
    splits: int = SPLITS_OF_LIKENESS,
    memorisation: bool = True,
    resamples: int = 1000,
    seed: int = 0,
    revision: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> ImageScores:
    """Score how faithful synthetic images are to their layouts, how like real images, and whether they are copies.

    The cells of the data set are what its images were made from. They are the truth for what is found; cells of other
    images in their place say how much of the score is chance (see :func:`cellweave.metrics.score_fidelity`), the same
    localiser on real images how much of the error is the localiser's own. An image of unknown scale is taken to have
    the localiser's.

    Args:
        synthetic: The data set of synthetic images.
        model: Localiser: folder, name of a shipped model, or ``owner/name`` on the hub.
        synthetic_split: Of the synthetic data set; all of it when None.
        real: Data set of real images; None for no comparison.
        real_split: Of the real data set.
        radius: Distance within which a cell counts as found.
        protocol: How cells are paired, see :func:`cellweave.metrics.score_cells`.
        encoder: What likeness and copies are measured with, beside real images: ``in-domain``, a folder, or a
            file, see :func:`cellweave.encoders.patch_encoder`; None: they are not measured.
        likeness_split: Of the real data set, for likeness; all of its images when None, since patients differ much.
        splits: Random divisions of the patients that likeness is averaged over, >= 2.
        memorisation: Look for copies of places in the training split of the real data set, too.
        resamples: Bootstrap resamples; 0 for no intervals.
        seed: Of the resamples, of the layouts for chance, and of likeness and copies.
        revision: Commit of a model on the hub.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32`` or ``bf16``.
        out: JSON file to write the scores to.
        overwrite: Replace ``out`` where it is there already.
        progress: Called after every image.

    Raises:
        DatasetError: A data set cannot be read, has no images or no such split, or other classes than the localiser.
        ModelFolderError: There is no such model, or it is damaged.
        InvalidInputError: An option makes no sense, or an image does not suit the localiser.
        InvalidImageError: An image cannot be read.
        OutputError: ``out`` is there already, lies in what is read, or cannot be written.
    """
    folder = find_model_folder(model, revision=revision)
    if splits < 2:
        raise InvalidInputError(f"likeness is averaged over 2 or more splits, got {splits}.")
    if out is not None:
        require_place(out, synthetic, folder, *([] if real is None else [real]), overwrite=overwrite)
    sides = [_Side.open(synthetic, "synthetic", synthetic_split)]
    if real is not None:
        sides.append(_Side.open(real, "real", real_split))
    locator = Locator.from_pretrained(folder, device=device, precision=precision)
    for side in sides:
        _require_fit(side, locator, model=os.fspath(model), radius=radius)
    comparison = None
    if encoder is not None and real is not None:
        comparison = LikenessComparison(
            sides[0].image_set(locator.mpp),
            sides[1].image_set(locator.mpp),
            patch_encoder(encoder),
            split=likeness_split,
            splits=splits,
            seed=seed,
            progress=progress,
        )
    seen = [_examine(side, locator, progress) for side in sides]
    fidelity = score_fidelity(
        sides[0].layouts,
        seen[0].found,
        radius=radius,
        protocol=protocol,
        groups=sides[0].groups,
        resamples=resamples,
        seed=seed,
    )
    learnt = json.dumps(read_config(folder, kind=FORMAT, version=VERSION).get("training"))
    notes = (*_notes(sides, locator, learnt), *fidelity.notes, *(f"Synthetic: {one}" for one in fidelity.scores.notes))
    scores = ImageScores(os.fspath(model), fidelity, seen[0].colours, notes=notes)
    if real is not None:
        reference = score_cells(
            sides[1].layouts,
            seen[1].found,
            protocol=protocol,
            radii=[radius],
            groups=sides[1].groups,
            resamples=resamples,
            seed=seed,
        )
        notes = (*notes, *(f"Real: {one}" for one in reference.notes))
        scores = replace(scores, real=reference, real_colours=seen[1].colours, real_split=real_split, notes=notes)
    if comparison is not None:
        likeness, copies, told = comparison.measure(memorisation=memorisation)
        scores = replace(scores, likeness=likeness, memorisation=copies, notes=(*scores.notes, *told))
    if out is not None:
        write_scores(out, scores.to_json())
    return scores


@dataclass(frozen=True, eq=False)
class _Side:
    """Images of a data set, and their cells."""

    kind: str
    dataset: CellDataset
    split: str | None
    layouts: dict[str, Cells]
    groups: dict[str, str]

    @classmethod
    def open(cls, root: str | os.PathLike[str], kind: str, split: str | None) -> _Side:
        dataset = CellDataset.open(root)
        names, groups = dataset.names(split), dataset.groups()
        files = dict(zip(dataset.images["image"], dataset.images["file"], strict=True))
        without = [name for name in names if not files[name]]
        if without:
            raise DatasetError(
                f"{root} has layouts without an image ({some(without)}), and images are scored; make them with "
                "`cellweave generate images` first."
            )
        layouts = {name: dataset.read_cells(name) for name in names}
        return cls(kind, dataset, split, layouts, {name: groups[name] for name in names})

    def image_set(self, mpp: float | None) -> ImageSet:
        return ImageSet(self.kind, self.dataset, tuple(self.layouts), mpp)


@dataclass(frozen=True, eq=False)
class _Seen:
    found: dict[str, Cells]
    colours: ImageColours


def _require_fit(side: _Side, locator: Locator, *, model: str, radius: Length) -> None:
    """Refuse before the long work what would end it: other classes, or a radius in µm where no scale is known."""
    if set(side.dataset.class_names) != set(locator.class_names):
        raise DatasetError(
            f"{side.dataset.root} has the classes {list(side.dataset.class_names)}, but the localiser {model} finds "
            f"{list(locator.class_names)}; give one with the same classes with --model."
        )
    for name, cells in side.layouts.items():
        try:
            radius.to_px(mpp=locator.mpp if cells.mpp is None else cells.mpp)
        except InvalidInputError as error:
            raise InvalidInputError(f"image {name} of {side.dataset.root}: {error}") from error


def _examine(side: _Side, locator: Locator, progress: Progress) -> _Seen:
    found: dict[str, Cells] = {}

    def one_by_one() -> Iterator[tuple[RgbImage, Cells]]:
        for done, (name, cells) in enumerate(side.layouts.items(), start=1):
            pixels = side.dataset.read_image(name)
            try:
                found[name] = locator.locate(pixels, mpp=cells.mpp)
            except CellweaveError as error:
                raise InvalidInputError(f"image {name} of {side.dataset.root}: {error}") from error
            note = f"{counted(len(found[name]), 'cell')} in {name}"
            progress(f"locating cells in {side.kind} images", done, len(side.layouts), note)
            yield pixels, cells

    colours = measure_colours(one_by_one(), classes=side.dataset.class_names)
    return _Seen(found, colours)


def _notes(sides: Sequence[_Side], locator: Locator, learnt: str) -> Iterator[str]:
    """Yield what makes the numbers other than they look; ``learnt`` holds the checksums of the localiser's data."""
    for side in sides:
        unknown = sum(cells.mpp is None for cells in side.layouts.values())
        if unknown and locator.mpp is not None:
            images = f"{unknown} of {len(side.layouts)} {side.kind} images"
            yield f"The scale of {images} is not known: taken to be the localiser's, {locator.mpp:g} µm per pixel."
        splits = dict(zip(side.dataset.images["image"], side.dataset.images["split"], strict=True))
        if side.dataset.checksum in learnt and any(splits[name] == "training" for name in side.layouts):
            yield f"The localiser has learnt from {side.kind} images that are scored, and does better on these."
    if len(sides) > 1 and sides[0].dataset.checksum == sides[1].dataset.checksum:
        shared = len(sides[0].layouts.keys() & sides[1].layouts.keys())
        if shared:
            yield f"{counted(shared, 'image')} of the same data set stand on both sides, synthetic and real."
