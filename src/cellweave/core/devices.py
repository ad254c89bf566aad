"""Where networks run, and whether half precision pays there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellweave.core.errors import InvalidInputError

if TYPE_CHECKING:
    import torch


def choose_device(name: str | None = "auto") -> torch.device:
    """Return the device that a name stands for, having made sure that it can be used.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; ``auto`` or None takes the first usable one of
            ``cuda``, ``mps`` and ``cpu``.

    Raises:
        InvalidInputError: The name is none of these, or this machine has no such device.
    """
    import torch

    if name is None or name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (":" in name and not (kind == "cuda" and index.isdecimal())):
        raise InvalidInputError(f"a device is auto, cpu, cuda, cuda:N or mps, got {name!r}.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InvalidInputError("device 'mps' cannot be used: this machine has none; use auto or cpu.")
    if kind == "cuda":
        _require_cuda(name, index=int(index or 0))
    return torch.device(name)


def _require_cuda(name: str, *, index: int) -> None:
    import torch

    if not torch.cuda.is_available():
        reason = "the installed torch is built without CUDA" if torch.version.cuda is None else "no GPU answers"
        raise InvalidInputError(f"device {name!r} cannot be used: {reason}; use auto or cpu.")
    count = torch.cuda.device_count()
    if index >= count:
        raise InvalidInputError(f"device {name!r} cannot be used: there are {count} GPUs, numbered from 0.")


def bf16_is_fast(device: torch.device) -> bool:
    """Return whether networks run faster in bfloat16 than in float32 on a device.

    On a CPU that takes instructions for it (AVX-512 BF16 or AMX); without them torch emulates bfloat16 and is slower
    than in float32. On CUDA it takes compute capability 8.0 (Ampere) or later. Elsewhere the answer is False.
    """
    import torch

    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return False


PRECISIONS = ("auto", "fp32", "bf16")


def use_bf16(precision: str, device: torch.device) -> bool:
    """Return whether a precision by name means bfloat16 on a device; ``auto`` means it where it is faster.

    Raises:
        InvalidInputError: There is no such precision.
    """
    if precision not in PRECISIONS:
        raise InvalidInputError(f"precision is one of {', '.join(PRECISIONS)}, got {precision!r}.")
    return precision == "bf16" or (precision == "auto" and bf16_is_fast(device))


def device_description(device: torch.device) -> str:
    """Return the name of the hardware behind a device, for instance ``NVIDIA A100-SXM4-40GB``."""
    import platform

    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return str(torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or platform.machine())
