"""Train the encoder that images are compared with, and put it under src/cellweave/weights/image-encoder.

    cellweave data import brca-m2c PATH out/brca
    python tools/train_image_encoder.py out/brca --work runs/image-encoder

Patches of the training split, around cells of every class and where there is none, two views of each: turned, shifted
and stained otherwise. The class is learnt, and features that agree on both views (VICReg). A run that was stopped goes
on when it is started again. Some minutes on one core; the same seed gives the same weights on the same machine.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from image_encoder_samples import PatchPairs, natural_patches
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from cellweave import __version__
from cellweave.core import atomic_folder, torch_generator
from cellweave.data import CellDataset
from cellweave.encoders.folder import ABOUT, CARD, WEIGHTS
from cellweave.encoders.image_encoder import FORMAT, SHIPPED, VERSION, WHITENING, encode_patches, whitening_of
from cellweave.encoders.image_network import ImageNetwork
from cellweave.training import FitRecipe, fit, make_accelerator

TARGET = Path(__file__).parents[1] / "src" / "cellweave" / "weights" / SHIPPED
WIDTHS, FEATURES, PROJECTED = (16, 32, 64, 128), 64, 128
AGREEMENT, SPREAD, DECORRELATION = 1.0, 1.0, 0.04
"""Weights of the three terms of VICReg in the proportion 25 : 25 : 1."""
SELF_SUPERVISED = 0.3
"""Weight of VICReg beside the cross-entropy of the class."""
SCALE_PATCHES = 4096


class Learner(nn.Module):
    """The network, and the projection in which its views agree, which is thrown away."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.network = ImageNetwork(classes, WIDTHS, FEATURES)
        self.project = nn.Sequential(
            nn.Linear(FEATURES, PROJECTED), nn.LayerNorm(PROJECTED), nn.SiLU(), nn.Linear(PROJECTED, PROJECTED)
        )

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Return projections and logits of the classes."""
        features, logits = self.network(patches)
        return self.project(features), logits


def vicreg(first: Tensor, second: Tensor) -> Tensor:
    """Return the loss of Bardes, Ponce & LeCun 2022, Eq. 6, of two views, (N, D) each."""
    spread, decorrelation = first.new_zeros(()), first.new_zeros(())
    for view in (first, second):
        centred = view - view.mean(dim=0)
        spread = spread + F.relu(1 - torch.sqrt(view.var(dim=0) + 1e-4)).mean()
        covariance = centred.T @ centred / (len(view) - 1)
        decorrelation = decorrelation + (covariance - torch.diag(covariance.diag())).square().sum() / view.shape[1]
    return AGREEMENT * F.mse_loss(first, second) + SPREAD * spread + DECORRELATION * decorrelation


def encoder_loss(model: nn.Module, batch: dict[str, Tensor], _: torch.Generator) -> dict[str, Tensor]:
    views = torch.cat([batch["first"], batch["second"]])
    projected, logits = model(views)
    labels = batch["label"].repeat(2)
    agreement = vicreg(*projected.float().chunk(2))
    classes = F.cross_entropy(logits.float(), labels)
    return {"loss": classes + SELF_SUPERVISED * agreement, "classes": classes, "vicreg": agreement}


def initial(classes: int, seed: int) -> Learner:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch_generator(seed, "image encoder").initial_seed()))
        return Learner(classes)


def recalls(network: ImageNetwork, pairs: PatchPairs, classes: list[str]) -> dict[str, float]:
    """Return the share of patches of every class that are told right."""
    patches, labels = pairs.checked()
    found = encode_patches(network, patches)[1].argmax(axis=1)
    return {name: float((found[labels == i] == i).mean()) for i, name in enumerate(classes) if (labels == i).any()}


def card(about: dict, dataset: CellDataset, size: int) -> str:
    training = about["training"]
    told = ", ".join(f"{name} {share:.0%}" for name, share in about["check"].items())
    return f"""# Encoder of patches of stained tissue

Turns a patch of 64×64 pixels at 0.5 µm into {about["features"]} numbers, and tells {", ".join(about["classes"])}.
`cellweave score images` measures FID, KID, IS and memorisation with it.

- **Training data**: {training["images"]} images of the training split of {dataset.name}
  ({dataset.source}),
  licence {dataset.licence}, checksum `{dataset.checksum[:16]}`.
- **Training**: the class of the cell in the middle, or background (cross-entropy), and {SELF_SUPERVISED:g} × VICReg on
  two views that are turned, shifted and stained otherwise; {training["steps"]} steps of {training["batch"]} patches,
  seed {training["seed"]}; {training["parameters"]:,} parameters, bf16, {size / 1e6:.1f} MB, cellweave {__version__}.
- **Features** are whitened: uncorrelated, with variance 1, over {SCALE_PATCHES} patches of the training images.
- **Check** on validation patches, told right: {told}.
- **Limits**: it has seen one stain and one organ at 20x; it learnt to overlook small differences of stain, which
  colours are measured for. Its FID and KID cannot be compared with those of Inception features, nor its IS, which is
  at most {len(about["classes"])}; they can be between images measured with the same version only.

Made by `python tools/train_image_encoder.py out/brca --work runs/image-encoder --steps {training["steps"]} --seed
{training["seed"]}`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="folder of the log and of checkpoints to go on from")
    parser.add_argument("--steps", type=int, default=420)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    dataset = CellDataset.open(arguments.data)
    classes = [*dataset.class_names, "background"]
    pairs = PatchPairs(dataset, "training", seed=arguments.seed)
    learner = initial(len(classes), arguments.seed)
    recipe = FitRecipe(
        batch_size=arguments.batch,
        learning_rate=2e-3,
        weight_decay=0.02,
        precision="bf16",
        ema_decay=0.99,
        checkpoint_every=100,
        log_every=20,
    )
    averaged = fit(
        learner,
        encoder_loss,
        pairs,
        recipe,
        folder=arguments.work,
        steps=arguments.steps,
        seed=arguments.seed,
        run={"kind": "image encoder", "data": dataset.checksum, "widths": WIDTHS, "features": FEATURES},
        accelerator=make_accelerator("cpu"),
        progress=lambda stage, done, total, note="": (
            print(f"{stage} {done} of {total} {note}", flush=True) if done % 20 == 0 else None
        ),
    )
    prefix = "network."
    weights = {
        name.removeprefix(prefix): value.to(torch.bfloat16).contiguous()
        for name, value in averaged.items()
        if name.startswith(prefix)
    }
    network = ImageNetwork(len(classes), WIDTHS, FEATURES)
    network.load_state_dict(weights)  # in fp32, what was stored in bf16
    network.eval()
    features, _ = encode_patches(network, natural_patches(dataset, SCALE_PATCHES, arguments.seed))
    about = {
        "format": FORMAT,
        "version": VERSION,
        "code_version": __version__,
        "classes": classes,
        "widths": list(WIDTHS),
        "features": FEATURES,
        "mean": features.mean(axis=0).tolist(),
        "check": recalls(network, PatchPairs(dataset, "validation", seed=arguments.seed), classes),
        "training": {
            "data": {"name": dataset.name, "checksum": dataset.checksum, "licence": dataset.licence},
            "images": len(dataset.names("training")),
            "steps": arguments.steps,
            "batch": arguments.batch,
            "seed": arguments.seed,
            "parameters": sum(value.numel() for value in weights.values()),
        },
    }
    with atomic_folder(arguments.out, overwrite=True) as partial:
        whitening = torch.from_numpy(whitening_of(features))
        save_file({**weights, WHITENING: whitening}, partial / WEIGHTS)
        (partial / WEIGHTS).chmod(0o644)
        (partial / CARD).write_text(card(about, dataset, (partial / WEIGHTS).stat().st_size), encoding="utf-8")
        (partial / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    print(f"written to {arguments.out}: {about['check']}")


if __name__ == "__main__":
    main()
