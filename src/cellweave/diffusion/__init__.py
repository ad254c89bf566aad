"""Diffusion models: the process, its loss, the network and the samplers, whatever the data is."""

from cellweave.diffusion.blocks import Context, GroupNorm, NormFactory
from cellweave.diffusion.compiled import CompiledUNet
from cellweave.diffusion.deep_cache import DeepCache
from cellweave.diffusion.denoising_loss import DenoisingLoss
from cellweave.diffusion.guidance import GuidedNetwork
from cellweave.diffusion.hybrid_loss import hybrid_loss, loss_per_sample
from cellweave.diffusion.process import DiffusionProcess, ProcessRecipe
from cellweave.diffusion.restoring import restore
from cellweave.diffusion.sampling import Condition, NetworkCall, sample, sample_batches
from cellweave.diffusion.schedulers import Sampler, SamplerRecipe, SamplerT, refuse_more_steps, sampling_levels
from cellweave.diffusion.spade import SpatiallyAdaptiveNorm
from cellweave.diffusion.unet import Conditioning, DeepFeatures, DiffusionUNet, DiffusionUNetRecipe
from cellweave.diffusion.weighting import WeightingName, WeightingRecipe, level_weights

__all__ = [
    "CompiledUNet",
    "Condition",
    "Conditioning",
    "Context",
    "DeepCache",
    "DeepFeatures",
    "DenoisingLoss",
    "DiffusionProcess",
    "DiffusionUNet",
    "DiffusionUNetRecipe",
    "GroupNorm",
    "GuidedNetwork",
    "NetworkCall",
    "NormFactory",
    "ProcessRecipe",
    "Sampler",
    "SamplerRecipe",
    "SamplerT",
    "SpatiallyAdaptiveNorm",
    "WeightingName",
    "WeightingRecipe",
    "hybrid_loss",
    "level_weights",
    "loss_per_sample",
    "refuse_more_steps",
    "restore",
    "sample",
    "sample_batches",
    "sampling_levels",
]
