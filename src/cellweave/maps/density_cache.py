"""Density maps on disk, found by the hash of everything that they depend on."""

from __future__ import annotations

import hashlib
import json
import warnings
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cellweave.core import Cells, atomic_file
from cellweave.maps.codec import Raster
from cellweave.maps.density_settings import DensitySettings

VERSION = 1
"""Of the files and of the fits: raised whenever either changes, so that nothing old is read."""


@dataclass(frozen=True, slots=True)
class DensityCache:
    """A folder of density maps, one file an image; it may be removed at any time.

    Attributes:
        folder: Made when the first maps are written.
    """

    folder: Path

    def path(self, cells: Cells, settings: DensitySettings, *, seed: int) -> Path:
        """Return the file of an image's maps, named by the hash of its cells, its frame, the settings and the seed.

        Neither the order of the cells, nor those of unknown class, nor the names of the classes matter.
        """
        described = {"version": VERSION, "shape": cells.shape, "classes": len(cells.classes), "seed": seed}
        content = hashlib.sha256(json.dumps({**described, **asdict(settings)}, sort_keys=True).encode())
        known = cells.labels >= 0
        xy, labels = cells.xy[known], cells.labels[known]
        order = np.lexsort((*xy.T, labels))
        content.update(xy[order].astype("<f8").tobytes())
        content.update(labels[order].astype("<i8").tobytes())
        return Path(self.folder) / f"{content.hexdigest()}.npz"

    def read(self, cells: Cells, settings: DensitySettings, *, seed: int) -> Raster | None:
        """Return an image's maps (C, H, W), None where there are none; damaged ones are none, and a warning says so."""
        path = self.path(cells, settings, seed=seed)
        if not path.is_file():
            return None
        try:
            # a zip file: its checksums find changed bytes
            with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as stored:
                maps = stored["maps"]
        except (OSError, ValueError, KeyError, EOFError, TypeError, NotImplementedError, zipfile.BadZipFile) as error:
            _warn(path, (str(error) or type(error).__name__).splitlines()[0])
            return None
        shape = (len(cells.classes), *cells.shape)
        if not isinstance(maps, np.ndarray) or maps.dtype != np.float32 or maps.shape != shape:
            _warn(path, f"it does not hold float32 maps of shape {shape}")
            return None
        if not (np.isfinite(maps) & (maps >= 0)).all():
            _warn(path, "a density is not a number >= 0")
            return None
        return maps

    def write(self, cells: Cells, settings: DensitySettings, maps: Raster, *, seed: int) -> None:
        """Store an image's maps, whole or not at all.

        Raises:
            OutputError: The folder cannot be written.
        """
        with atomic_file(self.path(cells, settings, seed=seed)) as partial, open(partial, "wb") as stream:
            np.savez(stream, maps=maps)


def _warn(path: Path, reason: str) -> None:
    warnings.warn(f"{path} is damaged ({reason}); its density maps are drawn anew.", RuntimeWarning, stacklevel=3)
