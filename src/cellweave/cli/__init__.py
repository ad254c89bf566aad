"""The command line: every command parses its arguments, calls one workflow and prints what came of it.

Importing the modules of this room imports no array or learning library, so that help and mistyped commands answer at
once; the commands import what they need when they run.
"""

__all__: list[str] = []  # its interface is the command, see cellweave.cli.main
