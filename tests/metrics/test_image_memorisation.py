import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.metrics.image_memorisation import PatchQueries, score_patch_memorisation

RNG = np.random.default_rng(0)
PLACES = [RNG.normal(size=(30 + i, 6)).astype(np.float32) for i in range(8)]


def queries(features, images=None, groups=None):
    """Return queries in two orientations, the second one far from everything."""
    features = np.asarray(features, np.float32)
    both = np.stack([features + 50, features], axis=1)
    count = len(features)
    return PatchQueries(
        both, np.zeros(count, np.int64) if images is None else np.asarray(images), groups or ("g",) * count
    )


TRAINING = queries([one[k] for one in PLACES for k in range(12)], np.repeat(np.arange(8), 12))


def new(seed, count=60):
    return queries(np.random.default_rng(seed).normal(size=(count, 6)), groups=tuple(f"g{i % 6}" for i in range(count)))


def test_copies_are_found_in_any_orientation():
    copies = queries(np.concatenate([one[:5] + 0.01 for one in PLACES]))
    found = score_patch_memorisation(PLACES, TRAINING, copies, new(1))
    assert (found.distance.synthetic.share, found.ratio.synthetic.share) == (1, 1)
    assert found.memorised is True
    assert (found.images, found.places) == (8, sum(map(len, PLACES)))


def test_new_patches_are_no_copies():
    found = score_patch_memorisation(PLACES, TRAINING, new(2), new(1))
    assert found.memorised is False
    assert found.distance.held_out.share <= found.distance.bound


def test_distances_by_hand_and_training_patches_skip_their_own_image():
    places = [np.float32([[0, 0]]), np.float32([[3, 4], [9, 9]]), np.float32([[0, 10]])]
    training = queries([[0, 0], [3, 4], [0, 10]], [0, 1, 2])  # nearest others: 5, 5, sqrt(9 + 36) = 6.71
    found = score_patch_memorisation(places, training, queries([[0, 0], [0, 2]]), None)
    assert found.distance.threshold == pytest.approx(5)
    assert found.distance.synthetic.median == pytest.approx(1)  # 0 and 2
    assert found.distance.synthetic.near == 2
    assert found.ratio.synthetic.median == pytest.approx((0 + 2 / np.sqrt(9 + 4)) / 2)
    assert (found.memorised, found.distance.bound, found.to_json()["ratio"]["held_out"]) == (None, None, None)


def test_patches_of_one_patient_widen_the_bound():
    near = np.concatenate([PLACES[0][:10], RNG.normal(size=(50, 6)) + 9])
    one = tuple("a" if i < 10 else f"b{i % 5}" for i in range(60))
    apart = tuple(f"g{i % 30}" for i in range(60))
    wide, narrow = (
        score_patch_memorisation(PLACES, TRAINING, new(2), queries(near, groups=groups)).distance
        for groups in (one, apart)
    )
    assert wide.held_out.share == narrow.held_out.share == pytest.approx(1 / 6)
    assert wide.bound > narrow.bound >= narrow.held_out.interval[1]


def test_blocks_change_nothing(monkeypatch):
    whole = score_patch_memorisation(PLACES, TRAINING, new(2), new(1))
    monkeypatch.setattr("cellweave.metrics.image_memorisation._BLOCK", 7)
    seen = []
    parts = score_patch_memorisation(PLACES, TRAINING, new(2), new(1), progress=lambda *about: seen.append(about[:3]))
    assert parts.distance.synthetic.near == whole.distance.synthetic.near
    assert parts.distance.threshold == pytest.approx(whole.distance.threshold, rel=1e-5)
    assert parts.ratio.threshold == pytest.approx(whole.ratio.threshold, rel=1e-5)
    assert seen[-1] == ("looking for copies", 216, 216)


def test_bad_input_is_named():
    with pytest.raises(InvalidInputError, match="there are 2 only, not 3"):
        score_patch_memorisation(PLACES[:2], TRAINING, new(1), None)
    with pytest.raises(InvalidInputError, match="has no patch to look for copies with"):
        score_patch_memorisation(PLACES, TRAINING, new(1, 0), None)
