"""The image model that users hold: from layouts of cells, or semantic masks, to images of tissue."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch

from cellweave.core import Cells, InvalidInputError
from cellweave.core.devices import choose_device, use_bf16
from cellweave.core.progress import Progress, silent
from cellweave.data import CellClass, RgbImage, SemanticMask
from cellweave.data.images import MAX_PIXELS
from cellweave.data.semantic_masks import UNKNOWN
from cellweave.diffusion import CompiledUNet, DiffusionProcess, DiffusionUNet, GuidedNetwork, SamplerRecipe, sample
from cellweave.images.condition import Scene, draw_scene
from cellweave.images.model_config import FORMAT, VERSION, refuse_misfits
from cellweave.images.network import build_network
from cellweave.images.patch_basis import ImageCodec, PatchBasis, Pixels, fold_condition
from cellweave.images.recipe import ImageRecipe
from cellweave.training import TrainingError
from cellweave.training.model_folder import (
    classes_and_scale,
    config_values,
    find_model_folder,
    load_weights,
    read_config,
)


class ImageGenerator:
    """A trained image model, conditioned on layouts of cells or on semantic masks.

    Args:
        network: Trained.
        recipe: What it was trained by.
        codec: Turns the network's data into images.
        classes: The classes of its condition's channels.
        mpp: Scale of its images, µm per pixel; None where unknown.
        device: Where to run.
        precision: ``fp32``, ``bf16`` or ``auto``: bf16 where it is faster.
        compile_network: Compile the network at its first batch, which takes a minute or so and changes images by
            rounding only.

    Raises:
        CompilationError: The network is to be compiled, and there is no compiler.

    Example::

        generator = ImageGenerator.from_pretrained("runs/img")
        images = list(generator.generate({0: layout}, seed=7))
    """

    def __init__(
        self,
        network: DiffusionUNet,
        recipe: ImageRecipe,
        *,
        codec: ImageCodec,
        classes: Sequence[CellClass],
        mpp: float | None,
        device: torch.device | None = None,
        precision: str = "auto",
        compile_network: bool = False,
    ) -> None:
        self.device = device or choose_device()
        self.bf16 = use_bf16(precision, self.device)
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._called = CompiledUNet(self.network) if compile_network else self.network
        self.recipe, self.classes, self.mpp = recipe, tuple(classes), mpp
        self.codec = codec
        self.process = DiffusionProcess(recipe.process)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in label order."""
        return tuple(one.name for one in self.classes)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        device: str | None = "auto",
        precision: str = "auto",
        compile_network: bool = False,
    ) -> ImageGenerator:
        """Load a model folder: a local path, a shipped model's name, or ``owner/name`` on the hub with a revision.

        Raises:
            ModelFolderError: There is no such model, or its files are missing, damaged or of another kind.
            InvalidInputError: The device cannot be used.
            CompilationError: The network is to be compiled, and there is no compiler.
        """
        folder = find_model_folder(name_or_path, revision=revision)
        config = read_config(folder, kind=FORMAT, version=VERSION)
        with config_values(folder):
            recipe = ImageRecipe.model_validate(config["recipe"])
            classes, mpp = classes_and_scale(config)
            codec = Pixels() if recipe.basis is None else PatchBasis.from_json(config["basis"])
            refuse_misfits(recipe, classes, mpp, codec)
        network = build_network(recipe, len(classes))
        load_weights(network, folder)
        return cls(
            network,
            recipe,
            codec=codec,
            classes=classes,
            mpp=mpp,
            device=choose_device(device),
            precision=precision,
            compile_network=compile_network,
        )

    def generate(
        self,
        scenes: Sequence[tuple[int, Scene]],
        *,
        seed: int,
        batch_size: int = 4,
        sampler: SamplerRecipe | None = None,
        guidance: float | None = None,
        progress: Progress = silent,
    ) -> Iterator[tuple[int, RgbImage]]:
        """Yield an image, uint8 (H, W, 3), for every layout or mask; it depends on seed, number and that alone.

        Args:
            scenes: Number, and cells or mask, of every image; those of one size are generated together.
            seed: Of the run.
            batch_size: Images at a time. A compiled network is always given as many, the last one repeated where a
                batch lacks some: another number would be compiled anew, which takes longer than a batch.
            sampler: Sampler and steps; the recipe's when None.
            guidance: s of classifier-free guidance, 0 for none; the recipe's when None.
            progress: Called after every batch.

        Raises:
            InvalidInputError: A layout or mask cannot be painted, see :meth:`check_scene`, or the model not be guided,
                see :meth:`guidance_scale`.
            TrainingError: The network returns numbers that are not finite.
            CompilationError: The network is to be compiled, and cannot be.
        """
        for index, scene in scenes:
            self.check_scene(index, scene)
        network = GuidedNetwork(self._called, self.guidance_scale(guidance))
        done = 0
        for group in _batches(scenes, batch_size):
            height, width = group[0][1].shape
            stride, side = self.recipe.stride, self.codec.side
            # of two strides at least: the coarsest level has to normalise over more than one pixel
            padded = (max(height + -height % stride, 2 * stride), max(width + -width % stride, 2 * stride))
            conditions = [self._condition(scene, padded) for _, scene in group]
            indices = [index for index, _ in group]
            lacking = batch_size - len(group) if self._called is not self.network else 0
            data = sample(
                network,
                self.process,
                (self.codec.channels, padded[0] // side, padded[1] // side),
                seed=seed,
                indices=indices + indices[-1:] * lacking,
                recipe=sampler or self.recipe.sampler,
                device=self.device,
                batch_size=batch_size,
                condition=torch.stack(conditions + conditions[-1:] * lacking),
                bf16=self.bf16,
            )
            if not bool(data.isfinite().all()):
                raise TrainingError("the image model returns NaN or infinity: its training went wrong; train again.")
            for (index, _), one in zip(group, data[: len(group)], strict=True):
                yield index, np.ascontiguousarray(self.codec.decode(one.numpy())[:height, :width])
            done += len(group)
            progress("generating images", done, len(scenes))

    def guidance_scale(self, asked: float | None) -> float:
        """Return the scale of guidance to use: the one asked for, or the recipe's.

        Raises:
            InvalidInputError: It is not from 0 to 100, or the model was trained without dropping its condition.
        """
        scale = self.recipe.guidance if asked is None else asked
        if not 0 <= scale <= 100:
            raise InvalidInputError(f"the scale of guidance is a number from 0 (none) to 100, got {scale:g}.")
        if scale and self.recipe.fine_tuning is None:
            raise InvalidInputError(
                "the image model cannot be guided, because it always saw its condition; train it with fine_tuning, or "
                "leave guidance out."
            )
        return scale

    def check_scene(self, index: int, scene: Scene) -> None:
        """Make sure that a layout or a mask can be painted.

        Args:
            index: Its number, for the message.
            scene: The layout or mask.

        Raises:
            InvalidInputError: The model paints the other kind; or it has classes that the model does not know, another
                scale, too many unknown pixels, or a frame without a pixel or with more than an image can have.
        """
        wanted, given = ("layouts", "masks") if self.recipe.masks is None else ("masks", "layouts")
        if isinstance(scene, SemanticMask) != (wanted == "masks"):
            raise InvalidInputError(f"the image model paints {wanted}, not {given}; give it --{wanted}.")
        height, width = scene.shape
        if not 1 <= height * width <= MAX_PIXELS:
            raise InvalidInputError(
                f"layout {index} has a frame of {width}×{height} pixels; an image has at least one and at most "
                f"{MAX_PIXELS:,}: correct its width and height, or cut it into tiles."
            )
        if isinstance(scene, Cells):
            self.check_frame(index, scene)
        else:
            self._check_mask(index, scene)

    def check_frame(self, index: int, cells: Cells) -> None:
        """Make sure that cells, or those of a mask, are of the model's classes and scale.

        Raises:
            InvalidInputError: They are not.
        """
        if cells.classes != self.class_names:
            raise InvalidInputError(
                f"layout {index} has the classes {list(cells.classes)}, the image model {list(self.class_names)}; "
                "use models that were trained on the same classes."
            )
        if cells.mpp is not None and self.mpp is not None and abs(cells.mpp / self.mpp - 1) > 0.05:
            raise InvalidInputError(
                f"layout {index} has {cells.mpp:g} µm per pixel, the image model {self.mpp:g}; "
                "use models that were trained at one scale."
            )

    def _check_mask(self, index: int, mask: SemanticMask) -> None:
        strange = mask.classes[(mask.classes > len(self.classes)) & (mask.classes != UNKNOWN)]
        if strange.size:
            raise InvalidInputError(
                f"mask {index} has class code {strange.min()}, and the image model knows {len(self.classes)} classes."
            )
        allowed = 0.0 if self.recipe.masks is None else self.recipe.masks.unknown_share
        if mask.unknown_share > allowed:
            raise InvalidInputError(
                f"{mask.unknown_share:.1%} of mask {index} is unknown, and the image model has seen masks with at most "
                f"{allowed:.1%}; cut patches without such pixels by `cellweave data patches`."
            )

    def _condition(self, scene: Scene, padded: tuple[int, int]) -> torch.Tensor:
        drawn = draw_scene(scene, self.recipe, len(self.classes))
        bottom, right = padded[0] - scene.shape[0], padded[1] - scene.shape[1]
        # by reflection: told that there is no cell, the network paints the last pixels as the rim of a gap, too bright
        framed = [cv2.copyMakeBorder(one, 0, bottom, 0, right, cv2.BORDER_REFLECT) for one in drawn]
        return torch.from_numpy(fold_condition(np.stack(framed).astype(np.float32), self.codec.side))


def _batches(scenes: Sequence[tuple[int, Scene]], size: int) -> Iterator[list[tuple[int, Scene]]]:
    """Yield layouts or masks of one size in batches, in the order in which they come."""
    batch: list[tuple[int, Scene]] = []
    for one in scenes:
        if batch and (len(batch) == size or batch[0][1].shape != one[1].shape):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch
