"""The verdict over volume and worth of a right answer: in words, as a table of letters, and for its chart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from advisor.formatting import count, usd
from advisor.records import Decision, DecisionWord, MapPoint
from advisor.reports import wording

LETTERS: Mapping[DecisionWord, str] = {"fine_tune": "F", "do_not_fine_tune": "D", "not_yet": "N"}
"""A letter for each verdict, where there is room for no more."""


def is_one(d: Decision) -> bool:
    """Whether the same verdict comes out all over the map, which then is one sentence."""
    return len(present(d)) == 1


def sentence(d: Decision) -> str | None:
    """How often which verdict comes out on the map, and between which ends."""
    if not d.verdict_map:
        return None
    volumes, worths = axes(d.verdict_map)
    found = Counter(p.decision for p in d.verdict_map).most_common()
    shares = ", ".join(f"{wording.VERDICTS[word]} in {count(n)}" for word, n in found)
    if len(found) == 1:
        shares = f"{wording.VERDICTS[found[0][0]]} in all of them"
    return (
        f"From {count(volumes[0])} to {count(volumes[-1])} requests a month, and a right answer worth "
        f"{usd(worths[0])} to {usd(worths[-1])} more than a wrong one: of {count(len(d.verdict_map))} combinations, "
        f"{shares}."
    )


def rows(d: Decision) -> list[tuple[str, ...]]:
    """The map as letters, the highest worth first; the case's own cell in brackets."""
    volumes, worths = axes(d.verdict_map)
    at = {(p.requests_per_month, p.usd_per_right_answer): p for p in d.verdict_map}
    own = own_point(d)

    def letter(volume: float, worth: float) -> str:
        point = at.get((volume, worth))
        if point is None:
            return ""
        return f"({LETTERS[point.decision]})" if point == own else LETTERS[point.decision]

    return [(usd_label(worth), *(letter(volume, worth) for volume in volumes)) for worth in reversed(worths)]


def header(d: Decision) -> tuple[str, ...]:
    """Columns of the map as letters."""
    volumes, _ = axes(d.verdict_map)
    return ("A right answer is worth more by", *(volume_label(v) for v in volumes))


def legend(d: Decision) -> str:
    """What the letters of the map mean."""
    own = "; in brackets: the case at its likely values" if own_point(d) else ""
    return f"Columns: requests a month. {'; '.join(f'{LETTERS[w]}: {wording.VERDICTS[w]}' for w in present(d))}{own}."


def present(d: Decision) -> list[DecisionWord]:
    """The verdicts that the map holds."""
    found = {p.decision for p in d.verdict_map}
    return [word for word in LETTERS if word in found]


def axes(points: Sequence[MapPoint]) -> tuple[list[float], list[float]]:
    """(volumes, worths) of a map, rising."""
    return sorted({p.requests_per_month for p in points}), sorted({p.usd_per_right_answer for p in points})


def own_point(d: Decision) -> MapPoint | None:
    """The point of the map where the case stands; None where it is off the map."""
    if not d.verdict_map:
        return None
    volume, worth = d.facts.requests_per_month, own_worth(d)
    near = min(
        d.verdict_map,
        key=lambda p: (abs(p.requests_per_month - volume), abs(p.usd_per_right_answer - worth)),
    )
    close = abs(near.requests_per_month - volume) <= 0.01 * volume
    return near if close and abs(near.usd_per_right_answer - worth) <= 0.01 * worth else None


def own_worth(d: Decision) -> float:
    """USD by which a right answer is worth more than a wrong one in the case; 0 where it says nothing."""
    value = d.facts.assumptions.get("value")
    if not isinstance(value, dict):
        return 0.0
    return _likely(value.get("correct_usd")) - _likely(value.get("wrong_usd"))


def volume_label(value: float) -> str:
    """Requests a month in three significant figures: 5,060."""
    return count(float(f"{value:.3g}"))


def usd_label(value: float) -> str:
    """A worth in three significant figures."""
    return usd(float(f"{value:.3g}"))


def _likely(value: JsonValue) -> float:
    if isinstance(value, dict):
        value = value.get("likely")
    return float(value) if isinstance(value, int | float) else 0.0
