"""Named complete runs, YAML files by kind of model."""
