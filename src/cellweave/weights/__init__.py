"""Default models, a folder each."""
