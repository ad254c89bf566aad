import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import numpy_generator
from cellweave.metrics.bootstrap import percentile_interval, resampled_sums
from cellweave.metrics.rates import count_error_terms, count_errors, detection_rates, mean_of_defined

counts = st.integers(0, 1000)


@given(counts, counts, counts)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(tp, fp, fn):
    precision, recall, f1 = detection_rates([tp, fp, fn])
    assert np.isnan(precision) == (tp + fp == 0)
    assert np.isnan(recall) == (tp + fn == 0)
    assert np.isnan(f1) == (tp + fp + fn == 0)
    if tp:
        assert f1 == pytest.approx(2 / (1 / precision + 1 / recall))
    elif fp + fn:
        assert f1 == 0


def test_undefined_values_are_left_out_of_a_mean():
    values = np.array([[0.5, np.nan, 1.0], [np.nan, np.nan, np.nan]])
    assert mean_of_defined(values)[0] == 0.75
    assert np.isnan(mean_of_defined(values)[1])


def test_count_errors_by_hand():
    terms = count_error_terms([10, 20, 30], [13, 16, 30])  # errors 3, -4, 0
    assert count_errors(terms.sum(axis=0)).tolist() == [7 / 3, np.sqrt(25 / 3)]
    assert np.isnan(count_errors(np.zeros(3))).all()


def test_resamples_draw_as_many_groups_as_there_are():
    sums = resampled_sums(np.eye(5), resamples=400, generator=numpy_generator(0, "test"))
    assert sums.shape == (400, 5)
    assert (sums.sum(axis=1) == 5).all()
    # A draw leaves a given group out with probability 0.8^5 = 0.328; 400 x 5 draws know it to about 0.01.
    assert np.mean(sums == 0) == pytest.approx(0.328, abs=0.04)


def test_resamples_do_not_depend_on_the_memory_for_them(monkeypatch):
    values = np.arange(12.0).reshape(4, 3)
    whole = resampled_sums(values, resamples=50, generator=numpy_generator(1))
    monkeypatch.setattr("cellweave.metrics.bootstrap._BLOCK", 28)
    assert np.array_equal(resampled_sums(values, resamples=50, generator=numpy_generator(1)), whole)


def test_interval_holds_the_middle_and_ignores_what_is_undefined():
    samples = np.stack([np.arange(101.0), np.full(101, np.nan), np.full(101, 3.0)], axis=1)
    samples[0, 2] = np.nan
    low, high = percentile_interval(samples)
    assert (low[0], high[0]) == pytest.approx((2.5, 97.5))
    assert np.isnan([low[1], high[1]]).all()
    assert (low[2], high[2]) == (3.0, 3.0)


def test_interval_of_a_mean_is_that_of_theory():
    # 200 groups with values of standard deviation 1: the mean's 95 % interval is about +-1.96 / sqrt(200) = 0.1386.
    values = numpy_generator(2).normal(size=(200, 1))
    sums = resampled_sums(values, resamples=4000, generator=numpy_generator(3))
    low, high = percentile_interval(sums[:, 0] / 200)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / np.sqrt(200), rel=0.06)
