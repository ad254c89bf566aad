"""What the command line and notebooks call: one module a job, each made of a few calls to the rooms below.

Import the module of the job, ``from cellweave.workflows.prepare import import_dataset``: this package imports none of
them, so that preparing data does not load torch.
"""

__all__: list[str] = []
