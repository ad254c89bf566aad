"""Section of a demonstration's report: where its time went, how to repeat each step, and what it was made with."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from typing import Any

import torch

from cellweave import __version__
from cellweave.core import sha256_of
from cellweave.report import Heading, Listing, Paragraph, Report, Table
from cellweave.report.blocks import Cell
from cellweave.training.model_folder import WEIGHTS
from cellweave.workflows.demo_results import DemoResults
from cellweave.workflows.train import TrainingSummary

LINE = 100
"""Longest line of a command, where its words allow it."""


def add_origin(report: Report, results: DemoResults) -> None:
    """Add times, commands and provenance."""
    report.add_section(
        "How this was made",
        Heading("Time"),
        _times(results),
        Heading("The same step by step"),
        Paragraph("Every step is a command of its own; in an empty folder, these repeat what the demonstration did."),
        Listing("\n".join(commands(results))),
        Heading("Provenance"),
        _provenance(results),
    )


def commands(results: DemoResults) -> list[str]:
    """Return the lines of the command line that repeat each step, in order."""
    plan, seed, split, changes = results.plan, results.seed, results.split, results.changes
    data = "data" if results.phantom else str(results.real.root.resolve())
    radius = {f"radius_{results.radius.unit}": f"{results.radius.value:g}"}
    lines = [_command("data phantom data", images=plan.patches, seed=seed)] if results.phantom else []
    for kind, trained in (("layouts", results.layouts), ("images", results.images)):
        steps = trained.metrics["training"]["steps"]
        lines.append(_command(f"train {kind}", changes[kind], data=data, out=kind, steps=steps, seed=seed))
    count = len(results.synthetic.images)
    made: dict[str, Any] = {
        "layouts": "layouts",
        "images": "images",
        "out": "synthetic",
        "count": count,
        "batch_size": 8,
    }
    lines.append(_command("generate dataset", **made, seed=seed))
    lines.append(_command("score layouts", real=data, synthetic="synthetic", seed=seed))
    for arm, more in zip(results.arms, ({}, {"synthetic": "synthetic"}), strict=True):
        name = arm.trained.model.name
        share = {"synthetic_share": plan.synthetic_share} if more else {}
        options: dict[str, Any] = {"data": data, **more, **share, "out": name, "steps": arm.steps, "seed": seed}
        lines.append(_command("train locator", changes["locator"], **options))
        lines.append(_command("locate", data=data, split=split, model=name, out=f"found-by-{name}"))
        truth: dict[str, Any] = {
            "truth": data,
            "split": split,
            "pred": f"found-by-{name}",
            "protocol": "greedy",
            **radius,
        }
        lines.append(_command("score cells", **truth))
    first = results.arms[0].trained.model.name
    real: dict[str, Any] = {
        "synthetic": "synthetic",
        "model": first,
        "real": data,
        "real_split": split,
        **radius,
        "seed": seed,
    }
    return [*lines, _command("score images", **real)]


def _command(words: str, changes: Sequence[str] = (), **options: Any) -> str:
    """Return a command, folded where it is long."""
    pairs = [(f"--{name.replace('_', '-')}", str(value)) for name, value in options.items()]
    lines = [f"cellweave {words}"]
    for word in [shlex.join(pair) for pair in (*pairs, *(("--set", change) for change in changes))]:
        if len(lines[-1]) + len(word) < LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(f"    {word}")
    return " \\\n".join(lines)


def _times(results: DemoResults) -> Table:
    plan, minutes = results.plan, results.minutes
    shares = {} if plan.steps else {"layouts": plan.layouts, "images": plan.images, "locator": plan.locator}
    named = {"layouts": results.layouts, "images": results.images}
    trained = named | {arm.trained.model.name: arm.trained for arm in results.arms}
    rows: list[list[Cell]] = []
    for name, part in results.parts.items():
        training = trained[name].metrics if name in trained else {}
        folds = training.get("cross_validation", {})
        rows.append(
            [
                WORDS[name],
                training["training"]["steps"] if training else None,
                f"{folds['folds']} × {folds['steps_per_fold']:,}" if folds else None,
                part.seconds,
                60 * minutes * shares[name] if name in shares else None,
            ]
        )
    rows.append(["together", None, None, results.seconds, None if plan.steps else 60 * minutes])
    caption = (
        "Time that each part took when it was done, interrupted starts included; writing this report comes on top. "
        "Trainings that are planned by time fix their steps from the duration of the first ones; the second localiser "
        "takes the steps of the first."
    )
    return Table(["part", "steps", "steps of folds", "seconds", "planned"], rows, caption)


WORDS = {
    "data": "data",
    "layouts": "training the layout model",
    "images": "training the image model",
    "synthetic": "generating synthetic images",
    "layout scores": "scoring layouts",
    "locator": "localiser, real images only",
    "locator-synthetic": "localiser, real and synthetic images",
    "locating and scores": "locating cells, scoring cells and images",
}
"""Parts of a demonstration, in words."""


def _provenance(results: DemoResults) -> Table:
    rows = [
        ["cellweave", __version__],
        ["Python", platform.python_version()],
        ["torch", torch.__version__],
        ["hardware", results.layouts.metrics["training"]["hardware"]],
        ["seed", str(results.seed)],
        ["data set", f"{results.real.name}, checksum {results.real.checksum[:16]}"],
        ["synthetic data set", f"{results.synthetic.name}, checksum {results.synthetic.checksum[:16]}"],
    ]
    models: list[tuple[str, TrainingSummary]] = [("layout model", results.layouts), ("image model", results.images)]
    models += [(f"localiser, {arm.name}", arm.trained) for arm in results.arms]
    rows += [[name, f"weights {sha256_of(trained.model / WEIGHTS)[:16]}"] for name, trained in models]
    return Table(["what", "which"], rows)
