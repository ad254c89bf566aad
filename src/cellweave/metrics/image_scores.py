"""The result of scoring synthetic images, beside real ones where these are given, and its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cellweave.metrics.cell_scores import CellScores, radius_key
from cellweave.metrics.colours import ImageColours
from cellweave.metrics.fidelity import Fidelity, f1_by_label
from cellweave.metrics.image_likeness import ImageLikeness
from cellweave.metrics.image_memorisation import PatchMemorisation


@dataclass(frozen=True, slots=True)
class ImageScores:
    """Scores of synthetic images: how faithful to their layouts, their colours, how like real ones, whether copies.

    Attributes:
        model: The localiser, as it was asked for.
        fidelity: Of the synthetic images.
        colours: Of the synthetic images.
        real: Scores of the same localiser on real images; None without these.
        real_colours: Of the real images; None without these.
        real_split: Split of the real images; None without these.
        likeness: KID, FID, IS and sizes of nuclei beside real images; None where not measured.
        memorisation: Whether patches are copies of places in the real data set's training images; None likewise.
        notes: What to know before quoting the numbers, one sentence each.
    """

    model: str
    fidelity: Fidelity
    colours: ImageColours
    real: CellScores | None = None
    real_colours: ImageColours | None = None
    real_split: str | None = None
    likeness: ImageLikeness | None = None
    memorisation: PatchMemorisation | None = None
    notes: tuple[str, ...] = ()

    @property
    def real_f1(self) -> dict[str, float | None]:
        """F1 on the real images, with the labels of ``fidelity.f1``; empty without these."""
        return {} if self.real is None else f1_by_label(self.real)

    @property
    def ratio(self) -> dict[str, float | None]:
        """F1 on the synthetic images over that on the real ones; None where undefined; empty without real images."""
        synthetic = self.fidelity.f1
        return {label: _ratio(synthetic.get(label), real) for label, real in self.real_f1.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the scores as JSON: numbers, text, lists and null only."""
        real = None
        if self.real is not None and self.real_colours is not None:
            real = {
                "split": self.real_split,
                "f1": self.real_f1,
                "scores": self.real.to_json(),
                "colours": self.real_colours.to_json(),
            }
        return {
            "model": self.model,
            "radius": radius_key(self.fidelity.radius),
            "synthetic": self.fidelity.to_json() | {"colours": self.colours.to_json()},
            "real": real,
            "ratio": self.ratio if real is not None else None,
            "likeness": None if self.likeness is None else self.likeness.to_json(),
            "memorisation": None if self.memorisation is None else self.memorisation.to_json(),
            "notes": list(self.notes),
        }


def _ratio(synthetic: float | None, real: float | None) -> float | None:
    return synthetic / real if synthetic is not None and real else None
