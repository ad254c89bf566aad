"""``cellweave doctor``: what is installed here, where networks would run, and what is missing."""

from __future__ import annotations

import json
import os
import platform
import re
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from cellweave import __version__


@dataclass(frozen=True, slots=True)
class Device:
    """Where networks run unless told otherwise."""

    name: str
    hardware: str
    bf16_is_fast: bool
    threads: int


@dataclass(frozen=True, slots=True)
class Examination:
    """What ``cellweave doctor`` found.

    Attributes:
        cellweave: Version of this package.
        python: Version of Python.
        platform: Operating system and processor architecture.
        packages: Version of every package that cellweave needs; None where it is not installed.
        device: Where networks run; None when torch cannot be imported.
        cores: Processor cores that this process may use.
        memory_available_gib: Memory that new work may take, in GiB; None where the system does not say.
        data: The folder in ``CELLWEAVE_DATA`` (real images for the tests); None where the variable is not set.
        problems: What must be put right before cellweave works, one line each.
    """

    cellweave: str
    python: str
    platform: str
    packages: dict[str, str | None]
    device: Device | None
    cores: int
    memory_available_gib: float | None
    data: str | None
    problems: list[str]


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Show versions, device, bf16, threads and memory; exit with 1 when something is missing."""
    found = examine()
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        _print_lines(found)
    raise typer.Exit(1 if found.problems else 0)


def examine() -> Examination:
    """Look at this installation and this machine."""
    packages = {name: _version(name) for name in required_packages()}
    problems = [f"{name} is not installed; pip install {name}" for name, version in packages.items() if version is None]
    device = None
    try:
        device = _examine_device()
    except (ImportError, OSError) as error:  # OSError: a shared library of torch that does not load
        problems.append(f"torch cannot be imported ({' '.join(str(error).split())}); reinstall it")
    data = os.environ.get("CELLWEAVE_DATA")
    if data and not Path(data).is_dir():
        problems.append(f"CELLWEAVE_DATA is {data}, which is no folder; correct or unset it")
    return Examination(
        cellweave=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages=packages,
        device=device,
        cores=_usable_cores(),
        memory_available_gib=_memory_available_gib(),
        data=data or None,
        problems=problems,
    )


def required_packages() -> list[str]:
    """Return the names of the packages that cellweave's own metadata requires, extras left out."""
    requirements = metadata.requires("cellweave") or []
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in requirements if "extra ==" not in line]
    return sorted(names, key=str.lower)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _examine_device() -> Device:
    import torch

    from cellweave.core import bf16_is_fast, choose_device, device_description

    device = choose_device("auto")
    return Device(
        name=str(device),
        hardware=device_description(device),
        bf16_is_fast=bf16_is_fast(device),
        threads=torch.get_num_threads(),
    )


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # absent on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_available_gib() -> float | None:
    table = Path("/proc/meminfo")
    if not table.exists():  # Linux alone has it
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", table.read_text(), re.MULTILINE)
    return None if found is None else round(int(found[1]) / 2**20, 1)


def _print_lines(found: Examination) -> None:
    typer.echo(f"cellweave {found.cellweave} · Python {found.python} · {found.platform}")
    memory = "unknown" if found.memory_available_gib is None else f"{found.memory_available_gib} GiB"
    if found.device is not None:
        speed = "fast" if found.device.bf16_is_fast else "slower than float32"
        typer.echo(f"device     {found.device.name} ({found.device.hardware}), bf16 {speed}")
        typer.echo(f"threads    {found.device.threads} of {found.cores} cores")
    typer.echo(f"memory     {memory} available")
    typer.echo(f"test data  {found.data or 'none (CELLWEAVE_DATA is not set)'}")
    width = max(len(name) for name in found.packages)
    typer.echo("packages")
    for name, version in found.packages.items():
        typer.echo(f"  {name:<{width}}  {version or 'missing'}")
    for problem in found.problems:
        typer.echo(f"problem: {problem}")
    if not found.problems:
        typer.echo("nothing is missing")
