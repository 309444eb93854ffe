"""Closed forms of the effective sample size, against the matrices that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.statistics._effective import WORKING_CORRELATION, Units, robust_total


@pytest.mark.parametrize("sizes", [[1, 1, 1, 1], [3, 3, 3], [1, 2, 8], [5, 1, 1, 1, 7, 2, 4, 8, 3, 6, 1, 2]])
def test_the_bias_reduced_variance_is_that_of_bell_and_mccaffrey(sizes: list[int]) -> None:
    n_i, k = np.array(sizes, dtype=float), len(sizes)
    sums = np.random.default_rng(0).normal(size=k)
    total, df = robust_total(Units(sums, n_i, sums**2))
    h = n_i / n_i.sum()
    # residuals of the sums are R y, with the covariance C under the working correlation; W reduces their bias
    residuals = np.eye(k) - np.outer(h, np.ones(k))
    variances = np.diag(n_i * (1 + (n_i - 1) * WORKING_CORRELATION))
    weighed = np.diag(1 / (1 - h)) @ residuals @ variances @ residuals.T
    assert df == pytest.approx(np.trace(weighed) ** 2 / np.trace(weighed @ weighed))
    observed = residuals @ sums
    unscaled = observed @ np.diag(1 / (1 - h)) @ observed
    # without bias: its expectation is the variance of the sum
    assert total == pytest.approx(unscaled * np.trace(variances) / np.trace(weighed))
    if len(set(sizes)) == 1:
        assert df == pytest.approx(k - 1)
