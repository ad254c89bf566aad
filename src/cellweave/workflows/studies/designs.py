"""What each study of localisers compares: its arms, and the pairs of them that answer its question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cellweave.core import InvalidInputError
from cellweave.localization.networks import NETWORKS
from cellweave.workflows.studies.design import Arm, Design, Pair
from cellweave.workflows.studies.held_out import CALIBRATED

EDT = "edt"
GAUSSIAN = "gaussian"
PEAK = "peak"
EDT_SEPARATE = "edt-separate"
GAUSSIAN_SEPARATE = "gaussian-separate"

_EDT = "{slope: 10.0, offset: 0.5}"
_GAUSSIAN = "{sigma_px: 4.0}"

_ARM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_ARM_FORM = "write NAME=a.b=value, or NAME=a.b=value;c.d=value for several changes"


def maps_design(reach_px: float, *, separate: bool) -> Design:
    """Return the study of maps: what a localiser learns, one network each, every decoder.

    Args:
        reach_px: ``D`` of the EDT map whose ``D`` is fixed, in pixels.
        separate: Whether a map for each class is compared with one map of all cells. It needs cells with classes, and a
            recipe that learns one map.

    Source:
        Li et al. 2024 (EDT), Tables 2 (whose asterisk is one map of all cells), 3 and 10, with the constants of Eq. 6
        that Table 10 varies.
    """

    def arm(name: str, title: str, map_name: str, settings: str = "{}", mode: str | None = None) -> Arm:
        own = () if mode is None else (f"target.mode={mode}",)
        return Arm(name, title, (f"target.map={map_name}", f"target.settings={settings}", *own))

    uniform = (
        arm(EDT, "EDT, C1 = 10, C2 = 0.5", "edt", _EDT),
        arm("edt-5-0.5", "EDT, C1 = 5, C2 = 0.5", "edt", "{slope: 5.0, offset: 0.5}"),
        arm("edt-5-1", "EDT, C1 = 5, C2 = 1", "edt", "{slope: 5.0, offset: 1.0}"),
        arm("edt-10-1", "EDT, C1 = 10, C2 = 1", "edt", "{slope: 10.0, offset: 1.0}"),
        arm(
            "edt-fixed",
            f"EDT, D = {reach_px:g} px in all images",
            "edt",
            f"{{slope: 10.0, offset: 0.5, reach_px: {float(reach_px)}}}",
        ),
        arm("fidt", "FIDT", "fidt"),
        arm("idt", "IDT", "idt"),
        arm(GAUSSIAN, "Gaussian, sigma 4 px", "gaussian", _GAUSSIAN),
        arm("gaussian-knn", "Gaussian, sigma by neighbours", "gaussian-knn"),
        arm("marker", "marker, 3×3", "marker"),
        arm(PEAK, "peak, width 3 px", "peak", "{width_px: 3.0}"),
    )
    by_class = (
        arm(EDT_SEPARATE, "EDT, C1 = 10, C2 = 0.5, a map for each class", "edt", _EDT, "separate"),
        arm(GAUSSIAN_SEPARATE, "Gaussian, sigma 4 px, a map for each class", "gaussian", _GAUSSIAN, "separate"),
    )
    # the paper's claims, and the project's: its own map is better than the paper's
    pairs = [*(Pair(EDT, other.name) for other in uniform[1:-1]), Pair(PEAK, EDT)]
    if not separate:
        return Design("maps", "What the network learns: maps of cells", uniform, tuple(pairs))
    pairs += [Pair(EDT, EDT_SEPARATE), Pair(GAUSSIAN, GAUSSIAN_SEPARATE)]
    return Design("maps", "What the network learns: maps of cells", (*uniform, *by_class), tuple(pairs))


def theta_design(network: str, thetas: Sequence[float]) -> Design:
    """Return the study of theta, the share of differences in the convolutions of the gradient aggregation module.

    Args:
        network: A network that has the module.
        thetas: Values, 0 to 1.

    Raises:
        InvalidInputError: There is no such network, it has no theta, or values are out of range or twice there.

    Source:
        Li et al. 2024 (EDT), Fig. 10.
    """
    having = [name for name, recipe in NETWORKS.items() if "theta" in recipe.model_fields]
    if network not in having:
        raise InvalidInputError(f"--network {network} has no theta; give one of {', '.join(having)}.")
    if not thetas or any(not 0 <= theta <= 1 for theta in thetas):
        raise InvalidInputError(f"--thetas must be numbers from 0 to 1, got {', '.join(f'{t:g}' for t in thetas)}.")
    if len(set(thetas)) < len(thetas):
        raise InvalidInputError(f"a theta is given twice ({', '.join(f'{t:g}' for t in thetas)}); give each once.")
    module = ("network.mga=true",) if "mga" in NETWORKS[network].model_fields else ()
    arms = tuple(
        Arm(
            f"theta-{theta:g}",
            f"theta = {theta:g}",
            (f"network.name={network}", *module, f"network.theta={float(theta)}"),
            base=(f"network={{name: {network}}}",),
            value=theta,
        )
        for theta in sorted(thetas)
    )
    pairs = tuple(Pair(arm.name, arms[0].name) for arm in arms[1:]) if arms[0].value == 0 else ()
    title = f"Share of differences in the gradient aggregation of {network}"
    return Design("theta", title, arms, pairs, axis="theta", settings={"network": network})


def networks_design() -> Design:
    """Return the study of all networks, and of those that can have a gradient aggregation module (MGA) with it, too.

    Source:
        Li et al. 2024 (EDT), Tables 4 to 9.
    """
    arms: list[Arm] = []
    pairs: list[Pair] = []
    for name, recipe in NETWORKS.items():
        base = (f"network={{name: {name}}}",)
        named = f"network.name={name}"
        if "mga" not in recipe.model_fields:
            arms.append(Arm(name, name, (named,), base))
            continue
        arms.append(Arm(name, name, (named, "network.mga=false"), base))
        arms.append(Arm(f"m-{name}", f"M_{name}", (named, "network.mga=true"), base))
        pairs.append(Pair(f"m-{name}", name))
    return Design("networks", "Networks, with and without gradient aggregation", tuple(arms), tuple(pairs))


def recipes_design(arms: Sequence[str]) -> Design:
    """Return the study of any recipes: each arm changes what it likes, and is compared with the first.

    Args:
        arms: Each ``NAME=CHANGE`` or ``NAME=CHANGE;CHANGE`` with changes as ``a.b=value``, the value in YAML; ``NAME``
            alone changes nothing.

    Raises:
        InvalidInputError: There are fewer than two arms, one is not written so, a name is given twice, or an arm
            changes the scale.
    """
    parsed = [_parse_arm(text) for text in arms]
    if len(parsed) < 2:
        raise InvalidInputError(
            f"a study of recipes compares two or more, got {len(parsed)}; give --arm twice or more."
        )
    folders = [arm.name.casefold() for arm in parsed]  # some systems do not tell capitals apart
    for number, arm in enumerate(parsed):
        if folders[number] in folders[:number]:
            raise InvalidInputError(f"the arm {arm.name!r} is given twice in --arm; give each a name of its own.")
    reference, *others = parsed
    return Design(
        "recipes",
        "Recipes of localisers",
        tuple(parsed),
        tuple(Pair(arm.name, reference.name) for arm in others),
        decoders=(CALIBRATED,),
        measures=("f1", "mean_class_f1"),
        facts=tuple(
            f"Arm {arm.name}: {', '.join(f'`{change}`' for change in arm.changes) or 'the recipe as given'}."
            for arm in parsed
        ),
    )


def _parse_arm(text: str) -> Arm:
    name, _, rest = text.partition("=")
    changes = tuple(change.strip() for change in rest.split(";") if change.strip())
    if not _ARM_NAME.fullmatch(name.strip()):
        raise InvalidInputError(
            f"--arm {text!r} begins with no name; names are letters, digits and . _ + -, 64 at most: {_ARM_FORM}."
        )
    for change in changes:
        key, equals, _ = change.partition("=")
        if not equals or not key.strip():
            raise InvalidInputError(f"--arm {text!r}: {change!r} is no change of a recipe; {_ARM_FORM}.")
        if key.strip() == "mpp":
            raise InvalidInputError(
                f"--arm {text!r} changes the scale, at which arms would not be scored alike; give --set {change} for "
                "all."
            )
    return Arm(name.strip(), name.strip(), changes)
