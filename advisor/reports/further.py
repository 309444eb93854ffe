"""What further trainings and other cases say, in the words that every form of the report uses."""

from __future__ import annotations

from advisor.formatting import count, difference, interval, score
from advisor.records import Decision
from advisor.reports.wording import is_fraction

CURVE_HEADER = ("Training examples", "Quality (95% interval)", "Step (95% interval)")
SEEDS_HEADER = ("Seed", "Quality", "Against the best alternative (95% interval)")


def curve_rows(d: Decision) -> list[tuple[str, str, str]]:
    """The learning curve, a row for each amount of data; the last one is what twice the data would give."""
    curve, fraction = d.learning_curve, is_fraction(d)
    if curve is None:
        return []
    steps = {s.to_examples: s for s in curve.steps}
    rows = []
    for p in curve.points:
        step = steps.get(p.n_examples)
        rows.append(
            (
                f"{count(p.n_examples)}{'' if p.what == 'part' else f' ({p.what})'}",
                _with_interval(score(p.value, fraction=fraction), p.ci95, fraction),
                "" if step is None else _step(step.difference, step.ci95, fraction),
            )
        )
    at = curve.at_double
    if at is not None:
        rows.append(
            (
                f"{count(at.n_examples)} (estimated)",
                _with_interval(score(at.value, fraction=fraction), at.ci95, fraction),
                _step(at.gain, at.gain_ci95, fraction),
            )
        )
    return rows


def seed_rows(d: Decision) -> list[tuple[str, str, str]]:
    """The quality under each seed."""
    spread, fraction = d.seed_spread, is_fraction(d)
    if spread is None:
        return []
    return [
        (
            str(r.seed),
            score(r.value, fraction=fraction),
            "" if r.difference is None or r.ci95 is None else _step(r.difference, r.ci95, fraction),
        )
        for r in spread.runs
    ]


def _with_interval(text: str, ends: tuple[float, float] | None, fraction: bool) -> str:
    return text if ends is None else f"{text} ({interval(ends, fraction=fraction)})"


def _step(value: float, ends: tuple[float, float], fraction: bool) -> str:
    return f"{difference(value, fraction=fraction)} ({interval(ends, fraction=fraction, signed=True, unit=False)})"
