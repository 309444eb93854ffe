"""Every measured baseline as an option: its cost, its worth, what rules it out, and which option is the best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from urllib.parse import urlparse

from advisor.cases.schema import Case, ModelSpec, likely
from advisor.decision.summary import Findings, Standing
from advisor.economics.costs import CostModel, monthly_volumes, summarise
from advisor.records import Cost

LOCAL_PROVIDERS = frozenset({"embedded", "huggingface", "classifier"})


@dataclass(frozen=True)
class Option:
    """A baseline with what it costs and is worth under the assumptions of the case."""

    standing: Standing
    cost: Cost
    worth_usd: float | None
    """Worth of its answers less its costs over the horizon; None where either is unknown."""

    @property
    def name(self) -> str:
        """The baseline's name."""
        return self.standing.name

    @property
    def quality(self) -> float:
        """Mean quality."""
        return self.standing.value if self.standing.value is not None else float("nan")

    @property
    def cost_usd(self) -> float | None:
        """All costs over the horizon."""
        return self.cost.over_horizon


def options(case: Case, findings: Findings, costs: dict[str, CostModel]) -> tuple[Option, ...]:
    """Every measured baseline with its cost and worth."""
    volumes = monthly_volumes(case)
    found = []
    for standing in findings.standings:
        cost = summarise(costs[standing.name], volumes)
        worth = None
        if standing.value is not None and cost.over_horizon is not None and worth_is_declared(case):
            worth = sum(volumes) * _worth_per_request(case, standing.value) - cost.over_horizon
        found.append(Option(standing, cost, worth))
    return tuple(found)


def worth_is_declared(case: Case) -> bool:
    """Whether the case says what right and wrong answers are worth."""
    return likely(case.value.correct_usd) != 0 or likely(case.value.wrong_usd) != 0


def broken_constraint(case: Case, option: Option) -> str | None:
    """Which hard constraint it breaks, in words; None where it breaks none."""
    limit = case.constraints.latency_p95_s
    p95 = option.standing.latency.p95
    if limit is not None and p95 is not None and p95 > limit:
        return f"{option.name} answers within {p95:.3g} s at the 95th percentile; {limit:g} s are allowed"
    if case.constraints.must_stay_local and not stays_local(case, option.standing):
        return f"{option.name} sends data away, which must stay local"
    return None


def stays_local(case: Case, standing: Standing) -> bool:
    """Whether data stay on the user's machines."""
    return standing.spec.model is None or model_is_local(case.models[standing.spec.model])


def model_is_local(model: ModelSpec) -> bool:
    """Whether a model runs on the user's machines."""
    host = urlparse(model.base_url).hostname if model.base_url else None
    return model.provider in LOCAL_PROVIDERS or host in ("localhost", "127.0.0.1", "::1")


def latency_unknown(case: Case, option: Option) -> bool:
    """Whether a constraint needs its latency, which is not known."""
    return case.constraints.latency_p95_s is not None and option.standing.latency.p95 is None


def best(case: Case, candidates: list[Option]) -> Option | None:
    """The option of the highest utility; the name settles ties, so that the order does not."""
    return max(candidates, key=lambda o: (utility(case, o, o.quality), o.name), default=None)


def utility(case: Case, option: Option, quality: float) -> tuple[float, float, float]:
    """What decides between options, at a given quality; compared part by part."""
    cost, bar = option.cost_usd, case.quality.bar
    if worth_is_declared(case) and cost is not None:
        return (0.0, sum(monthly_volumes(case)) * _worth_per_request(case, quality) - cost, quality)
    if bar is None or quality < bar:
        return (0.0, quality, 0.0)
    return (1.0, -math.inf if cost is None else -cost, quality)


def _worth_per_request(case: Case, quality: float) -> float:
    """Mean worth of an answer; a graded score counts as a share of a right answer."""
    return quality * likely(case.value.correct_usd) + (1 - quality) * likely(case.value.wrong_usd)
