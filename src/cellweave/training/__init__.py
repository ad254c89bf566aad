"""One training loop for every model: recipes, budgets, steps, averaged weights, checkpoints and logs."""

from cellweave.training.budget import Budget, measure_step_seconds
from cellweave.training.checkpoint import Checkpoint
from cellweave.training.fit import fit, make_accelerator
from cellweave.training.initialise import initialise
from cellweave.training.model_folder import find_model_folder, load_weights, read_config, write_model_folder
from cellweave.training.recipe import FitRecipe, Recipe, list_recipes, load_recipe
from cellweave.training.run import Plan, TrainingRun, run_identity, training_record
from cellweave.training.run_log import RunLog, read_log
from cellweave.training.single_network import timed_step, train_network
from cellweave.training.stepper import Batch, Loss, SampleSource, Stepper, TrainingError

__all__ = [
    "Batch",
    "Budget",
    "Checkpoint",
    "FitRecipe",
    "Loss",
    "Plan",
    "Recipe",
    "RunLog",
    "SampleSource",
    "Stepper",
    "TrainingError",
    "TrainingRun",
    "find_model_folder",
    "fit",
    "initialise",
    "list_recipes",
    "load_recipe",
    "load_weights",
    "make_accelerator",
    "measure_step_seconds",
    "read_config",
    "read_log",
    "run_identity",
    "timed_step",
    "train_network",
    "training_record",
    "write_model_folder",
]
