"""What quality is set against, who is bettered in both, and by whom: in words, and for the charts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from advisor.formatting import one_line, score, seconds, usd
from advisor.records import BaselineSummary, Decision
from advisor.reports import wording

Axis = Literal["per_1k", "all_in", "total", "latency"]


@dataclass(frozen=True)
class Against:
    """Something to be had little of."""

    title: str
    """Of an axis, with its unit."""
    what: str
    """In a sentence."""
    less: str
    same: str
    """"costs less", "costs as much"."""
    value: Callable[[BaselineSummary], float | None]
    text: Callable[[float | None], str]
    money: bool


def against(decision: Decision, axis: Axis) -> Against:
    """One of the things that quality is set against."""
    if axis == "latency":
        return Against(
            title="Latency p95 (seconds)",
            what="latency",
            less="is faster",
            same="is as fast",
            value=lambda b: b.latency_s.p95,
            text=seconds,
            money=False,
        )
    months = wording.months(decision)
    if axis == "all_in":
        requests = _requests(decision)
        return Against(
            title=f"All costs over {months}, per 1,000 requests (USD)",
            what=f"all costs over {months}, per 1,000 requests",
            less="costs less",
            same="costs as much",
            value=lambda b: _share(b.cost_usd.over_horizon, requests),
            text=usd,
            money=True,
        )
    if axis == "total":
        return Against(
            title=f"Cost over {months} (USD)",
            what=f"cost over {months}",
            less="costs less",
            same="costs as much",
            value=lambda b: b.cost_usd.over_horizon,
            text=usd,
            money=True,
        )
    return Against(
        title="Cost per 1,000 requests (USD)",
        what="cost per 1,000 requests",
        less="costs less",
        same="costs as much",
        value=lambda b: b.cost_usd.per_1k_requests,
        text=usd,
        money=True,
    )


def _requests(decision: Decision) -> float:
    """Requests over the horizon, with growth where the months are known."""
    rows = [b.cost_usd.months for b in decision.baselines if b.cost_usd.months]
    if rows:
        return sum(m.requests for m in rows[0] if m.month > 0)
    return decision.facts.requests_per_month * decision.facts.horizon_months


def _share(cost_usd: float | None, requests: float) -> float | None:
    """USD of 1,000 requests; None where there are none to share the cost."""
    return None if cost_usd is None or requests <= 0 else cost_usd / requests * 1000


def latency_limit(decision: Decision) -> float | None:
    """Seconds that 95 % of requests must stay below, where the case says so."""
    constraints = decision.facts.assumptions.get("constraints")
    value = constraints.get("latency_p95_s") if isinstance(constraints, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Positions of the (cost, value) points that no other point betters in both, from cheap to dear."""
    best = -math.inf
    found = []
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if points[i][1] > best:
            best = points[i][1]
            found.append(i)
    return found


def frontier_lines(decision: Decision, axis: Axis) -> list[str]:
    """Who is on the frontier, and of each other baseline, who betters it and how surely."""
    scale = against(decision, axis)
    known = [
        (b, x, y)
        for b in decision.baselines
        if (x := scale.value(b)) is not None and (y := b.quality.value) is not None
    ]
    best = frontier([(x, y) for _, x, y in known])
    lines = []
    if best and len(known) > 1:
        names = [one_line(known[i][0].name) for i in best]
        verb = "is" if len(names) == 1 else "are"
        lines.append(f"{_listed(names)} {verb} on the frontier: nothing else {scale.less} and is better.")
    for i, (b, x, y) in enumerate(known):
        if i not in best:
            other = max((known[j] for j in best if known[j][1] <= x and known[j][2] >= y), key=lambda k: k[2])
            lines.append(_bettered(decision, scale, other, (b, x, y)))
    unknown = [one_line(b.name) for b in decision.baselines if b not in [k[0] for k in known]]
    if unknown:
        lines.append(f"{scale.what[:1].upper()}{scale.what[1:]} or quality is unknown: {_listed(unknown)}.")
    limit = latency_limit(decision) if axis == "latency" else None
    if limit is not None:
        over = [f"{one_line(b.name)} ({seconds(x)})" for b, x, _ in known if x > limit]
        said = f"over it: {_listed(over)}" if over else "all of those measured stay below it"
        lines.append(f"The case allows {seconds(limit)} at p95; {said}.")
    return lines


def _bettered(
    decision: Decision,
    scale: Against,
    better: tuple[BaselineSummary, float, float],
    worse: tuple[BaselineSummary, float, float],
) -> str:
    fraction = wording.is_fraction(decision)
    (a, ax, ay), (b, bx, by) = better, worse
    cheap = scale.less if ax < bx else scale.same
    good = "is better" if ay > by else "is as good"
    figures = f"{scale.text(ax)} against {scale.text(bx)}; {score(ay, fraction=fraction)} against "
    figures += score(by, fraction=fraction)
    than = "than" if ay > by else "as"
    text = f"{one_line(a.name)} {cheap} and {good} {than} {one_line(b.name)} ({figures})."
    if ay > by and _within_noise(decision, a.name, b.name):
        text += " The difference in quality is within the noise."
    return text


def _within_noise(decision: Decision, one: str, other: str) -> bool:
    """Whether a comparison of the two was made, and did not tell them apart."""
    return any(
        {c.baseline, c.reference} == {one, other} and c.ci95[0] <= 0 <= c.ci95[1]
        for c in decision.comparisons
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
