import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.layout_memorisation import CopyTest, NearShare, score_memorisation

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


def score(synthetic, held_out=()):
    return score_memorisation(TRAINING, synthetic, held_out, frame=FRAME, places=density)


def test_copies_of_any_place_turned_or_not_are_found():
    copies = [one.crop(8 * i, 24, FRAME) for i, one in enumerate(TRAINING)]
    copies += [turned(one) for one in copies]
    found = score(copies, [layout(100 + i) for i in range(10)])
    for test in (found.distance, found.ratio):
        assert test.synthetic.share == 1
        assert test.synthetic.median == pytest.approx(0, abs=1e-2)
        assert test.held_out.share < 0.4
        assert test.memorised is True
    assert found.memorised is True


def test_new_layouts_are_no_copies():
    found = score([layout(200 + i, FRAME) for i in range(20)], [layout(100 + i) for i in range(10)])
    for test in (found.distance, found.ratio):
        assert test.synthetic.share < 0.3
        assert test.synthetic.median > test.threshold
    assert found.memorised is False


def test_a_sparse_layout_is_near_to_many_and_its_copy_is_told_by_the_ratio():
    sparse = [Cells(layout(900 + i).xy[:3], classes=CLASSES, shape=(320, 320), mpp=1) for i in range(4)]
    near = Cells(layout(905).xy[:3], classes=CLASSES, shape=(320, 320), mpp=1)
    made = [TRAINING[0].crop(40, 24, FRAME), near.crop(80, 80, FRAME)]
    found = score_memorisation([*TRAINING, *sparse], made, [], frame=FRAME, places=density)
    assert found.ratio.synthetic.near == 1


def test_the_threshold_is_the_quantile_of_the_leave_one_out_distances():
    found = score([layout(300)])
    own = [
        score_memorisation(TRAINING[:i] + TRAINING[i + 1 :], [one], [], frame=FRAME, places=density)
        for i, one in enumerate(TRAINING)
    ]
    for name in ("distance", "ratio"):
        medians = [getattr(one, name).synthetic.median for one in own]
        assert getattr(found, name).threshold == pytest.approx(np.quantile(medians, 0.05))
        assert found.to_json()[name]["held_out"] is None
    assert found.memorised is None


def test_blocks_of_layouts_change_nothing(monkeypatch):
    made = [layout(300 + i, FRAME) for i in range(5)]
    whole = score(made)
    monkeypatch.setattr("cellweave.metrics.layout_memorisation._BLOCK", 4)
    assert score(made) == whole


def test_progress_ends_with_all_layouts():
    seen = []
    score_memorisation(
        TRAINING, [layout(1)], [], frame=FRAME, places=density, progress=lambda *about: seen.append(about[:3])
    )
    assert seen[-1] == ("looking for copies", 13, 13)


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
    with pytest.raises(InvalidInputError, match="there are 2 only"):
        score_memorisation(TRAINING[:2], [layout(1)], [], frame=FRAME, places=density)
    with pytest.raises(InvalidInputError, match="layouts of 6×6 places of 8 µm are too small"):
        score_memorisation(TRAINING, [layout(1)], [], frame=(48, 48), places=density)
