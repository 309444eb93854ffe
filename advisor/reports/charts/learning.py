"""Quality by the amount of training data."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np

from advisor.formatting import count
from advisor.records import Decision, PowerLaw
from advisor.reports import wording
from advisor.reports.charts import _layers as layers
from advisor.reports.charts._theme import LIGHT, WIDE, Theme, Width, styles

MEASURED, ESTIMATED = "measured", "if the curve goes on"
_STEPS = 40


def learning_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """The points of a learning curve with their intervals, the law through them, and what twice the data would give."""
    curve = decision.learning_curve
    if curve is None:
        return None
    fraction = wording.is_fraction(decision)
    style = styles(decision).get(curve.baseline)
    colour = style.colour if style else theme.text
    points: list[dict[str, Any]] = [
        {
            "n": p.n_examples,
            "examples": count(p.n_examples),
            "value": p.value,
            "low": p.ci95[0] if p.ci95 else p.value,
            "high": p.ci95[1] if p.ci95 else p.value,
            "series": MEASURED,
        }
        for p in curve.points
    ]
    at = curve.at_double
    ends: list[dict[str, Any]] = (
        [
            {
                "n": at.n_examples,
                "examples": count(at.n_examples),
                "value": at.value,
                "low": at.ci95[0],
                "high": at.ci95[1],
                "series": ESTIMATED,
            }
        ]
        if at is not None
        else []
    )
    everything = [*points, *ends]
    low, high = layers.score_domain([v for p in everything for v in (p["low"], p["high"])], fraction)
    line = [{**p, "order": k} for k, p in enumerate(points)]
    smallest = min((p.n_examples for p in curve.points if p.n_examples), default=1)
    if at is not None and curve.fit is not None:
        line = _law(curve.fit, smallest, at.n_examples)
    present = [s for s in (MEASURED, ESTIMATED) if any(p["series"] == s for p in everything)]
    x = alt.X("n:Q", axis=alt.Axis(title="Training examples", tickCount=6, format=",d", grid=False))
    y = alt.Y(
        "value:Q",
        axis=alt.Axis(title=layers.score_title(decision), tickCount=5, format=".0%" if fraction else ""),
        scale=alt.Scale(domain=[low, high], zero=False),
    )
    shape = alt.Shape(
        "series:N",
        scale=alt.Scale(domain=present, range=["circle", "diamond"][: len(present)]),
        legend=alt.Legend(symbolFillColor=colour, symbolStrokeColor=colour),
    )
    tip = [
        alt.Tooltip("examples:N", title="training examples"),
        alt.Tooltip("value:Q", format=".1%" if fraction else ".3f"),
    ]
    drawn = [
        alt.Chart(layers.data(line))
        .mark_line(strokeWidth=2, color=colour, clip=True, strokeDash=[7, 4] if at is not None else [1, 0])
        .encode(x=x, y=y),
        alt.Chart(layers.data(everything))
        .mark_rule(strokeWidth=2, color=colour)
        .encode(x=x, y=alt.Y("low:Q"), y2="high:Q"),
        alt.Chart(layers.data(everything))
        .mark_point(filled=True, size=110, opacity=1, color=colour)
        .encode(x=x, y=y, shape=shape, tooltip=tip),
    ]
    return layers.finished(drawn, theme, width=width, height=260)


def _law(law: PowerLaw, smallest: int, largest: int) -> list[dict[str, Any]]:
    return [
        {"n": float(n), "value": law.ceiling - law.scale * float(n) ** -law.rate}
        for n in np.geomspace(smallest, largest, _STEPS)
    ]
