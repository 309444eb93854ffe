"""Every measured baseline as an option: its cost, its worth, what rules it out, and which option is the best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlparse

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.model_spec import ModelSpec
from advisor.cases.schema import Case
from advisor.decision.stakes import Stakes
from advisor.decision.summary import Findings, Standing
from advisor.economics.costs import CostModel

LOCAL_PROVIDERS = frozenset({"embedded", "huggingface", "classifier"})


@dataclass(frozen=True)
class Option:
    """A baseline with what it costs and is worth under the assumptions of the case."""

    standing: Standing
    cost_usd: float | None
    """Present value of all costs over the horizon."""
    worth_usd: float | None
    """Worth of its answers less its costs, in present value; None where unknown or nothing is declared."""
    cost_notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The baseline's name."""
        return self.standing.name

    @property
    def quality(self) -> float:
        """Mean quality."""
        return self.standing.value if self.standing.value is not None else math.nan


def options(findings: Findings, costs: Mapping[str, CostModel], stakes: Stakes) -> tuple[Option, ...]:
    """Every measured baseline with its cost and worth; the stakes are floats."""
    found = []
    for standing in findings.standings:
        cost, worth = stakes.costs[standing.name], None
        if standing.value is not None and stakes.declared:
            worth = stakes.net_benefit(standing.name, standing.value)
        found.append(
            Option(
                standing,
                None if cost is None else float(cost),
                None if worth is None else float(worth),
                costs[standing.name].notes,
            )
        )
    return tuple(found)


def broken_constraint(case: Case, standing: Standing) -> str | None:
    """Which hard constraint a baseline breaks, in words; None where it breaks none."""
    limit = case.constraints.latency_p95_s
    p95 = standing.latency.p95
    if limit is not None and p95 is not None and p95 > limit:
        return f"{standing.name} answers within {p95:.3g} s at the 95th percentile; {limit:g} s are allowed"
    if case.constraints.must_stay_local and not stays_local(case, standing.spec):
        return f"{standing.name} sends data away, which must stay local"
    return None


def stays_local(case: Case, spec: BaselineSpec) -> bool:
    """Whether data stay on the user's machines."""
    return spec.model is None or model_is_local(case.models[spec.model])


def model_is_local(model: ModelSpec) -> bool:
    """Whether a model runs on the user's machines."""
    host = urlparse(model.base_url).hostname if model.base_url else None
    return model.provider in LOCAL_PROVIDERS or host in ("localhost", "127.0.0.1", "::1")


def latency_unknown(case: Case, standing: Standing) -> bool:
    """Whether a constraint needs its latency, which is not known."""
    return case.constraints.latency_p95_s is not None and standing.latency.p95 is None


def best(case: Case, candidates: list[Option], stakes: Stakes) -> Option | None:
    """The option of the highest utility; the name settles ties, so that the order does not."""
    return max(candidates, key=lambda o: (*utility(case, o, stakes), o.name), default=None)


def utility(case: Case, option: Option, stakes: Stakes) -> tuple[float, float]:
    """What decides between options, compared part by part.

    Where answers have a worth: the net benefit. A cost that is not known counts as none here, so that it is asked for
    where it could matter. Else: the cheapest that reaches the bar, or the best in quality where none does.
    """
    if stakes.declared:
        worth = float(option.quality * stakes.quality_usd)
        return (worth - (option.cost_usd or 0.0), option.quality)
    bar = case.quality.bar
    if bar is None or option.quality < bar:
        return (-math.inf, option.quality)
    return (0.0 if option.cost_usd is None else -option.cost_usd, option.quality)
