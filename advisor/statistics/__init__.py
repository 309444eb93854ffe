"""How sure we are: intervals, paired tests and power. Numbers in, numbers out; every seed is an argument."""

from __future__ import annotations

from advisor.statistics.agreement import agreement
from advisor.statistics.intervals import mean_interval, proportion_interval
from advisor.statistics.paired import PairedComparison, adjust, compare, wilcoxon_signed_rank
from advisor.statistics.power import detectable_difference, needed_examples
from advisor.statistics.ppi import CorrectedEstimate, corrected_difference, corrected_mean

__all__ = [
    "CorrectedEstimate",
    "PairedComparison",
    "adjust",
    "agreement",
    "compare",
    "corrected_difference",
    "corrected_mean",
    "detectable_difference",
    "mean_interval",
    "needed_examples",
    "proportion_interval",
    "wilcoxon_signed_rank",
]
