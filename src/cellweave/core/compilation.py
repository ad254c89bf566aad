"""Compiling networks by ``torch.compile``: one line where it cannot be done, and never a network left uncompiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cellweave.core.errors import CompilationError

if TYPE_CHECKING:
    import torch
    from torch import nn

_REMEDY = "or do without compiling (no --compile, fit.compile=false)"


def compiled(network: nn.Module, device: torch.device) -> nn.Module:
    """Return a network that torch compiles at its first call; the one given stays as it is, with the same weights.

    A first size of the input is compiled for itself. A second one is compiled for all other sizes, which is slower
    than one of its own but ends the compiling. Calls belong inside :func:`compilation_errors`.

    Args:
        network: On ``device``.
        device: Where it runs; on a CPU a C++ compiler is needed, and looked for at once.

    Raises:
        CompilationError: There is no C++ compiler, or torch does not compile with this Python.
    """
    import torch

    if device.type == "cpu" and torch.compiler.get_default_backend() == "inductor":
        from torch._inductor.cpp_builder import get_cpp_compiler

        with compilation_errors():
            get_cpp_compiler()
    try:
        # fullgraph: what cannot be compiled is an error, where torch would else run it as it is and say nothing;
        # isolate_recompiles: the networks of a study do not use up one another's few compilations
        program: nn.Module = torch.compile(  # type: ignore[call-overload]  # its overloads lack the last argument
            network, fullgraph=True, isolate_recompiles=True
        )
        return program
    except RuntimeError as error:  # this Python, or this system, is one that torch does not compile for
        raise _refusal(error) from error


@contextmanager
def compilation_errors() -> Iterator[None]:
    """Turn what torch raises when it cannot compile a network, within, into an error of one line.

    Raises:
        CompilationError: Torch cannot compile.
    """
    from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException
    from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

    try:
        yield
    except (TorchDynamoException, FailOnRecompileLimitHit, CppCompileError, InvalidCxxCompiler) as error:
        cause = getattr(error, "inner_exception", error)  # of what torch's backend raised
        if isinstance(cause, InvalidCxxCompiler):
            raise CompilationError(
                "compiling for a CPU needs a C++ compiler, and torch finds none; install g++ (clang++ on a Mac), or "
                f"name another one in the environment variable CXX, {_REMEDY}."
            ) from error
        raise _refusal(cause) from error


def _refusal(error: BaseException) -> CompilationError:
    reason = (str(error).strip() or "no reason given").splitlines()[0][:200].rstrip(".")
    return CompilationError(
        f"torch cannot compile the network ({type(error).__name__}: {reason}); see to what it says, {_REMEDY}."
    )
