import json
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError, ModelFolderError
from cellweave.data.phantom import phantom_patch
from cellweave.encoders import LayoutEncoder, fixed_projection
from cellweave.encoders.folder import ABOUT, WEIGHTS
from cellweave.encoders.layout_encoder import SHIPPED, layout_rasters, pool_places

ENCODER = LayoutEncoder.from_pretrained()
LAYOUTS = [phantom_patch(i, seed=0, size=200).cells for i in range(3)]
CLASSES = LAYOUTS[0].classes
FOLDER = Path(str(resources.files("cellweave.weights"))) / SHIPPED


def test_the_shipped_encoder_is_small_and_says_what_it_learnt_from():
    assert (FOLDER / WEIGHTS).stat().st_size <= 1_000_000
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "BSD-3-Clause" in card
    assert "tools/train_layout_encoder.py" in card


def test_features_of_any_set_of_classes_and_of_any_number_of_layouts():
    for classes, kept in ((CLASSES, 32), (CLASSES[:1], 32), ((), 32)):
        features = ENCODER.features(LAYOUTS, classes, dimensions=32)
        assert features.shape == (3, kept)
        assert np.isfinite(features).all()
    alone = ENCODER.features(LAYOUTS[1:2], CLASSES, dimensions=32)
    np.testing.assert_allclose(alone[0], ENCODER.features(LAYOUTS, CLASSES, dimensions=32)[1], rtol=1e-6)
    assert ENCODER.features([], CLASSES, dimensions=32).shape == (0, 32)
    empty = Cells.empty(classes=CLASSES, shape=(200, 200), mpp=0.5)
    assert np.isfinite(ENCODER.features([empty], CLASSES, dimensions=32)).all()


def test_the_scale_of_the_pixels_makes_no_difference():
    cells = LAYOUTS[0]
    finer = cells.scaled(2)
    np.testing.assert_allclose(
        ENCODER.features([finer], CLASSES, dimensions=8), ENCODER.features([cells], CLASSES, dimensions=8), atol=1e-9
    )


def test_clustered_cells_are_told_from_as_many_at_random():
    rng = np.random.default_rng(0)
    sides = []
    for clustered in (True, False):
        layouts = []
        for _ in range(8):
            middles = rng.random((5, 2)) * 200 if clustered else rng.random((60, 2)) * 200
            xy = np.repeat(middles, 60 // len(middles), axis=0) + rng.normal(0, 8, (60, 2)) * clustered
            layouts.append(Cells(np.clip(xy, 0, 199.9), [0] * 60, classes=("a",), shape=(200, 200), mpp=0.5))
        sides.append(ENCODER.features(layouts, ("a",), dimensions=32))
    between = np.linalg.norm(sides[0].mean(0) - sides[1].mean(0))
    within = max(np.sqrt(side.var(axis=0).sum() / 8) for side in sides)
    assert between > 3 * within


def test_places_move_with_the_cells():
    moved = LAYOUTS[0].crop(-32, -16, (232, 216))  # 2 places down and 1 to the right at 16 px a place
    here, there = (ENCODER.places(one, CLASSES, dimensions=12) for one in (LAYOUTS[0], moved))
    assert here.shape == (12, 13, 13)
    np.testing.assert_allclose(there[:, 5:9, 4:9], here[:, 3:7, 3:8], atol=1e-4)


def test_pooled_features_by_hand():
    # One feature, 4×4 places: left half 1, right half 0; a checkerboard within would vanish between squares
    halves = np.zeros((1, 1, 4, 4))
    halves[..., :2] = 1
    np.testing.assert_allclose(pool_places(halves), [[0.5, 0.5, 0.5 / 0.55, 0]])
    board = np.indices((4, 4)).sum(axis=0)[None, None] % 2.0
    np.testing.assert_allclose(pool_places(board), [[0.5, 0.5, 0, 0]])
    with pytest.raises(InvalidInputError, match="layouts of 3×4 places of 8 µm are too small"):
        pool_places(np.zeros((1, 1, 4, 3)))


def test_rasters_hold_all_cells_then_each_class():
    cells = Cells([[4, 4], [12, 4]], [0, -1], classes=("a", "b"), shape=(16, 16), mpp=0.5)
    rasters = layout_rasters(cells, ("a", "b"))
    assert rasters.shape == (3, 8, 8)
    assert rasters.sum(axis=(1, 2)).tolist() == [18, 9, 0]


def test_the_projection_is_orthonormal_and_fixed():
    directions = fixed_projection(40, 12)
    np.testing.assert_allclose(directions.T @ directions, np.eye(12), atol=1e-12)
    np.testing.assert_array_equal(directions, fixed_projection(40, 12))
    np.testing.assert_array_equal(directions[:, :5], fixed_projection(40, 5))
    assert fixed_projection(4, 12).shape == (4, 4)


def test_bad_input_is_named(tmp_path):
    unknown = Cells([[4, 4]], [0], classes=("a",), shape=(64, 64))
    with pytest.raises(InvalidInputError, match=r"no scale \(mpp\)"):
        ENCODER.features([unknown], ("a",), dimensions=8)
    with pytest.raises(ModelFolderError, match="holds no layout encoder"):
        LayoutEncoder.from_pretrained(tmp_path)
    copy = shutil.copytree(FOLDER, tmp_path / "copy")
    (copy / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(ModelFolderError, match="holds no layout encoder"):
        LayoutEncoder.from_pretrained(copy)
    about = json.loads((copy / ABOUT).read_text(encoding="utf-8"))
    (copy / ABOUT).write_text(json.dumps(about | {"version": 2}), encoding="utf-8")
    with pytest.raises(ModelFolderError, match="version 2; this program reads"):
        LayoutEncoder.from_pretrained(copy)
