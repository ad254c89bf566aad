import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import InvalidInputError
from cellweave.metrics.layout_splits import layout_splits

GROUPS = st.lists(st.integers(0, 9).map(str), min_size=2, max_size=30).filter(lambda groups: len(set(groups)) > 1)


@given(groups=GROUPS, synthetic=st.integers(1, 20), seed=st.integers(0, 99))
def test_halves_are_equal_and_share_no_group(groups, synthetic, seed):
    splits = layout_splits(groups, synthetic, splits=5, size=8, seed=seed)
    sizes = {len(side) for split in splits for side in split}
    assert len(sizes) == 1
    assert 1 <= sizes.pop() <= min(8, len(groups) // 2, synthetic)
    for split in splits:
        one, other = ({groups[i] for i in side} for side in (split.real, split.other_real))
        assert not one & other
        assert all(len(set(side.tolist())) == len(side) for side in split)


def test_forty_against_forty_of_eighty_images_some_of_one_patient():
    groups = [*range(75), 1, 2, 3, 4, 5]
    splits = layout_splits([str(group) for group in groups], 50, splits=20, size=40, seed=0)
    assert {len(side) for split in splits for side in split} == {40}
    assert len({tuple(sorted(split.real)) for split in splits}) == 20


def test_one_split_does_not_depend_on_how_many_there_are():
    few, many = (layout_splits(list("abcdefgh"), 6, splits=n, size=3, seed=4) for n in (2, 9))
    for one, other in zip(few, many, strict=False):
        for side, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(side, same)


def test_groups_larger_than_a_half_give_part_of_themselves():
    (split,) = layout_splits(["a"] * 6 + ["b"] * 6, 4, splits=1, size=4, seed=0)
    assert [len(side) for side in split] == [4, 4, 4]


def test_bad_input_is_named():
    with pytest.raises(InvalidInputError, match="real layouts of 1 groups"):
        layout_splits(["a", "a"], 2, splits=1, size=1, seed=0)
    with pytest.raises(InvalidInputError, match="no synthetic layout to score"):
        layout_splits(["a", "b"], 0, splits=1, size=1, seed=0)
    with pytest.raises(InvalidInputError, match="splits and size must be >= 1, got 0 and 4"):
        layout_splits(["a", "b"], 1, splits=0, size=4, seed=0)
