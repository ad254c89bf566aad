from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from cellweave.core import Cells, InvalidInputError
from cellweave.data.writers import write_anndata

COLOURS = {"tumor": "#d55e00", "stromal": "#56b4e9"}


def cells_of(xy: list[list[float]], labels: list[int], **options) -> Cells:
    return Cells(xy, labels, classes=tuple(COLOURS), shape=(20, 30), **({"mpp": 0.5} | options))


def write(path: Path, cells: dict[str, Cells], **options) -> anndata.AnnData:
    write_anndata(path, cells, COLOURS, **options)
    return anndata.read_h5ad(path)


def test_every_cell_is_an_observation(tmp_path: Path) -> None:
    cells = {"a": cells_of([[1.5, 2.25], [9, 8]], [0, -1]), "empty": cells_of([], []), "b": cells_of([[3, 4]], [0])}
    read = write(tmp_path / "a.h5ad", cells)
    assert read.obs_names.tolist() == ["a-0", "a-1", "b-0"]
    assert read.obs["image"].tolist() == ["a", "a", "b"]
    assert read.obs["label"].tolist() == ["tumor", np.nan, "tumor"]
    assert read.obsm["spatial"].tolist() == [[1.5, 2.25], [9, 8], [3, 4]]
    assert read.shape == (3, 0)


def test_classes_colours_and_images_are_kept(tmp_path: Path) -> None:
    cells = {"a": cells_of([[1.5, 2.25]], [0]), "empty": cells_of([], [])}
    more = pd.DataFrame({"split": ["training", "test"], "group": ["p", "q"]})
    read = write(tmp_path / "a.h5ad", cells, images=more, about={"name": "mine", "licence": "CC0"})
    assert read.obs["label"].cat.categories.tolist() == ["tumor", "stromal"]
    assert read.obs["image"].cat.categories.tolist() == ["a", "empty"]
    assert read.uns["label_colors"].tolist() == ["#d55e00", "#56b4e9"]
    assert read.uns["mpp"] == 0.5
    assert read.uns["images"].to_dict("index") == {
        "a": {"width": 30, "height": 20, "mpp": 0.5, "split": "training", "group": "p"},
        "empty": {"width": 30, "height": 20, "mpp": 0.5, "split": "test", "group": "q"},
    }
    assert read.uns["cellweave"] == {"name": "mine", "licence": "CC0"}


@pytest.mark.parametrize("scales", [(0.5, 0.25), (0.5, None), (None, None)])
def test_one_scale_is_stated_where_there_is_one(tmp_path: Path, scales: tuple[float | None, ...]) -> None:
    read = write(tmp_path / "a.h5ad", {str(i): cells_of([[1, 1]], [0], mpp=mpp) for i, mpp in enumerate(scales)})
    assert "mpp" not in read.uns
    assert read.uns["images"]["mpp"].replace({np.nan: None}).tolist() == list(scales)
    assert ("spatial_um" in read.obsm) == (None not in scales)


def test_positions_are_in_pixels_and_where_possible_in_micrometres(tmp_path: Path) -> None:
    read = write(tmp_path / "a.h5ad", {"a": cells_of([[4, 8]], [0]), "b": cells_of([[4, 8]], [0], mpp=0.25)})
    assert read.uns["spatial_unit"] == "pixel"
    assert read.obsm["spatial"].tolist() == [[4, 8], [4, 8]]
    assert read.obsm["spatial_um"].tolist() == [[2, 4], [1, 2]]


def test_scores_are_kept_where_there_are_some(tmp_path: Path) -> None:
    read = write(tmp_path / "a.h5ad", {"a": cells_of([[1, 1], [2, 2]], [0, 1], scores=[0.25, 0.5])})
    assert read.obs["score"].tolist() == [0.25, 0.5]
    assert "score" not in write(tmp_path / "a.h5ad", {"a": cells_of([[1, 1]], [0])}).obs


def test_no_cells_and_no_classes_are_fine(tmp_path: Path) -> None:
    write_anndata(tmp_path / "a.h5ad", {"a": Cells.empty(classes=(), shape=(4, 4))}, {})
    read = anndata.read_h5ad(tmp_path / "a.h5ad")
    assert read.shape == (0, 0)
    assert read.obsm["spatial"].shape == (0, 2)


def test_bad_arguments_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"a\.h5 must end in \.h5ad"):
        write_anndata(tmp_path / "a.h5", {}, {})
    with pytest.raises(InvalidInputError, match="class 'tumor' has no colour"):
        write_anndata(tmp_path / "a.h5ad", {"a": cells_of([[1, 1]], [0])}, {})
    assert list(tmp_path.iterdir()) == []
