"""Train the encoder that layouts are compared with, and put it under src/cellweave/weights/layout-encoder.

    cellweave data import brca-m2c PATH --out out/brca
    python tools/train_layout_encoder.py out/brca

Layouts of the training split and as many of phantom tissue, one channel at a time: all cells, or those of one class.
Some minutes on one core; the same seed gives the same weights on the same machine.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from cellweave import __version__
from cellweave.core import atomic_folder, numpy_generator
from cellweave.data import CellDataset
from cellweave.data.phantom import phantom_patch
from cellweave.encoders.folder import ABOUT, CARD, WEIGHTS
from cellweave.encoders.layout_autoencoder import LayoutAutoencoder
from cellweave.encoders.layout_encoder import FORMAT, SHIPPED, VERSION, encode_rasters, layout_rasters, pool_places

TARGET = Path(__file__).parents[1] / "src" / "cellweave" / "weights" / SHIPPED
WIDTHS, MIDDLE = (8, 16, 32), 12
CROP, BATCH = 96, 8
PHANTOM_PX = 320
LEARNING_RATE = 2e-3
MARKER_WEIGHT = 8.0
"""A twentieth of the pixels are marked: unweighted, drawing nothing would be nearly right."""

Rasters = list[np.ndarray]


def read_rasters(dataset: CellDataset) -> Rasters:
    layouts = [dataset.read_cells(name) for name in dataset.names("training")]
    return [layout_rasters(cells, dataset.class_names) for cells in layouts]


def phantom_rasters(count: int, seed: int) -> Rasters:
    layouts = [phantom_patch(index, seed=seed, size=PHANTOM_PX, mpp=0.5).cells for index in range(count)]
    return [layout_rasters(cells, cells.classes) for cells in layouts]


def draw_batch(rasters: Rasters, rng: np.random.Generator) -> torch.Tensor:
    """Return crops of random channels, flipped and turned, (BATCH, 1, CROP, CROP)."""
    crops = []
    for _ in range(BATCH):
        layout = rasters[rng.integers(len(rasters))]
        channel = layout[rng.integers(len(layout))]
        row, column = (rng.integers(side - CROP + 1) for side in channel.shape)
        crop = np.rot90(channel[row : row + CROP, column : column + CROP], rng.integers(4))
        crops.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return torch.from_numpy(np.stack(crops))[:, None]


def fit(network: LayoutAutoencoder, rasters: Rasters, *, steps: int, seed: int) -> float:
    """Train the network; return the mean loss of the last tenth of the steps."""
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    weight, losses = torch.tensor(MARKER_WEIGHT), []
    began = time.monotonic()
    for step in range(steps):
        batch = draw_batch(rasters, numpy_generator(seed, "layout encoder", step))
        loss = F.binary_cross_entropy_with_logits(network(batch), batch, pos_weight=weight)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            recent = np.mean(losses[-100:])
            print(f"step {step + 1} of {steps}, loss {recent:.4f}, {time.monotonic() - began:.0f} s", flush=True)
    return float(np.mean(losses[-max(1, steps // 10) :]))


def recall(network: LayoutAutoencoder, rasters: Rasters, seed: int) -> dict[str, float]:
    """Return how well markers are drawn again: share of marked pixels found, and of found pixels that are marked."""
    batches = [draw_batch(rasters, numpy_generator(seed, "layout encoder check", i)) for i in range(16)]
    with torch.inference_mode():
        drawn = [network(batch) > 0 for batch in batches]
    both = sum(float((one & (batch > 0)).sum()) for one, batch in zip(drawn, batches, strict=True))
    marked, found = sum(float(batch.sum()) for batch in batches), sum(float(one.sum()) for one in drawn)
    return {"markers_found": both / marked, "found_are_markers": both / max(found, 1.0)}


def scales(network: LayoutAutoencoder, rasters: Rasters) -> dict[str, list[float]]:
    """Return mean and standard deviation of the pooled features of channels of real layouts."""
    pooled = np.concatenate([pool_places(encode_rasters(network.encoder, torch.from_numpy(one))) for one in rasters])
    return {"mean": pooled.mean(axis=0).tolist(), "spread": pooled.std(axis=0).tolist()}


def card(about: dict, dataset: CellDataset, size: int) -> str:
    training, check = about["training"], about["check"]
    return f"""# Encoder of cell layouts

Turns a raster of cells (3×3 markers, 1 µm a pixel, one channel: all cells or those of one class) into
{about["middle"]} numbers every 8 µm. `cellweave score layouts` measures the spatial-FID and memorisation with it.

- **Training data**: layouts, not images: {training["layouts"]} of the training split of {dataset.name}
  ({dataset.source}), licence {dataset.licence},
  checksum `{dataset.checksum[:16]}`; and {training["phantoms"]} of cellweave's phantom tissue.
- **Training**: the middle of an autoencoder that draws the markers again, {training["steps"]} steps of
  {BATCH} crops of {CROP} µm, seed {training["seed"]}; {training["parameters"]:,} parameters with the decoder,
  {size / 1000:.0f} kB, cellweave {__version__}.
- **Check** on validation layouts: {check["markers_found"]:.0%} of the marked pixels are drawn again,
  {check["found_are_markers"]:.0%} of the drawn ones were marked.
- **Limits**: it knows arrangements of cells at scales up to about 50 µm; distances in its features are comparable
  between layouts measured with the same version only.

Made by `python tools/train_layout_encoder.py out/brca --steps {training["steps"]} --seed {training["seed"]}`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    dataset = CellDataset.open(arguments.data)
    real = read_rasters(dataset)
    phantoms = phantom_rasters(len(real), arguments.seed)
    torch.manual_seed(arguments.seed)
    network = LayoutAutoencoder(WIDTHS, MIDDLE)
    loss = fit(network, real + phantoms, steps=arguments.steps, seed=arguments.seed)
    held_out = [layout_rasters(dataset.read_cells(name), dataset.class_names) for name in dataset.names("validation")]
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    about = {
        "format": FORMAT,
        "version": VERSION,
        "code_version": __version__,
        "widths": list(WIDTHS),
        "middle": MIDDLE,
        **scales(network, real),
        "check": recall(network, held_out, arguments.seed),
        "training": {
            "data": {"name": dataset.name, "checksum": dataset.checksum, "licence": dataset.licence},
            "layouts": len(real),
            "phantoms": len(phantoms),
            "steps": arguments.steps,
            "seed": arguments.seed,
            "loss": loss,
            "parameters": sum(value.numel() for value in network.parameters()),
        },
    }
    with atomic_folder(arguments.out, overwrite=True) as partial:
        save_file(weights, partial / WEIGHTS)
        (partial / WEIGHTS).chmod(0o644)
        (partial / CARD).write_text(card(about, dataset, (partial / WEIGHTS).stat().st_size), encoding="utf-8")
        (partial / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    print(f"written to {arguments.out}: {about['check']}")


if __name__ == "__main__":
    main()
