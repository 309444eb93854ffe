"""What one server carries, from its load test: the operating point, its cost, and how many servers the case needs.

The operating point is the tested number of requests at a time with the highest throughput X (requests a second) at
which the 95th percentile of the latency is allowed and less than 1 % of the requests fail. A month has 730 hours:

    capacity a month   = 730 · 3600 · X
    USD per 1,000      = USD an hour / (3600 · X) · 1000                             (never idle)
    servers            = ⌈ requests a month · peak / capacity a month ⌉

where the peak is the busiest hour of what cannot wait against the mean hour of all, `Drivers.peak`.
"""

from __future__ import annotations

import math

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.numbers import likely
from advisor.cases.schema import Case
from advisor.economics.drivers import drivers_of
from advisor.records import LoadTest, Record
from advisor.records.serving import ServingCapacity

HOURS_PER_MONTH = 730
"""8,760 hours a year / 12."""
MOST_FAILED = 0.01
"""Share of failed requests from which a load counts as too much."""
SAYS_OTHERWISE = 0.1
"""Share by which a declared throughput may differ from the measured one before it is said."""


class OperatingPoint(Record):
    """The load at which a server is best used."""

    requests_per_s: float
    concurrency: int
    p50_s: float | None
    p95_s: float | None

    @property
    def capacity_per_month(self) -> float:
        """Requests that one server carries in a month, never idle."""
        return HOURS_PER_MONTH * 3600 * self.requests_per_s

    def cost_per_1k_usd(self, usd_per_hour: float) -> float:
        """USD of 1,000 requests, never idle."""
        return usd_per_hour / (3600 * self.requests_per_s) * 1000

    def servers(self, requests_per_month: float, peak: float = 1.0) -> int:
        """Servers that a month's requests need in their busiest hour, which is `peak` times the mean one."""
        # a rounding error is no reason for another server
        return max(1, math.ceil(requests_per_month * peak / self.capacity_per_month - 1e-9))


def operating_point(load: LoadTest, latency_p95_s: float | None) -> OperatingPoint | None:
    """The best load; None where no tested one is fast and safe enough. Of equal ones, the one with fewer at a time.

    Args:
        load: The load test.
        latency_p95_s: What the case allows; None allows any.
    """
    fit = [
        p
        for p in load.points
        if p.requests_per_s > 0
        and p.failed < MOST_FAILED * p.requests
        and (latency_p95_s is None or (p.p95_s is not None and p.p95_s <= latency_p95_s))
    ]
    if not fit:
        return None
    best = max(fit, key=lambda p: (p.requests_per_s, -p.concurrency))
    return OperatingPoint(
        requests_per_s=best.requests_per_s, concurrency=best.concurrency, p50_s=best.p50_s, p95_s=best.p95_s
    )


def served_throughput(
    load: LoadTest | None, declared: float | None, latency_p95_s: float | None
) -> tuple[float | None, str | None]:
    """(requests a second of one server, where the figure is from): measured under load, else declared, else None.

    Args:
        load: The load test, where there is one.
        declared: `serving.requests_per_s` of the case.
        latency_p95_s: The latency that the case allows.
    """
    point = operating_point(load, latency_p95_s) if load is not None else None
    if load is not None and point is not None:
        note = (
            f"throughput of {point.requests_per_s:.3g} requests/s is measured, {point.concurrency} at a time "
            f"({load.on})"
        )
        if declared is not None and abs(declared / point.requests_per_s - 1) > SAYS_OTHERWISE:
            note += f"; {declared:g} were declared"
        return point.requests_per_s, note
    unfit = "no tested load is fast and safe enough; " if load is not None else ""
    if declared is not None:
        return declared, f"{unfit}throughput of {declared:g} requests/s is declared"
    return None, f"{unfit}none is declared" if unfit else None


def capacity_of(case: Case, spec: BaselineSpec, load: LoadTest) -> ServingCapacity:
    """What a load test of a baseline means for its case."""
    allowed = case.constraints.latency_p95_s
    serving = case.models[spec.model].serving if spec.model else spec.serving
    declared = serving.requests_per_s if serving else None
    point = operating_point(load, allowed)
    if point is None:
        return ServingCapacity(
            baseline=spec.name,
            test=load,
            declared_requests_per_s=declared,
            text=_unfit(spec.name, load, allowed),
        )
    growth, months = likely(case.traffic.monthly_growth), case.traffic.horizon_months
    largest = likely(case.traffic.requests_per_month) * max(1.0, (1 + growth) ** (months - 1))
    peak = float(drivers_of(case).peak)
    servers = point.servers(largest, peak) if largest else None
    cost = point.cost_per_1k_usd(serving.usd_per_hour) if serving else None
    return ServingCapacity(
        baseline=spec.name,
        test=load,
        concurrency=point.concurrency,
        requests_per_s=point.requests_per_s,
        p50_s=point.p50_s,
        p95_s=point.p95_s,
        capacity_per_month=point.capacity_per_month,
        capacity_at_peak_factor=point.capacity_per_month / peak,
        cost_per_1k_usd=cost,
        servers=servers,
        declared_requests_per_s=declared,
        text=_text(spec.name, point, allowed, declared, cost, servers, largest, peak),
    )


def _text(
    name: str,
    point: OperatingPoint,
    allowed: float | None,
    declared: float | None,
    cost: float | None,
    servers: int | None,
    largest: float,
    peak: float,
) -> str:
    """The operating point, its cost, and the servers, in sentences."""
    within = f" within the allowed {allowed:g} s" if allowed is not None else ""
    # a load test may have a throughput and no latency
    latency = f", 95% of them in {point.p95_s:.3g} s{within}" if point.p95_s is not None else ""
    parts = [
        f"{name}: one server answers {point.requests_per_s:.3g} requests/s, {point.concurrency} at a time{latency}: "
        f"{in_words(point.capacity_per_month)} a month."
    ]
    if cost is not None:
        parts.append(f"1,000 requests cost {cost:.3g} USD where it is never idle.")
    if servers is not None:
        busiest = f" (what cannot wait peaks at {peak:g} times the mean of all)" if peak != 1 else ""
        machines = "one server carries" if servers == 1 else f"{servers} servers carry"
        parts.append(f"For {in_words(largest)} a month{busiest}, {machines} it.")
    if declared is not None and abs(declared / point.requests_per_s - 1) > SAYS_OTHERWISE:
        more = "more" if declared > point.requests_per_s else "less"
        parts.append(
            f"The case declares {declared:g} requests/s, {abs(declared / point.requests_per_s - 1):.0%} {more}; "
            "the measured figure is used."
        )
    return " ".join(parts)


def _unfit(name: str, load: LoadTest, allowed: float | None) -> str:
    limit = f" with 95% of the answers within {allowed:g} s" if allowed is not None else ""
    tested = ", ".join(str(p.concurrency) for p in load.points)
    return (
        f"{name}: none of the tested loads ({tested} at a time) was carried{limit} and less than 1% of failures, "
        "so what a server carries is unknown; test fewer at a time."
    )


def in_words(volume: float) -> str:
    """A volume as it is said: 1,230 requests · 45.6 million requests."""
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if volume >= size:
            return f"{volume / size:,.3g} {word} requests"
    return f"{volume:,.0f} requests"
