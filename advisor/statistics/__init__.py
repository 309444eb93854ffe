"""How sure we are: intervals, paired tests, equivalence and power. Numbers in, numbers out; seeds are arguments."""

from __future__ import annotations

from advisor.statistics.agreement import agreement
from advisor.statistics.equivalence import Equivalence, equivalence, equivalence_of_draws
from advisor.statistics.intervals import few_clusters_note, mean_interval, proportion_interval
from advisor.statistics.paired import PairedComparison, adjust, compare, wilcoxon_signed_rank
from advisor.statistics.power import (
    design_effect,
    detectable_difference,
    needed_examples,
    needed_for_non_inferiority,
)
from advisor.statistics.ppi import CorrectedEstimate, corrected_difference, corrected_mean
from advisor.statistics.resources import ResourceComparison, amount_interval, compare_resources

__all__ = [
    "CorrectedEstimate",
    "Equivalence",
    "PairedComparison",
    "ResourceComparison",
    "adjust",
    "agreement",
    "amount_interval",
    "compare",
    "compare_resources",
    "corrected_difference",
    "corrected_mean",
    "design_effect",
    "detectable_difference",
    "equivalence",
    "equivalence_of_draws",
    "few_clusters_note",
    "mean_interval",
    "needed_examples",
    "needed_for_non_inferiority",
    "proportion_interval",
    "wilcoxon_signed_rank",
]
