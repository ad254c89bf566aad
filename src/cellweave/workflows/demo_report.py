"""The report of a demonstration: one page from data to the scores of two localisers."""

from __future__ import annotations

from cellweave.metrics import ALL
from cellweave.report import Headline, Report
from cellweave.workflows.demo_results import DemoResults
from cellweave.workflows.demo_section_data import add_data
from cellweave.workflows.demo_section_images import add_images
from cellweave.workflows.demo_section_layouts import add_layouts
from cellweave.workflows.demo_section_locators import MEAN, add_locators, f1_by_label, verdict
from cellweave.workflows.demo_section_origin import add_origin


def demo_report(results: DemoResults) -> Report:
    """Return the report of everything that a demonstration made."""
    report = Report(
        f"From {results.real.name} to synthetic tissue and back", _summary(results), headlines=_headlines(results)
    )
    add_data(report, results)
    add_layouts(report, results)
    add_images(report, results)
    add_locators(report, results)
    add_origin(report, results)
    return report


def _summary(results: DemoResults) -> str:
    training = results.real.names("training")
    minutes = results.seconds / 60
    return (
        f"From {len(training)} annotated images cellweave learnt layouts and images of tissue, made "
        f"{len(results.synthetic.images)} labelled synthetic images, and trained a localiser without and one with "
        f"them, in {minutes:.1f} minutes. " + " ".join(verdict(results))
    )


def _headlines(results: DemoResults) -> list[Headline]:
    sides = [f1_by_label(arm.scores) for arm in results.arms]
    headlines = [
        Headline(
            " → ".join(_rounded(side[label][0]) for side in sides),
            what,
            f"within {results.within}; real images only → with synthetic ones",
        )
        for label, what in ((ALL, "F1 of all cells"), (MEAN, "mean F1 of the classes"))
    ]
    if not isinstance(results.layout_scores, str):
        row = results.layout_scores.row("pair_correlation")
        headlines.append(
            Headline(_rounded(row.position), "position of synthetic layouts", "pair correlation; 0 real, 1 random")
        )
    fidelity = results.image_scores.fidelity
    chance = _rounded(fidelity.chance_f1[ALL])
    note = f"F1 of cells found in synthetic images; chance {chance}"
    return [*headlines, Headline(_rounded(fidelity.f1[ALL]), "fidelity of synthetic images", note)]


def _rounded(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
