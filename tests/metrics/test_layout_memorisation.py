import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.layout_clusters import CellClusters
from cellweave.metrics.layout_copies import CopySearch
from cellweave.metrics.layout_memorisation import CopyTest, NearShare

FRAME = (160, 160)
CLASSES = ("a",)


def density(cells):
    """Number of cells in every place of 8×8 px, blurred with its neighbours: simple features, (1, h, w)."""
    height, width = (side // 8 for side in cells.shape)
    counts = np.histogram2d(cells.xy[:, 1], cells.xy[:, 0], (height, width), ((0, height * 8), (0, width * 8)))[0]
    padded = np.pad(counts, 1)
    blurred = sum(padded[r : r + height, c : c + width] for r in range(3) for c in range(3))
    return blurred[None].astype(np.float32)


def layout(seed, shape=(320, 320)):
    rng = np.random.default_rng(seed)
    return Cells(rng.random((60 * shape[0] * shape[1] // 25600, 2)) * shape[::-1], classes=CLASSES, shape=shape, mpp=1)


TRAINING = [layout(i) for i in range(12)]


def turned(cells):
    xy = np.stack([cells.shape[0] - cells.xy[:, 1], cells.xy[:, 0]], axis=1)
    inside = np.minimum(xy, np.nextafter(cells.shape, 0.0))
    return Cells(inside, cells.labels, classes=CLASSES, shape=cells.shape, mpp=1)


def score_memorisation(training, synthetic, held_out, **options):
    return CopySearch(training, held_out, **options).judge(synthetic)


@pytest.fixture(scope="module")
def search():
    return CopySearch(TRAINING, [layout(100 + i) for i in range(12)], frame=FRAME, places=density)


def score(synthetic):
    return score_memorisation(TRAINING, synthetic, [], frame=FRAME, places=density)


def test_copies_of_any_place_turned_or_not_are_found(search):
    copies = [one.crop(8 * i, 24, FRAME) for i, one in enumerate(TRAINING)]
    copies += [turned(one) for one in copies]
    found = search.judge(copies)
    for test in (found.distance, found.ratio):
        assert test.synthetic.share == 1
        assert test.synthetic.median == pytest.approx(0, abs=1e-2)
        assert test.held_out.share < 0.4
        assert test.memorised is True
    assert found.memorised is True


def test_new_layouts_are_no_copies(search):
    found = search.judge([layout(200 + i, FRAME) for i in range(40)])
    for test in (found.distance, found.ratio):
        assert test.synthetic.share < 0.2
        assert test.synthetic.median > test.threshold
    assert found.memorised is False


def test_training_layouts_with_jitter_are_found_out_and_a_fitted_process_is_not(search):
    rng = np.random.default_rng(5)
    jittered = []
    for one in TRAINING:
        crop = one.crop(*rng.integers(161, size=2).tolist(), FRAME)
        moved = np.clip(crop.xy + rng.normal(0, 2, crop.xy.shape), 0, np.nextafter(FRAME[::-1], 0.0))
        jittered.append(Cells(moved, crop.labels, classes=CLASSES, shape=FRAME, mpp=1))
    found = search.judge(jittered)
    assert found.memorised is True
    assert found.ratio.synthetic.share > 0.8
    process = CellClusters.fit(TRAINING, CLASSES)
    thrown = [process.throw(layout(500 + i, FRAME), seed=1, index=i)[0] for i in range(40)]
    assert search.judge(thrown).memorised is False


def test_every_layout_gives_as_many_crops_as_fit_and_patients_are_told(search):
    found = search.judge([layout(300, FRAME), layout(301, (160, 400))])
    for test in (found.distance, found.ratio):
        assert (test.synthetic.layouts, test.synthetic.groups) == (1 + 3, 2)  # of 400 px: from 0, 120 and 240 on
        assert (test.held_out.layouts, test.held_out.groups) == (4 * 12, 12)
    assert (found.training, found.training_crops) == (12, 48)


def test_a_layout_that_holds_one_crop_gives_its_middle():
    middle = layout(300, (270, 200)).crop(55, 20, FRAME)  # of 270 px two would overlap by more than a quarter
    whole, alone = score([layout(300, (270, 200))]), score([middle])
    assert whole == alone


def test_training_layouts_are_not_compared_with_their_own_patient():
    twins = [*TRAINING[:5], *TRAINING[:5]]
    ungrouped = score_memorisation(twins, [layout(300)], [], frame=FRAME, places=density)
    patients = [str(i % 5) for i in range(10)]
    grouped = score_memorisation(twins, [layout(300)], [], frame=FRAME, places=density, training_groups=patients)
    assert ungrouped.distance.threshold == pytest.approx(0, abs=1e-2)
    assert grouped.distance.threshold > 0.5


def test_shares_are_resampled_over_patients():
    values = np.array([0.0] * 5 + [1.0] * 15)  # all five of one patient are near, none of three others
    of_patients = NearShare.of(values, 0.5, list("aaaaabbbbbcccccddddd"), seed=0)
    assert (of_patients.near, of_patients.layouts, of_patients.groups) == (5, 20, 4)
    # patient a is drawn k times of 4: never in 32 % of the resamples, three times or more in 5 %, four times in 0.4 %
    assert of_patients.between == (0, 0.75)
    assert of_patients.interval == (0, 0.75)
    own = NearShare.of(values, 0.5, [str(i) for i in range(20)], seed=0)
    assert own.interval[0] <= own.between[0] < own.share < own.between[1] <= own.interval[1]


def test_a_sparse_layout_is_near_to_many_and_its_copy_is_told_by_the_ratio():
    sparse = [Cells(layout(900 + i).xy[:3], classes=CLASSES, shape=(320, 320), mpp=1) for i in range(4)]
    near = Cells(layout(905).xy[:3], classes=CLASSES, shape=(320, 320), mpp=1)
    made = [TRAINING[0].crop(40, 24, FRAME), near.crop(80, 80, FRAME)]
    found = score_memorisation([*TRAINING, *sparse], made, [], frame=FRAME, places=density)
    assert found.ratio.synthetic.near == 1


def test_the_threshold_is_the_quantile_of_the_leave_one_out_distances():
    few = TRAINING[:5]
    found = score_memorisation(few, [layout(300)], [], frame=FRAME, places=density)
    own = {"distance": [], "ratio": []}
    for i, one in enumerate(few):
        rest = CopySearch(few[:i] + few[i + 1 :], [], frame=FRAME, places=density)
        for row, column in ((0, 0), (0, 160), (160, 0), (160, 160)):
            judged = rest.judge([one.crop(row, column, FRAME)])
            own["distance"].append(judged.distance.synthetic.median)
            own["ratio"].append(judged.ratio.synthetic.median)
    for name, values in own.items():
        assert getattr(found, name).threshold == pytest.approx(np.quantile(values, 0.05))
        assert found.to_json()[name]["held_out"] is None
    assert found.memorised is None


def test_blocks_of_layouts_change_nothing(monkeypatch):
    made = [layout(300 + i, FRAME) for i in range(5)]
    whole = score(made)
    monkeypatch.setattr("cellweave.metrics.layout_copies._BLOCK", 4)
    assert score(made) == whole


def test_progress_ends_with_all_crops():
    seen = []
    score_memorisation(
        TRAINING, [layout(1)], [], frame=FRAME, places=density, progress=lambda *about: seen.append(about[:3])
    )
    assert ("looking for copies", 48, 48) in seen
    assert seen[-1] == ("looking for copies", 4, 4)


def test_intervals_by_hand():
    # Wilson: (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n) with p = 1/2, n = 10, z² = 3.8415
    middle, room = 0.5, 1.959964 * np.sqrt(0.025 + 3.841459 / 400) / 1.3841459
    assert NearShare(5, 10, 1.0).interval == pytest.approx((middle - room, middle + room))
    assert NearShare(0, 10, 1.0).interval == pytest.approx((0, 0.27753), abs=1e-4)


@pytest.mark.parametrize(("near", "memorised"), [(27, False), (28, True)])
def test_the_verdict_goes_by_the_upper_end_of_the_held_out_interval(near, memorised):
    found = CopyTest(1.0, NearShare(near, 100, 1.0), NearShare(0, 10, 1.0))
    assert found.memorised is memorised


def test_bad_input_is_named():
    with pytest.raises(InvalidInputError, match=r"of 3 or more groups .* there are 2 only"):
        score_memorisation(TRAINING[:2], [layout(1)], [], frame=FRAME, places=density)
    with pytest.raises(InvalidInputError, match="layouts of 6×6 places of 8 µm are too small"):
        score_memorisation(TRAINING, [layout(1)], [], frame=(48, 48), places=density)
