"""What can be wrong with what a user gives, one class for each kind of thing.

Every message says the rule broken, the value received, the file it came from and the likely remedy, in one line.
The command line prints the message and exits with code 2; whatever else escapes is a bug.
"""


class CellweaveError(Exception):
    """Base of every error that the user can put right."""


class InvalidInputError(CellweaveError, ValueError):
    """An argument or option has a value that makes no sense."""


class InvalidCellsError(InvalidInputError):
    """Cell positions or labels break a rule of :class:`cellweave.core.Cells`."""


class InvalidImageError(CellweaveError, ValueError):
    """An image file is missing, damaged, empty or of a kind that cannot be read."""


class TableError(CellweaveError, ValueError):
    """A table or annotation file lacks a column, or holds a value that cannot be used."""


class DatasetError(CellweaveError, ValueError):
    """A data set on disk is missing, damaged or inconsistent."""


class ModelFolderError(CellweaveError, ValueError):
    """A model folder lacks a file, or its files do not belong together."""


class RecipeError(CellweaveError, ValueError):
    """A recipe has an unknown key or a value that does not fit."""


class CompilationError(CellweaveError, RuntimeError):
    """A network was to be compiled, and cannot be on this machine."""


class OutputError(CellweaveError, OSError):
    """An output cannot be written where it was asked for."""
