import numpy as np
import pytest

from cellweave.metrics.layout_bootstrap import centred_interval, resampled_weights, split_weights
from cellweave.metrics.layout_splits import layout_splits

GROUPS = [f"patient {i // 2}" for i in range(12)]
SPLITS = split_weights(layout_splits(GROUPS, 9, splits=3, size=4, seed=0), 12, 9)


def drawn(**changes):
    return list(resampled_weights(SPLITS, GROUPS, **{"resamples": 7, "seed": 1, "block": 3, **changes}))


def test_every_side_of_every_split_has_equally_many_layouts():
    assert SPLITS.size == 4
    for side in (SPLITS.real, SPLITS.other_real, SPLITS.synthetic):
        assert side.sum(axis=1).tolist() == [4, 4, 4]


def test_a_patient_counts_as_often_as_it_was_drawn_and_on_one_side_only():
    for block in drawn():
        assert ((block.real > 0) & (block.other_real > 0)).sum() == 0
        times = (block.real + block.other_real).reshape(-1, 3, 6, 2)
        among = (SPLITS.real + SPLITS.other_real).reshape(3, 6, 2) > 0
        for resample in times:
            for patient in range(6):
                assert len(set(resample[:, patient][among[:, patient]].tolist())) <= 1
    assert max(block.real.max() for block in drawn()) > 1


def test_blocks_change_nothing_and_seeds_do():
    whole, parts, other = drawn(block=100), drawn(), drawn(seed=2)
    assert [len(block.real) for block in parts] == [9, 9, 3]
    for name in ("real", "other_real", "synthetic"):
        joined = np.concatenate([getattr(block, name) for block in parts])
        np.testing.assert_array_equal(joined, getattr(whole[0], name))
    assert not np.array_equal(parts[0].real, other[0].real)
    assert drawn(resamples=0) == []


def test_intervals_are_moved_to_the_score():
    samples = np.arange(1.0, 42.0)  # median 21, middle 95 % 2 to 40
    assert centred_interval(5.0, samples) == pytest.approx((-14, 24))
    assert centred_interval(np.nan, samples) is None
    assert centred_interval(5.0, np.zeros(0)) is None


def test_a_score_that_resamples_often_leave_undefined_has_no_interval():
    samples = np.arange(40.0)
    samples[:2] = np.nan
    assert centred_interval(0.0, samples) is not None
    samples[2] = np.nan
    assert centred_interval(0.0, samples) is None
