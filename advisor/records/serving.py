"""What a served model carries, as the decision tells it."""

from __future__ import annotations

from advisor.records.base import Record
from advisor.records.measured import LoadTest


class ServingCapacity(Record):
    """A baseline's load test, and what follows from it at the case's volume and constraints.

    The figures from `concurrency` on are those of the operating point: the tested number of requests at a time with the
    highest throughput at which the latency is allowed and less than 1 % fail; None where there is none.
    """

    baseline: str
    test: LoadTest
    concurrency: int | None = None
    requests_per_s: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    capacity_per_month: float | None = None
    """Requests that one server carries in a month of 730 hours, never idle."""
    capacity_at_peak_factor: float | None = None
    """The same for traffic whose busiest hour is the case's peak factor above the mean."""
    cost_per_1k_usd: float | None = None
    """USD of 1,000 requests on a server that is paid by the hour and never idle; None where it is paid otherwise."""
    servers: int | None = None
    """Servers that the largest month of the case needs in its busiest hour."""
    declared_requests_per_s: float | None = None
    """The throughput that the case declares; the measured one counts."""
    text: str
    """The above in words."""
