"""Every measured baseline as an option: its cost, its worth, what rules it out, and which option is the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlparse

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.model_spec import ModelSpec
from advisor.cases.schema import Case
from advisor.decision.stakes import Stakes
from advisor.decision.summary import Findings, Standing
from advisor.economics.costs import CostModel

LOCAL_PROVIDERS = frozenset({"embedded", "huggingface", "classifier"})
PRIVATE_DOMAINS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
"""Ends of host names that are set aside for private networks (RFC 6761, 6762, 8375; ICANN 2024 for internal)."""
ROUNDING = 1e-9
"""Of a mean score, which may differ so much from the number that it is."""


@dataclass(frozen=True)
class Option:
    """A baseline with what it costs and is worth under the assumptions of the case."""

    standing: Standing
    cost_usd: float | None
    """Present value of all costs over the horizon."""
    worth_usd: float | None
    """Worth of its answers less its costs, in present value; None where unknown or nothing is declared."""
    unknown_costs: tuple[str, ...] = ()
    """What is not known of its costs, in words."""

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
                costs[standing.name].unknown,
            )
        )
    return tuple(found)


def broken_constraint(case: Case, standing: Standing) -> str | None:
    """Which hard constraint rules a baseline out, in words; None where none does."""
    limit = case.constraints.latency_p95_s
    p95 = standing.latency.p95
    if limit is not None and p95 is not None and p95 > limit:
        # as many digits as tell the two apart
        shown = next((s for d in (3, 4, 6) if float(s := f"{p95:.{d}g}") > limit), f"{p95!r}")
        return f"{standing.name} answers within {shown} s at the 95th percentile; {limit:g} s are allowed"
    if case.constraints.must_stay_local and not stays_local(case, standing.spec):
        return f"{standing.name} sends data away, which must stay local"
    if standing.ended:
        return f"the service of {standing.name} has ended"
    return None


def stays_local(case: Case, spec: BaselineSpec) -> bool:
    """Whether data stay on the user's machines."""
    return spec.model is None or model_is_local(case.models[spec.model])


def model_is_local(model: ModelSpec) -> bool:
    """Whether a model runs on the user's machines: in this process, or behind an address of a private network."""
    if model.provider in LOCAL_PROVIDERS:
        return True
    host = urlparse(model.base_url).hostname if model.base_url else None
    if host is None:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(PRIVATE_DOMAINS)
    return address.is_private or address.is_loopback or address.is_unspecified


def latency_unknown(case: Case, standing: Standing) -> bool:
    """Whether a constraint needs its latency, which is not known."""
    return case.constraints.latency_p95_s is not None and standing.latency.p95 is None


def reaches(case: Case, quality: float) -> bool:
    """Whether a quality is good enough; a mean that differs from the bar by rounding alone reaches it."""
    return case.quality.bar is None or quality >= case.quality.bar - ROUNDING


def best(case: Case, candidates: Sequence[Option], stakes: Stakes) -> Option | None:
    """The option that serves best; the name settles ties, so that the order does not.

    What reaches the bar goes before what does not. Then, where answers have a worth, the highest net benefit. Else the
    cheapest: of those that reach the bar, or where there is none, of those that are as good as the best one by less
    than the smallest gain worth having. A cost that is not known counts as none, so that it is asked for where it could
    matter.
    """
    if not candidates:
        return None
    enough = [o for o in candidates if case.quality.bar is not None and reaches(case, o.quality)]
    if stakes.declared:
        return min(enough or candidates, key=lambda o: (-_worth(o, stakes), -o.quality, o.name))
    top = max(o.quality for o in candidates)
    near = [o for o in candidates if o.quality == top or o.quality > top - case.quality.min_gain]
    return min(enough or near, key=lambda o: (o.cost_usd or 0.0, -o.quality, o.name))


def _worth(option: Option, stakes: Stakes) -> float:
    """Worth of its answers above that of wrong ones, less its cost."""
    return float(option.quality * stakes.quality_usd) - (option.cost_usd or 0.0)
