"""What each study of layout models compares: densities, counting categories, bandwidths, numbers of components."""

from __future__ import annotations

from collections.abc import Sequence

from cellweave.core import InvalidInputError
from cellweave.workflows.studies.design import Arm, Design, Pair

CATEGORIES = (0, 5, 10, 20)
BANDWIDTHS = (0.05, 0.1, 0.5, 1.0)
COMPONENTS = (4, 6, 8, 10)
COUNTS = "counts"

_DENSITIES = {"none": "no density", "kde": "KDE", "gmm": "GMM", "gmcm": "GMCM"}
_MIXTURES = ("gmm", "gmcm")
_CELLS = {"shared": "shared peaks", "edt": "EDT", "marker": "3×3 markers"}
"""From the one that is claimed to be better to the others."""


def densities_design(channels: Sequence[str] = ()) -> Design:
    """Return the study of spatial densities: none, KDE, GMM and GMCM.

    Args:
        channels: Ways to draw the cells, of ``shared``, ``edt`` and ``marker``; every density is combined with each.
            The recipe's when empty.

    Raises:
        InvalidInputError: There is no such way, or one is given twice.

    Source:
        Li et al. 2024 (layout generation), Table 1.
    """
    for number, name in enumerate(channels):
        if name not in _CELLS:
            raise InvalidInputError(f"--channels are of {', '.join(_CELLS)}, got {name!r}.")
        if name in channels[:number]:
            raise InvalidInputError(f"{name!r} is given twice in --channels; give each once.")
    drawn = [name for name in _CELLS if name in channels]
    # without --channels the arms have their densities' names alone
    ways: list[str | None] = [*drawn] if drawn else [None]
    arms = [_density_arm(cells, density) for cells in ways for density in _DENSITIES]
    claims = (("gmm", "none"), ("kde", "none"), ("gmcm", "none"), ("gmm", "kde"), ("gmm", "gmcm"))
    pairs = [Pair(_density_name(cells, one), _density_name(cells, other)) for cells in ways for one, other in claims]
    for number, better in enumerate(drawn):
        for other in drawn[number + 1 :]:
            pairs += [Pair(_density_name(better, density), _density_name(other, density)) for density in _DENSITIES]
    return Design("densities", "Spatial densities beside the cells of a layout", tuple(arms), tuple(pairs))


def categories_design(numbers: Sequence[int] = CATEGORIES, *, counts: bool = False) -> Design:
    """Return the study of the number of counting categories; 0 is a model that is told nothing.

    Args:
        numbers: Of categories.
        counts: Add a model that is told the number of cells of every class instead.

    Raises:
        InvalidInputError: There are no numbers, one is negative or 1, or given twice.

    Source:
        Li et al. 2024 (layout generation), Table 3.
    """
    _require_different(numbers, "--numbers")
    if any(number < 0 or number == 1 for number in numbers):
        raise InvalidInputError(f"--numbers are 0 (none) or at least 2, got {_listed(numbers)}.")

    def arm(number: int) -> Arm:
        told = "categories" if number else "none"
        title = f"{number} categories" if number else "no categories"
        return Arm(f"categories-{number}", title, (f"condition={told}", f"categories={number}"), value=float(number))

    arms = [arm(number) for number in sorted(numbers)]
    best = "categories-5"
    pairs = [Pair(best, one.name) for one in arms if one.name != best] if 5 in numbers else []
    if counts:
        pairs += [Pair(COUNTS, one.name) for one in arms]
        arms.append(Arm(COUNTS, "counts of every class", ("condition=counts", "categories=5")))
    return Design("categories", "What a layout model is told of the number of cells", tuple(arms), tuple(pairs))


def bandwidth_design(factors: Sequence[float] = BANDWIDTHS) -> Design:
    """Return the study of the bandwidth of kernel density estimates: Scott's rule, and fixed factors.

    Args:
        factors: Of the bandwidth, as in scipy.

    Raises:
        InvalidInputError: There are no factors, one is not positive, or given twice.

    Source:
        Li et al. 2024 (layout generation), Table 4.
    """
    _require_different(factors, "--factors")
    if any(not 0 < factor <= 100 for factor in factors):
        raise InvalidInputError(f"--factors must be numbers > 0, at most 100, got {_listed(factors)}.")
    arms = [_fitted("scott", "Scott's rule", "kde")]
    arms += [
        _fitted(f"factor-{factor:g}", f"factor {factor:g}", "kde", bandwidth=factor, value=factor)
        for factor in sorted(factors)
    ]
    pairs = tuple(Pair("scott", arm.name) for arm in arms[1:])
    return Design("bandwidth", "Bandwidth of kernel density estimates", tuple(arms), pairs)


def components_design(density: str = "gmm", numbers: Sequence[int] = COMPONENTS) -> Design:
    """Return the study of the number of components of a mixture: chosen by BIC, and fixed.

    Args:
        density: ``gmm``, or ``gmcm``, whose copula's components are meant.
        numbers: Of components.

    Raises:
        InvalidInputError: There is no such mixture, there are no numbers, one is too small, or given twice.

    Source:
        Li et al. 2024 (layout generation), Table 5.
    """
    if density not in _MIXTURES:
        raise InvalidInputError(f"--density is one of {', '.join(_MIXTURES)}, got {density!r}.")
    _require_different(numbers, "--numbers")
    if any(not 1 <= number <= 100 for number in numbers):
        raise InvalidInputError(f"--numbers must be 1 to 100, got {_listed(numbers)}.")
    arms = [_fitted("bic", "as many as BIC says", density)]
    arms += [
        _fitted(f"components-{number}", f"{number} components", density, components=number, value=float(number))
        for number in sorted(numbers)
    ]
    pairs = tuple(Pair("bic", arm.name) for arm in arms[1:])
    title = f"Components of {_DENSITIES[density]} densities"
    return Design("components", title, tuple(arms), pairs, settings={"density": density})


def _fitted(
    name: str,
    title: str,
    density: str,
    *,
    bandwidth: float | None = None,
    components: int | None = None,
    value: float | None = None,
) -> Arm:
    """Return an arm with a density; what it is fitted by is set in any case, whatever the recipe says."""
    width = "null" if bandwidth is None else f"{float(bandwidth)}"
    number = "null" if components is None else f"{components}"
    changes = (f"channels.density={density}", f"channels.bandwidth={width}", f"channels.components={number}")
    return Arm(name, title, changes, value=value)


def _density_arm(cells: str | None, density: str) -> Arm:
    name = _density_name(cells, density)
    arm = _fitted(name, _DENSITIES[density], density)
    if cells is None:
        return arm
    return Arm(name, f"{_CELLS[cells]}, {arm.title}", (f"channels.cells={cells}", *arm.changes))


def _density_name(cells: str | None, density: str) -> str:
    return density if cells is None else f"{cells}-{density}"


def _require_different(numbers: Sequence[float], option: str) -> None:
    if not numbers:
        raise InvalidInputError(f"{option} needs at least one number.")
    if len(set(numbers)) < len(numbers):
        raise InvalidInputError(f"a number is given twice in {option} {_listed(numbers)}; give each once.")


def _listed(numbers: Sequence[float]) -> str:
    return ",".join(f"{number:g}" for number in numbers)
