"""What each assumption could change: a tornado of the gain of tuning, and a map of the verdict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from advisor.cases.numbers import likely
from advisor.cases.schema import Case
from advisor.decision.gain import Gain, gain_of
from advisor.decision.stakes import Accounts, Outlook, outlooks
from advisor.decision.verdict import Judgement
from advisor.economics.drivers import FIELDS, drivers_of, ranges_of, value_of
from advisor.records import MapPoint, TornadoBar
from advisor.statistics.paired import PairedComparison

VOLUMES = tuple(float(f) for f in np.geomspace(0.1, 10, 9))
"""Multiples of the case's volume that the map covers."""
WORTHS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""USD by which a right answer is worth more than a wrong one, where the case says nothing."""
AROUND = tuple(float(f) for f in np.geomspace(0.1, 10, 9))
"""Multiples of what the case says."""
QUALITY = "quality difference"


def tornado(
    accounts: Accounts, challenger: str, champion: str, pair: PairedComparison, gain: Gain | None
) -> tuple[TornadoBar, ...]:
    """The gain of tuning with one input at a time at its ends, the widest bar first.

    The ends are the case's range where it gives one, else half and double of what it says. Where nothing has a declared
    worth, the gain is what tuning saves.
    """
    drivers, ranges = drivers_of(accounts.case), ranges_of(accounts.case)
    keys = [*FIELDS, *sorted(drivers.prices)]
    bars = []
    for key in keys:
        now = value_of(drivers, key)
        if key in ranges:
            low, high = ranges[key].low, ranges[key].high
        elif now:
            low, high = sorted((float(now) / 2, float(now) * 2))
        else:
            continue
        if key in ("traffic.peak_factor", "traffic.batch_share"):
            low, high = max(low, 1.0 if key.endswith("peak_factor") else 0.0), high
            high = min(high, 1.0) if key.endswith("batch_share") else high
        at_low, at_now, at_high = (
            _gain(found, challenger, champion, pair)
            for found in outlooks(accounts, {key: [low, low if now is None else float(now), high]})
        )
        if at_low is not None and at_low == at_high:
            continue  # an input of neither of the two
        basis = "range" if key in ranges else "assumed"
        bars.append(
            TornadoBar(
                parameter=key,
                low=low,
                high=high,
                basis=basis,
                gain_at_low=at_low,
                gain_at_high=at_high,
                gain_now=None if now is None else at_now,
            )
        )
    if gain is not None:
        low, high = gain.difference
        bars.append(
            TornadoBar(
                parameter=QUALITY,
                low=low,
                high=high,
                basis="interval",
                gain_at_low=gain.low,
                gain_at_high=gain.high,
                gain_now=gain.likely,
            )
        )
    return tuple(sorted(bars, key=lambda b: (-_width(b), b.parameter)))


def verdict_map(accounts: Accounts, judged: Callable[[Outlook], Judgement]) -> tuple[MapPoint, ...]:
    """The verdict over the monthly volume and the worth of a right answer; all else as it is.

    Args:
        accounts: What costs are computed from.
        judged: The rule, applied to given stakes.
    """
    case = accounts.case
    wrong = likely(case.value.wrong_usd)
    points = [(v, w) for v in _volumes(case) for w in _worths(case)]
    found = outlooks(
        accounts,
        {
            "traffic.requests_per_month": [v for v, _ in points],
            "value.correct_usd": [wrong + w for _, w in points],
            "value.wrong_usd": [wrong for _ in points],
        },
    )
    rows = []
    for (volume, worth), at in zip(points, found, strict=True):
        judgement = judged(at)
        rows.append(
            MapPoint(
                requests_per_month=volume,
                usd_per_right_answer=worth,
                decision=judgement.decision,
                recommended=judgement.recommended,
            )
        )
    return tuple(rows)


def _volumes(case: Case) -> list[float]:
    now = likely(case.traffic.requests_per_month) or 10_000.0
    return [now * f for f in VOLUMES]


def _worths(case: Case) -> list[float]:
    now = likely(case.value.correct_usd) - likely(case.value.wrong_usd)
    return [now * f for f in AROUND] if now > 0 else list(WORTHS)


def _gain(found: Outlook, challenger: str, champion: str, pair: PairedComparison) -> float | None:
    if found.likely.declared:
        gain = gain_of(challenger, champion, pair, found)
        return None if gain is None else gain.likely
    saving = found.likely.saving(challenger, champion)
    return None if saving is None else float(saving)


def _width(bar: TornadoBar) -> float:
    if bar.gain_at_low is None or bar.gain_at_high is None:
        return 0.0
    return abs(bar.gain_at_high - bar.gain_at_low)
