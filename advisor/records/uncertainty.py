"""How sure a decision is: odds, what more evidence would be worth, and what each input could change."""

from __future__ import annotations

from typing import Literal

from advisor.records.base import DecisionWord, EvidenceKind, Record


class Purchase(Record):
    """One thing to get before the decision can be taken: what, how much of it, what it costs, what it is worth."""

    what: Literal["held_out_examples", "baseline", "cost", "assumption", "latency", "worth", "tuned_model"]
    text: str
    amount: int | None = None
    cost_usd: float | None = None
    cost_kind: EvidenceKind | None = None
    """Where the cost comes from: declared by the example, or estimated from the hours that all data took."""
    worth_usd: float | None = None
    """Expected gain of having it, before its cost; None where answers have no declared worth."""


class BaselineOdds(Record):
    """How one baseline may turn out, over the noise of the held-out set and the ranges of the assumptions."""

    name: str
    p_best: float
    net_benefit_usd: float | None
    """Expected: worth of its answers less its costs over the horizon, in present value."""
    net_benefit_ci95: tuple[float, float] | None
    regret_usd: float | None
    """What choosing it loses, on average, against the best choice."""


class Information(Record):
    """What knowing something exactly would be worth."""

    what: str
    """`held-out sampling`, or the dotted key of an assumption."""
    worth_usd: float


class MoreExamples(Record):
    """What more held-out examples would cost, and bring."""

    examples: int
    cost_usd: float | None
    cost_kind: EvidenceKind
    worth_usd: float


class Uncertainty(Record):
    """The decision over all that is not known: a Monte Carlo with a fixed seed."""

    draws: int
    odds: tuple[BaselineOdds, ...]
    perfect_information_usd: float | None
    """Expected value of knowing all of it."""
    information: tuple[Information, ...] = ()
    """Of knowing one thing, the most valuable first."""
    more_examples: tuple[MoreExamples, ...] = ()


class TornadoBar(Record):
    """What one input, moved between two values alone, does to the gain of tuning."""

    parameter: str
    low: float
    high: float
    basis: Literal["range", "assumed", "interval"]
    """The case's range; half and double what the case says; the 95 % interval of what was measured."""
    gain_at_low: float | None
    gain_at_high: float | None
    """USD over the horizon by which the best tuned baseline is ahead of the best alternative."""
    gain_now: float | None = None
    """The same at what the case says, or at what was measured."""


class MapPoint(Record):
    """The verdict at one volume and one worth of a right answer."""

    requests_per_month: float
    usd_per_right_answer: float
    """Worth of a right answer over that of a wrong one."""
    decision: DecisionWord
    recommended: str | None
