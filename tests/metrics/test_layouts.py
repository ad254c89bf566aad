import json

import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics import raster_round_trip, score_layouts
from cellweave.metrics.layout_arms import crop_to_centre, throw_at_random
from cellweave.metrics.layout_scores import LayoutRow, Level
from cellweave.metrics.layout_table import layout_table
from cellweave.patterns import poisson_points, thomas_points

CLASSES = ("a", "b")
SHAPE = (260, 250)
MPP = 0.5


def layout(xy_of_a, xy_of_b, *, shape=SHAPE, mpp=MPP, classes=CLASSES):
    labels = [0] * len(xy_of_a) + [1] * len(xy_of_b)
    return Cells(np.concatenate([xy_of_a, xy_of_b]), labels, classes=classes, shape=shape, mpp=mpp)


def clustered(seed):
    rng = np.random.default_rng(seed)
    return layout(thomas_points(2e-4, 8, 8, shape=SHAPE, rng=rng), poisson_points(1e-3, SHAPE, rng))


def uniform(seed):
    rng = np.random.default_rng(seed)
    return layout(poisson_points(1.6e-3, SHAPE, rng), poisson_points(1e-3, SHAPE, rng))


REAL = [clustered(i) for i in range(24)]


def features(layouts, classes):
    """Numbers of cells, and how unevenly they lie: two features a class."""
    kinds = [one.of_class(name) for one in layouts for name in classes]
    halves = [abs(np.mean(kind.xy[:, 0] < 125) - 0.5) if len(kind) else 0 for kind in kinds]
    return np.stack([[len(kind) / 20 for kind in kinds], halves], axis=1).reshape(len(layouts), -1)


@pytest.fixture(scope="module")
def of_the_same_process():
    synthetic = [clustered(100 + i) for i in range(12)]
    return score_layouts(REAL, synthetic, round_trip=raster_round_trip, features=features, splits=6, resamples=30)


@pytest.fixture(scope="module")
def of_random_places():
    return score_layouts(REAL, [uniform(200 + i) for i in range(12)], round_trip=raster_round_trip, splits=6)


def test_the_scale_runs_from_the_same_process_to_random_places(of_the_same_process, of_random_places):
    for arm in ("raster", "raw"):
        for measure in ("nearest_neighbour", "ripley_l", "pair_correlation"):
            for label in ("all", "a"):
                assert abs(of_the_same_process.row(measure, label, arm=arm).position) < 0.25
                assert of_random_places.row(measure, label, arm=arm).position == pytest.approx(1, abs=0.25)


def test_a_class_without_structure_has_no_position_and_this_is_said(of_random_places):
    rows = [row for row in of_random_places.rows if row.label == "b" and row.position is None]
    assert rows
    assert any("random layouts are hardly farther" in note and " of b (" in note for note in of_random_places.notes)


def test_counts(of_the_same_process):
    row = of_the_same_process.count_row("b", arm="raw")
    counts = [one.counts()["b"] for one in (crop_to_centre(real, SHAPE) for real in REAL)]
    assert row.real_mean == pytest.approx(np.mean(counts))
    assert row.real_sd == pytest.approx(np.std(counts, ddof=1))
    assert row.ratio == pytest.approx(row.synthetic_mean / row.real_mean)
    assert of_the_same_process.count_row().real_mean <= of_the_same_process.count_row(arm="raw").real_mean


def test_json_holds_everything_and_nothing_but_json(of_the_same_process):
    about = json.loads(json.dumps(of_the_same_process.to_json(), allow_nan=False))
    assert list(about["position"]) == ["nearest_neighbour", "ripley_l", "pair_correlation", "spatial_fid"]
    assert set(about["overall"]) == {"synthetic", "fitted"}
    assert (about["resamples"], about["memorisation"], len(about["process"])) == (30, None, 2)
    assert about["position"]["pair_correlation"] == of_the_same_process.row("pair_correlation").position
    labels = [row["label"] for row in about["rows"] if (row["arm"], row["measure"]) == ("raster", "nearest_neighbour")]
    assert labels == ["all", "a", "b", "mean of classes", "a → b", "b → a", "mean of class pairs"]
    labels = [row["label"] for row in about["rows"] if (row["arm"], row["measure"]) == ("raw", "pair_correlation")]
    assert labels == ["all", "a", "b", "mean of classes", "a – b"]
    assert (about["real"], about["synthetic"], about["layouts_per_side"], about["splits"]) == (24, 12, 12, 6)
    assert about["frame_px"] == [260, 250]


def test_same_seed_same_scores_and_synthetic_order_is_all_that_counts():
    synthetic = [clustered(100 + i) for i in range(4)]
    first, again, other = (score_layouts(REAL[:8], synthetic, splits=2, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.rows != other.rows
    assert first.arms == ("raw",)


def test_all_layouts_are_cropped_to_the_smallest_frame():
    small = [one.crop(0, 0, (200, 240)) for one in (clustered(i) for i in range(4))]
    scores = score_layouts(REAL[:8], small, splits=1)
    assert scores.frame_px == (200, 240)
    expected = np.mean([len(one.crop(30, 5, (200, 240))) for one in REAL[:8]])
    assert scores.count_row().real_mean == pytest.approx(expected)


def test_a_class_that_is_never_made_has_no_position_and_no_mean():
    without = [layout(poisson_points(1e-3, SHAPE, np.random.default_rng(i)), np.zeros((0, 2))) for i in range(4)]
    scores = score_layouts(REAL[:8], without, splits=2)
    for label in ("b", "mean of classes", "a → b"):
        assert scores.row("nearest_neighbour", label).position is None
    assert scores.row("pair_correlation", "b").distance.to_json() == {"mean": None, "sd": None}
    assert any("one side has too few cells" in note for note in scores.notes)


def test_round_trip_leaves_isolated_cells_within_a_pixel_and_is_stable():
    cells = layout([[10.2, 10.9], [100.4, 40.0]], [[200.0, 200.0], [30.0, 249.9]], shape=(260, 250))
    back = raster_round_trip(cells)
    order = np.lexsort((back.xy[:, 0], back.labels)), np.lexsort((cells.xy[:, 0], cells.labels))
    assert np.abs(back.xy[order[0]] - cells.xy[order[1]]).max() <= 1
    assert (back.shape, back.mpp, back.scores) == (cells.shape, cells.mpp, None)
    np.testing.assert_array_equal(raster_round_trip(back).xy, back.xy)


def test_random_layouts_keep_counts_and_frame_and_depend_on_seed_and_number():
    thrown = [throw_at_random(REAL[0], seed=seed, index=index) for seed, index in ((1, 0), (1, 0), (1, 1), (2, 0))]
    assert all(one.counts() == REAL[0].counts() and one.shape == SHAPE and one.mpp == MPP for one in thrown)
    np.testing.assert_array_equal(thrown[0].xy, thrown[1].xy)
    assert not np.array_equal(thrown[0].xy, thrown[2].xy)
    assert not np.array_equal(thrown[0].xy, thrown[3].xy)


@pytest.mark.parametrize(("ceiling", "position"), [(3.0, 0.25), (1.4, None), (0.5, None), (np.nan, None)])
def test_position(ceiling, position):
    row = LayoutRow(
        "raw", "nearest_neighbour", "all", Level(1.5, 0), Level(2.0, 0), Level(1.0, 0), Level(ceiling, 0), 0.5
    )
    assert row.position == position
    assert row.fitted_position == (None if position is None else 2 * position)


def test_bad_input_is_named():
    with pytest.raises(InvalidInputError, match="got 1 groups for 8 layouts"):
        score_layouts(REAL[:8], REAL[:2], groups=["p"])
    with pytest.raises(InvalidInputError, match=r"synthetic layout 1 has the classes \['x', 'y'\]"):
        score_layouts(REAL[:8], [layout([[1, 1]], [[2, 2]], classes=("x", "y"))])
    with pytest.raises(InvalidInputError, match=r"synthetic layout 2 has 0\.25 µm per pixel, the first real one 0\.5"):
        score_layouts(REAL[:8], [REAL[0], layout([[1, 1]], [[2, 2]], mpp=0.25)])
    with pytest.raises(InvalidInputError, match="one known scale"):
        score_layouts([layout([[1, 1]], [[2, 2]], mpp=None)] * 2, REAL[:2])
    with pytest.raises(InvalidInputError, match="up to 60 µm, but the smallest frame is 50×60 µm"):
        score_layouts(REAL[:8], [layout([[1, 1]], [[2, 2]], shape=(120, 100))])


def test_the_fitted_process_is_nearer_than_random_places_and_the_process_itself_nearer_still(of_the_same_process):
    row = of_the_same_process.row("pair_correlation", "a")
    assert row.fitted_position < 0.5
    assert of_the_same_process.overall["synthetic"][0] < of_the_same_process.overall["fitted"][0] + 0.3
    [of_a, of_b] = of_the_same_process.process
    assert of_a["spread_um"] == pytest.approx(4, rel=0.5)
    assert (of_a["class"], of_b["class"]) == ("a", "b")


def test_intervals_hold_the_position_and_only_the_first_arm_has_them(of_the_same_process):
    for row in of_the_same_process.rows:
        for place, interval in ((row.position, row.interval), (row.fitted_position, row.fitted_interval)):
            assert (interval is not None) <= (row.arm == "raster" and place is not None)
            if interval is not None:
                assert interval[0] < place < interval[1]
    assert of_the_same_process.row("pair_correlation", "a").interval is not None
    count = of_the_same_process.count_row()
    assert count.interval[0] < count.ratio < count.interval[1]
    assert of_the_same_process.count_row(arm="raw").interval is None


def test_the_overall_position_is_the_mean_of_the_columns(of_the_same_process):
    places = [("nearest_neighbour", "all"), ("nearest_neighbour", "mean of class pairs"), ("ripley_l", "all")]
    places += [("pair_correlation", "all"), ("spatial_fid", "all")]
    positions = [of_the_same_process.row(*place).position for place in places]
    known = [one for one in positions if one is not None]
    assert len(of_the_same_process.columns) == len(known) >= 3
    score, (low, high) = of_the_same_process.overall["synthetic"]
    assert score == pytest.approx(np.mean(known))
    assert low < score < high


def test_the_table_has_a_line_for_every_kind_of_every_row(of_the_same_process):
    table = layout_table(of_the_same_process)
    row = of_the_same_process.row("ripley_l", "a")
    lines = table[(table["arm"] == "raster") & (table["measure"] == "ripley_l") & (table["of"] == "a")]
    assert lines["layouts"].tolist() == ["synthetic", "random", "fitted", "real"]
    levels = (row.distance, row.ceiling, row.fitted, row.floor)
    assert lines["distance"].tolist() == [level.mean for level in levels]
    assert lines["position"].tolist() == [row.position, 1, row.fitted_position, 0]
    assert lines["position_low"].iloc[0] == row.interval[0]
    assert len(table) == 4 * (len(of_the_same_process.rows) + len(of_the_same_process.counts))


def test_curves_are_drawn_of_all_cells_and_classes_with_envelopes(of_the_same_process):
    curves = {(one.kind, one.measure, one.label): one for one in of_the_same_process.curves}
    assert len(curves) == 4 * (3 * 3 + 2)  # of a pair of classes: L and the pair correlation
    band = curves["real", "nearest_neighbour", "a"]
    assert (band.low <= band.high).all()
    assert ((band.values >= 0) & (band.values <= 1)).all()
    assert np.mean((band.low <= band.values) & (band.values <= band.high)) > 0.9
    assert curves["random", "pair_correlation", "a"].values[1:].mean() == pytest.approx(1, abs=0.15)


def test_synthetic_layouts_in_no_split_are_counted_and_change_no_distance():
    few = [clustered(100 + i) for i in range(4)]
    scores = score_layouts(REAL[:8], few, splits=1, size=2)
    assert scores.synthetic == 4
    assert scores.count_row().synthetic_mean == pytest.approx(np.mean([len(crop_to_centre(one, SHAPE)) for one in few]))


def test_progress_counts_layouts_and_resamples():
    seen = []
    few = [clustered(100 + i) for i in range(4)]
    score_layouts(REAL[:8], few, splits=2, resamples=30, progress=lambda *about: seen.append(about[:3]))
    assert ("measuring layouts, raw", 28, 28) in seen
    assert seen[-1] == ("drawing patients anew", 60, 60)
