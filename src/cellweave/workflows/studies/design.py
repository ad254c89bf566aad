"""What a study compares: its arms, the pairs of them that answer its question, and the recipe of an arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from cellweave.core import InvalidInputError
from cellweave.training import Recipe, load_recipe

RecipeT = TypeVar("RecipeT", bound=Recipe)


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to make a model.

    Attributes:
        name: Of its folder and option.
        title: In tables and figures.
        changes: Of the recipe, each ``a.b=value``; the user's go before them and may not touch the same keys.
        base: Changes that go before the user's.
        value: Place on the axis of a study along one quantity.
    """

    name: str
    title: str
    changes: tuple[str, ...] = ()
    base: tuple[str, ...] = ()
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms whose difference is asked for: that of ``better``, so the claim, minus that of ``other``."""

    better: str
    other: str


@dataclass(frozen=True, slots=True)
class Design:
    """A study.

    Attributes:
        name: Of the study.
        title: One line on what is compared.
        arms: All arms; folds, steps and seeds of all are the same.
        pairs: What is claimed to be better than what.
        axis: Name of the quantity that the arms' ``value`` is of.
        settings: What the arms depend on besides their names.
        decoders: Those that tables and figures of localisers are of; all when None. Files for programs have all.
        measures: Those that their overview and figures are of.
        facts: What to say of the arms, one sentence each.
    """

    name: str
    title: str
    arms: tuple[Arm, ...]
    pairs: tuple[Pair, ...]
    axis: str | None = None
    settings: dict[str, str | float] = field(default_factory=dict)
    decoders: tuple[str, ...] | None = None
    measures: tuple[str, ...] = ("f1",)
    facts: tuple[str, ...] = ()

    def chosen(self, names: Sequence[str] | None) -> tuple[Arm, ...]:
        """Return the arms of these names, all when None.

        Raises:
            InvalidInputError: There is no such arm, or one is named twice.
        """
        if names is None:
            return self.arms
        known = [arm.name for arm in self.arms]
        for number, name in enumerate(names):
            if name not in known:
                raise InvalidInputError(f"study {self.name} has no arm {name!r}; it has {', '.join(known)}.")
            if name in names[:number]:
                raise InvalidInputError(f"the arm {name!r} is given twice in --arms; give each once.")
        return tuple(arm for arm in self.arms if arm.name in names)


def recipe_of(kind: type[RecipeT], folder: str, arm: Arm, recipe: str, changes: Sequence[str]) -> RecipeT:
    """Return the recipe of an arm: the given one, the arm's base, the user's changes, the arm's own.

    Args:
        kind: The recipe's class.
        folder: Of the shipped recipes.
        arm: The arm.
        recipe: Name of a shipped recipe, or path of a YAML file.
        changes: Of all arms, each ``a.b=value``.

    Raises:
        InvalidInputError: The user changes what the arms differ in.
        RecipeError: A change does not fit.
    """
    own = [change.partition("=")[0] for change in arm.changes]
    for change in changes:
        key = change.partition("=")[0].strip()
        if any(key == one or key.startswith(f"{one}.") or one.startswith(f"{key}.") for one in own):
            raise InvalidInputError(f"--set {change} changes what the arms of the study differ in; leave it out.")
    return load_recipe(kind, folder, recipe, [*arm.base, *changes, *arm.changes])
