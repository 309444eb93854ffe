"""The sign-flip permutation test of independent units (items, or whole clusters of items)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.statistics._effective import Units

FLIPPED = 256
"""So many of the largest units are flipped one by one; the sum over the rest is normal, by the central limit."""
FEW_DISTINCT = 64
"""Up to so many distinct magnitudes are counted rather than listed, as those of right/wrong items in clusters."""


def sign_flip_p_value(units: Units, *, resamples: int, seed: int) -> float:
    """Two-sided p-value that the mean is zero, if each unit might as well have had the opposite sign.

    All sign patterns are counted where there are no more than `resamples` of them; otherwise that many are
    drawn, and the observed one is counted among them, so the p-value is never zero.

    Source: Ernst (2004), Permutation Methods: A Basis for Exact Inference, Statistical Science 19(4).

    Args:
        units: The paired differences, summed by unit.
        resamples: Number of sign patterns drawn.
        seed: Decides the draws.
    """
    magnitudes = np.sort(np.abs(units.sums[units.sums != 0]))[::-1]
    k = len(magnitudes)
    if k == 0:
        return 1.0
    # Equal sums may differ by rounding.
    observed = abs(float(units.sums.sum())) - 1e-9 * float(magnitudes.sum())
    if 2**k <= resamples:
        patterns = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
        return float(np.mean(np.abs((2 * patterns - 1) @ magnitudes) >= observed))
    rng = np.random.default_rng(seed)
    distinct, counts = np.unique(magnitudes, return_counts=True)
    if len(distinct) <= FEW_DISTINCT:
        sums = (2 * rng.binomial(counts, 0.5, size=(resamples, len(distinct))) - counts) @ distinct
    else:
        sums = _signs(rng, resamples, min(k, FLIPPED)) @ magnitudes[:FLIPPED]
        if k > FLIPPED:
            sums += rng.normal(size=resamples) * np.sqrt(np.sum(magnitudes[FLIPPED:] ** 2))
    return (int(np.sum(np.abs(sums) >= observed)) + 1) / (resamples + 1)


def _signs(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    """Random signs, shape (rows, columns), from single random bits."""
    bits = np.unpackbits(rng.integers(0, 256, size=(rows, -(-columns // 8)), dtype=np.uint8), axis=1)
    signs: NDArray[np.float64] = bits[:, :columns].astype(np.float64)
    signs *= 2
    signs -= 1
    return signs
