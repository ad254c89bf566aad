"""A calibrated cell localiser, and labelled synthetic tissue, from a few dozen annotated pathology images."""

__version__ = "0.1.0"
__all__ = ["__version__"]
