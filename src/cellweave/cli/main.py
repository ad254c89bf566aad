"""The ``cellweave`` command: its commands, and what becomes of their errors."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.core import TyperGroup

from cellweave import __version__
from cellweave.cli import data, demo, doctor, generate, locate, models, score, stain, study, train

USER_ERROR = 2
INTERRUPTED = 130

_NO_MEMORY = re.compile("can't allocate memory|out of memory|insufficient memory", re.IGNORECASE)
"""Words of torch and OpenCV, whose errors for it have no type of their own."""

COMMANDS = ("demo", "data", "stain", "train", "generate", "locate", "score", "study", "models", "doctor")


class InOrderOfWork(TyperGroup):
    """A group whose help lists the commands in the order in which one needs them."""

    def list_commands(self, ctx: object) -> list[str]:
        """Return the names of the commands."""
        return sorted(self.commands, key=COMMANDS.index)


app = typer.Typer(
    cls=InOrderOfWork,
    name="cellweave",
    help="Turn a few dozen annotated pathology images into a calibrated cell localiser.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # an escaped exception is a bug: its report needs the plain traceback
)
app.command()(demo.demo)
app.add_typer(data.app, name="data")
app.add_typer(stain.app, name="stain")
app.add_typer(train.app, name="train")
app.add_typer(generate.app, name="generate")
app.command()(locate.locate)
app.add_typer(score.app, name="score")
app.add_typer(study.app, name="study")
app.add_typer(models.app, name="models")
app.command()(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cellweave {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before the command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    What the user can put right (a :class:`~cellweave.core.CellweaveError`, a wrong option, a full disk) becomes one
    line on the standard error output and exit code 2. Any other exception is a bug and passes through.

    Args:
        arguments: The words after ``cellweave``; those of the process when None.
    """
    try:
        code = app(args=arguments, prog_name="cellweave", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        message = _usage_message(error)
        return USER_ERROR if message is None else _complain(message)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        return _leave_closed_pipe()
    except Exception as error:
        message = _input_message(error)
        if message is None:
            raise
        return _complain(message)
    if code == INTERRUPTED:  # typer turns an interrupt inside a command into this exit code
        print(
            "cellweave: interrupted; give the same command again, without --overwrite: training and generation go on "
            "where they were, other commands start anew",
            file=sys.stderr,
        )
    return code if isinstance(code, int) else 0


def _complain(message: str) -> int:
    print("cellweave: error:", " ".join(message.split()), file=sys.stderr)
    return USER_ERROR


def _usage_message(error: typer.TyperException) -> str | None:
    """Return the line that tells the user which word is wrong, or None when no word was given and help was shown."""
    context = getattr(error, "ctx", None)
    command = "cellweave" if context is None else context.command_path
    message = error.format_message().replace(": Value error, ", ": ")  # pydantic, which typer asks, adds these words
    return f"{message} (see {command} --help)" if message else None


def _input_message(error: Exception) -> str | None:
    """Return the line that tells the user what to put right, or None when the program is to blame."""
    from cellweave.core import CellweaveError  # imports numpy, which a command that ends well may not need

    if isinstance(error, CellweaveError):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f" for {error.filename}" if error.filename else ""
        return f"no space is left on the disk{place}; free some, or choose another output path."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; check the path and its permissions."
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        reason = str(error).strip().partition("\n")[0][:120]
        return f"memory does not suffice ({reason}); take smaller images or batches, or free some."
    return None


def _leave_closed_pipe() -> int:
    # The reader (`| head`) has gone. What is still buffered would fail again when Python exits: send it nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
