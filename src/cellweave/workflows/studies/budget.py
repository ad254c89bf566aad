"""What every arm and seed of a study gets, all alike."""

from __future__ import annotations

from dataclasses import dataclass

from cellweave.core import InvalidInputError


@dataclass(frozen=True, slots=True)
class StudyBudget:
    """Steps and folds.

    Attributes:
        steps: Of every network.
        folds: Into which the groups of the training split are divided.
        use_folds: Of which so many, the first ones, are held out in turn, with a network each.

    Raises:
        InvalidInputError: A number is too small, or more folds are to be used than there are.
    """

    steps: int
    folds: int = 5
    use_folds: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InvalidInputError(f"--steps must be at least 1, got {self.steps}.")
        if self.folds < 2:
            raise InvalidInputError(f"--folds must be at least 2, got {self.folds}.")
        if not 1 <= self.use_folds <= self.folds:
            raise InvalidInputError(f"--use-folds must be 1 to the {self.folds} of --folds, got {self.use_folds}.")
