"""A model that exists, which another training starts from: what is taken over from any kind, and what has to agree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from torch import Tensor, nn

from cellweave.core import InvalidInputError, sha256_of
from cellweave.data import CellClass
from cellweave.training.model_folder import WEIGHTS, load_weights
from cellweave.training.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class StartingWeights:
    """The weights that a training starts from, and where they come from.

    Attributes:
        name: Of the model: how its folder is called.
        tensors: By name.
        checksum: SHA-256 of their file.
        data: Records of the data sets that the model learnt from, as in ``config.json``.
    """

    name: str
    tensors: dict[str, Tensor]
    checksum: str
    data: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, folder: Path, network: nn.Module, data: Sequence[dict[str, Any]]) -> StartingWeights:
        """Read the weights of a model folder into its network.

        Raises:
            ModelFolderError: The file is missing or damaged, or does not fit the network.
        """
        load_weights(network, folder)
        return cls(folder.resolve().name, network.state_dict(), sha256_of(folder / WEIGHTS), tuple(data))

    @property
    def identity(self) -> dict[str, Any]:
        """What they add to the identity of a run."""
        return {"started_from": self.checksum}

    def added_to(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return what ``config.json`` says of a training, with what its weights learnt from before.

        The data sets of before stand after its own, as their licences bind what the weights have become, too.
        """
        own = record["data"]
        joined = [*(own if isinstance(own, list) else [own]), *self.data]
        every = [one for number, one in enumerate(joined) if one not in joined[:number]]
        return {**record, "data": every, "started_from": {"name": self.name, "weights_sha256": self.checksum}}


def data_records(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the records of training data of a ``config.json``; a model made by hand has learnt from none."""
    data = config["training"].get("data", [])
    return [dict(one) for one in (data if isinstance(data, list) else [data])]


def refuse_own_folder(out: Path, start_from: object) -> None:
    """Make sure that a training does not write over the model that it starts from.

    Raises:
        InvalidInputError: It would.
    """
    if Path(str(start_from)).is_dir() and out.resolve() == Path(str(start_from)).resolve():
        raise InvalidInputError(f"--out {out} is the model to start from; give another folder.")


def require_agreement(
    name: str,
    learnt: Recipe,
    recipe: Recipe,
    parts: Sequence[str],
    *,
    known: Sequence[CellClass],
    classes: Sequence[CellClass],
) -> None:
    """Make sure that a model's weights mean the same in a training.

    Args:
        name: Of the model.
        learnt: Its recipe.
        recipe: Of the training.
        parts: Keys of the recipes that must agree, but for ``network.dropout``.
        known: Classes of the model.
        classes: Of the data; names must be the model's, in its order.

    Raises:
        InvalidInputError: Something differs.
    """
    names, wanted = [one.name for one in known], [one.name for one in classes]
    if names != wanted:
        raise InvalidInputError(
            f"{name} has the classes {names}, the data set {wanted}; start from a model of the same classes."
        )
    for part in parts:
        one, other = (_flat(getattr(each, part), part) for each in (learnt, recipe))
        differing = [key for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)]
        if differing:
            key = differing[0]
            its, asked = (json.dumps(values.get(key), separators=(",", ":")) for values in (one, other))
            raise InvalidInputError(
                f"{name} was trained with {key} {its}, the recipe has {asked}; give --set {key}={its}, or start from "
                "another model."
            )


def _flat(value: Any, part: str) -> dict[str, Any]:
    """Return the values of a part of a recipe by their whole keys."""
    if not isinstance(value, BaseModel):
        return {part: value}
    held = {f"{part}.{key}": one for key, one in value.model_dump(mode="json").items()}
    held.pop("network.dropout", None)  # no weight depends on it
    return held


def beginning_in_words(config: Mapping[str, Any]) -> tuple[str, str]:
    """Return for a model card how the weights began, and lines of a list on what they learnt from before."""
    data, start = config["training"]["data"], config["training"].get("started_from")
    if start is None:
        return "from scratch", ""
    before = "".join(
        f"\n- **Learnt from before**: {one['name']}, licence {one['licence']}; checksum `{one['checksum'][:16]}`."
        for one in data[1:]
    )
    bound = " and ".join(dict.fromkeys(one["licence"] for one in data))
    begun = f"started from the weights of {start['name']} (sha256 `{start['weights_sha256'][:16]}`)"
    return begun, f"{before}\n- **Licences of all that its weights learnt from**: {bound}."
