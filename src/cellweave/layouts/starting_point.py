"""A layout model that exists, which another training starts from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cellweave.data import CellClass
from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.model_config import FORMAT, VERSION, refuse_misfits
from cellweave.layouts.network import build_network
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.layouts.training_counts import TrainingCounts
from cellweave.maps import PeakFinder
from cellweave.training.model_folder import classes_and_scale, config_values, find_model_folder, read_config
from cellweave.training.starting_point import StartingWeights, data_records, require_agreement

_MUST_AGREE = ("frame", "channels", "condition", "categories", "network", "process")


@dataclass(frozen=True, slots=True, eq=False)
class LayoutStart:
    """What a training takes over from a layout model: its weights, and what was fitted to its training data.

    Attributes:
        weights: Initial ones of the network.
        scale: Of the channels.
        density_constant: What densities are divided by; None when there are none.
        categories: Bounds of what the network is told as a category.
        counts: Their mean and spread are the scale on which the network is told numbers; None where it is told none.
    """

    weights: StartingWeights
    scale: ChannelScale
    density_constant: float | None
    categories: CountingCategories
    counts: TrainingCounts | None

    @classmethod
    def read(
        cls, name_or_path: str | os.PathLike[str], recipe: LayoutRecipe, classes: Sequence[CellClass]
    ) -> LayoutStart:
        """Read a model that a training by a recipe, on data of these classes, can start from.

        Args:
            name_or_path: A model folder, or the name of a shipped model.
            recipe: Of the training; weighting, fit and sampler may differ from the model's, and so may dropout.
            classes: Of the data; names must be the model's, in its order.

        Raises:
            ModelFolderError: There is no such model, or its files are missing, damaged or of another kind.
            InvalidInputError: The model is of other classes, or of another frame, condition, network or process, or of
                other channels.
        """
        folder = find_model_folder(name_or_path)
        config = read_config(folder, kind=FORMAT, version=VERSION)
        with config_values(folder):
            learnt = LayoutRecipe.model_validate(config["recipe"])
            known, mpp = classes_and_scale(config)
            scale = ChannelScale.from_json(config["scale"])
            finder = PeakFinder(int(config["decoder"]["window_px"]), float(config["decoder"]["threshold"]))
            categories = CountingCategories(tuple(float(bound) for bound in config["category_bounds"]))
            counted, constant = config.get("training_counts"), config["density_constant"]
            counts = None if counted is None else TrainingCounts.from_json(counted)
            refuse_misfits(learnt, known, mpp, finder, categories, counts, None, scale)
            constant, data = None if constant is None else float(constant), data_records(config)
        require_agreement(str(name_or_path), learnt, recipe, _MUST_AGREE, known=known, classes=classes)
        weights = StartingWeights.read(folder, build_network(learnt, len(known)), data)
        return cls(weights, scale, constant, categories, counts)

    def told_as_before(self, counts: TrainingCounts) -> TrainingCounts:
        """Return the counts of other training crops on the scale that the network was told numbers on."""
        if self.counts is None:
            return counts
        return replace(counts, mean=self.counts.mean, spread=self.counts.spread)
