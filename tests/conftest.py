"""What all tests share: no test is timed, and a localiser made by hand that finds dark spots."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import settings

from cellweave.core import Cells
from cellweave.data import CellClass
from cellweave.localization import HalfUNet, Locator, LocatorRecipe
from cellweave.localization.class_reading import ClassReading
from cellweave.localization.locator import locator_config
from cellweave.maps import PeakFinder
from cellweave.training import write_model_folder

settings.register_profile("cellweave", deadline=None)
settings.load_profile("cellweave")


@dataclass(frozen=True)
class SpotModel:
    """A localiser that needs no training: its map is the darkness of a pixel, its classes are blue and red spots."""

    network: HalfUNet
    recipe: LocatorRecipe
    classes: tuple[CellClass, ...]
    finder: PeakFinder
    mpp: float | None

    def locator(self) -> Locator:
        return Locator(
            self.network,
            self.recipe,
            classes=self.classes,
            mpp=self.mpp,
            finder=self.finder,
            device=torch.device("cpu"),
            precision="fp32",
        )

    def write(self, folder: Path, *, class_reading: ClassReading | None = None) -> Path:
        config = locator_config(
            self.recipe,
            classes=self.classes,
            mpp=self.mpp,
            finder=self.finder,
            class_reading=class_reading,
            training={"steps": 0},
        )
        write_model_folder(folder, weights=self.network.state_dict(), config=config, metrics={}, card="# By hand\n")
        return folder


def spot_model_of(*, classes: tuple[str, ...] = ("blue", "red"), mpp: float | None = 0.5) -> SpotModel:
    """Return a localiser whose map is 1 minus the mean light, with logits 10 × the red and 10 × the blue it lacks."""
    recipe = LocatorRecipe.model_validate({"network": {"widths": [3], "unshuffle": 1}})
    network = HalfUNet(recipe.network, 1, len(classes)).eval()
    first, normalisation, _, second, *_ = network.encoder[0]
    with torch.no_grad():
        for layer in (first, second, network.head):
            layer.weight.zero_()
        # input x is (light - 0.7) / 0.25, so 1 - light is 0.3 - 0.25 x
        first.weight[:, :, 1, 1] = -0.25 * torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1.0, 0, 0], [0, 0, 1.0]])
        normalisation.bias.fill_(0.3)
        second.weight[:, :, 1, 1] = torch.eye(3)
        network.head.bias.zero_()
        for channel, factor in enumerate((1.0, 10.0, 10.0)[: 1 + len(classes)]):
            network.head.weight[channel, channel, 0, 0] = factor
    shown = tuple(CellClass(name, colour) for name, colour in zip(classes, ("#0000ff", "#ff0000"), strict=False))
    return SpotModel(network, recipe, shown, PeakFinder(9, 0.2, subpixel=True), mpp)


def draw_spots(cells: Cells, *, sigma: float = 3.0) -> np.ndarray:
    """Return a white image, uint8 (H, W, 3), with a soft spot at every cell, blue for label 0 and red for label 1."""
    y, x = np.indices(cells.shape) + 0.5
    light = np.ones((*cells.shape, 3))
    for (cx, cy), label in zip(cells.xy, cells.labels, strict=True):
        spot = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
        light -= spot[..., None] * ((0.9, 0.7, 0.1) if label == 0 else (0.1, 0.7, 0.9))
    return cv2.convertScaleAbs(light.clip(0, 1), alpha=255)


@pytest.fixture(scope="session")
def spot_cells() -> Cells:
    """Twelve cells of two classes on a jittered grid, 160 × 128 (width × height) pixels at 0.5 µm."""
    rng = np.random.default_rng(5)
    grid = np.stack(np.meshgrid(np.arange(20, 160, 40), np.arange(20, 128, 40)), axis=-1).reshape(-1, 2)
    xy = grid + rng.uniform(-6, 6, grid.shape)
    return Cells(xy, np.arange(12) % 2, classes=("blue", "red"), shape=(128, 160), mpp=0.5)


@pytest.fixture(scope="session")
def make_spot_model() -> Callable[..., SpotModel]:
    return spot_model_of


@pytest.fixture(scope="session")
def spot_model() -> SpotModel:
    return spot_model_of()


@pytest.fixture(scope="session")
def spot_image(spot_cells: Cells) -> np.ndarray:
    return draw_spots(spot_cells)


@pytest.fixture(scope="session")
def paint_spots() -> Callable[..., np.ndarray]:
    return draw_spots


@pytest.fixture(scope="session")
def spot_folder(tmp_path_factory: pytest.TempPathFactory, spot_model: SpotModel) -> Path:
    """A model folder with the hand-made localiser."""
    return spot_model.write(tmp_path_factory.mktemp("spots") / "model")


@pytest.fixture
def compiled_graphs() -> Iterator[list[torch.fx.GraphModule]]:
    """Let ``torch.compile`` take the operations as they are, without C++; return what it compiled, one by one."""
    graphs: list[torch.fx.GraphModule] = []

    def keep(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., object]:
        graphs.append(graph)
        return graph.forward

    torch.compiler.reset()  # it remembers sizes from test to test
    torch.compiler.set_default_backend(keep)
    yield graphs
    torch.compiler.set_default_backend(None)
