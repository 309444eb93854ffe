"""How sure we are: intervals, paired tests and power. Numbers in, numbers out; every seed is an argument."""

from __future__ import annotations

from advisor.statistics.intervals import mean_interval, proportion_interval
from advisor.statistics.paired import PairedComparison, adjust, compare, wilcoxon_signed_rank
from advisor.statistics.power import detectable_difference, needed_examples

__all__ = [
    "PairedComparison",
    "adjust",
    "compare",
    "detectable_difference",
    "mean_interval",
    "needed_examples",
    "proportion_interval",
    "wilcoxon_signed_rank",
]
