"""The charts of a decision, the same in the report and on the page: `Decision -> chart | None`.

None means that there is nothing to draw. What is unknown is named below a chart and never drawn at zero. A
baseline has the same colour and shape in all of them.
"""

from __future__ import annotations

from typing import Protocol

import altair as alt

from advisor.formatting import one_line, seconds, usd
from advisor.records import Decision
from advisor.reports import uncertain, wording
from advisor.reports import verdict_by_volume as by_volume
from advisor.reports.charts._layers import to_svg, unchecked
from advisor.reports.charts._theme import COLOURS, DARK, LIGHT, NARROW, WIDE, Theme, Width, colour_of
from advisor.reports.charts.cost import cost_chart, payback_months
from advisor.reports.charts.learning import learning_chart
from advisor.reports.charts.loss import loss_chart
from advisor.reports.charts.quality import quality_chart
from advisor.reports.charts.request import tokens_chart
from advisor.reports.charts.tornado import tornado_chart
from advisor.reports.charts.tradeoff import all_in_chart, latency_chart, total_chart, tradeoff_chart
from advisor.reports.charts.verdict_map import map_chart
from advisor.reports.frontier import against

__all__ = [
    "CHARTS",
    "COLOURS",
    "DARK",
    "LIGHT",
    "NARROW",
    "WIDE",
    "DrawChart",
    "Theme",
    "Width",
    "all_in_chart",
    "colour_of",
    "cost_chart",
    "describe",
    "latency_chart",
    "learning_chart",
    "loss_chart",
    "map_chart",
    "payback_months",
    "quality_chart",
    "to_svg",
    "tokens_chart",
    "tornado_chart",
    "total_chart",
    "tradeoff_chart",
    "unchecked",
]


class DrawChart(Protocol):
    """A function that draws one chart."""

    def __call__(self, decision: Decision, *, theme: Theme, width: Width) -> alt.LayerChart | None:
        """The chart, or None where there is nothing to draw."""


CHARTS: dict[str, tuple[str, DrawChart]] = {
    "quality": ("How good the answers are", quality_chart),
    "tradeoff": ("Quality against running cost", tradeoff_chart),
    "all_in": ("Quality against all costs, per 1,000 requests", all_in_chart),
    "total": ("Quality against all costs", total_chart),
    "latency": ("Quality against latency", latency_chart),
    "cost": ("What it costs over time", cost_chart),
    "tokens": ("What a request consists of", tokens_chart),
    "loss": ("How tuning went", loss_chart),
    "learning": ("Quality by the amount of training data", learning_chart),
    "tornado": ("What moves the gain of tuning, one input at a time", tornado_chart),
    "map": ("The verdict at other volumes and worths", map_chart),
}
"""Every chart by id, with its title, in the order they are shown."""


def describe(decision: Decision, chart: str) -> str:
    """A chart in one sentence, for who cannot see it; its figures stand in the tables too."""
    fraction, names = wording.is_fraction(decision), {b.name: one_line(b.name) for b in decision.baselines}
    match chart:
        case "quality":
            figures = [
                f"{names[b.name]} {wording.score_with_interval(b, fraction=fraction)}"
                for b in decision.baselines
            ]
            return f"{one_line(decision.facts.metric)} with 95% intervals: {'; '.join(figures)}."
        case "tradeoff":
            figures = [f"{names[b.name]} {usd(b.cost_usd.per_1k_requests)}" for b in decision.baselines]
            return f"Quality against cost per 1,000 requests: {'; '.join(figures)}."
        case "all_in":
            scale = against(decision, "all_in")
            figures = [f"{names[b.name]} {usd(scale.value(b))}" for b in decision.baselines]
            return f"Quality against {scale.what}: {'; '.join(figures)}."
        case "total":
            figures = [f"{names[b.name]} {usd(b.cost_usd.over_horizon)}" for b in decision.baselines]
            return f"Quality against costs over {wording.months(decision)}: {'; '.join(figures)}."
        case "latency":
            figures = [f"{names[b.name]} {seconds(b.latency_s.p95)}" for b in decision.baselines]
            return f"Quality against the latency that 95% of requests stay below: {'; '.join(figures)}."
        case "cost":
            figures = [f"{names[b.name]} {usd(b.cost_usd.over_horizon)}" for b in decision.baselines]
            return f"Cost after {wording.months(decision)}: {'; '.join(figures)}."
        case "tokens":
            figures = [f"{names[b.name]} {wording.tokens_of(b, b.tokens.input)}" for b in decision.baselines]
            return f"Mean prompt tokens per request: {'; '.join(figures)}."
        case "learning":
            curve = decision.learning_curve
            return one_line(curve.text) if curve else "No learning curve was measured."
        case "tornado":
            lines = "; ".join(uncertain.tornado_lines(decision, most=12))
            return one_line(f"{uncertain.tornado_title(decision)}: {lines}.")
        case "map":
            return by_volume.sentence(decision) or "No map was drawn."
        case _:
            return "Training loss and dev loss by training step."
