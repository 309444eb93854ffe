"""What quality costs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt

from advisor.formatting import usd
from advisor.records import Decision
from advisor.reports import wording
from advisor.reports.charts import _layers as layers
from advisor.reports.charts._labels import place_labels, text_size
from advisor.reports.charts._theme import LIGHT, NARROW, WIDE, Theme, Width, plot_px, styles

LOGARITHMIC_FROM = 20
"""How many times the lowest cost the highest must be for a logarithmic axis."""
HEIGHT = 320


def tradeoff_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """Quality against the cost of 1,000 requests; what is nowhere bettered in both is on the frontier."""
    known = [
        (b, cost, value)
        for b in decision.baselines
        if (cost := b.cost_usd.per_1k_requests) is not None and (value := b.quality.value) is not None
    ]
    if not known:
        return None
    fraction = wording.is_fraction(decision)
    style = styles(decision)
    baselines, costs, values = zip(*known, strict=True)
    intervals = [b.quality.ci95 or (value, value) for b, _, value in known]
    low, high = layers.score_domain([*values, *(end for ends in intervals for end in ends)], fraction)
    x_axis = _CostAxis(costs)

    def pixels(cost: float, value: float) -> tuple[float, float]:
        return x_axis.share(cost) * plot_px(width), (high - value) / (high - low) * HEIGHT

    labels = [style[b.name].label for b in baselines]
    rules = []
    for cost, (bottom, top) in zip(costs, intervals, strict=True):
        across, upper = pixels(cost, top)
        rules.append((across - 2, upper, across + 2, pixels(cost, bottom)[1]))
    places = place_labels(
        [pixels(cost, value) for _, cost, value in known],
        [text_size(label) for label in labels],
        rules,
        (0, 0, plot_px(width), HEIGHT),
    )
    rows = [
        {
            **layers.identity(b, style),
            "cost": cost,
            "value": value,
            "low": ends[0],
            "high": ends[1],
            "quality": wording.score_with_interval(b, fraction=fraction),
            "cost_text": usd(cost),
            "text": label,
            "align": align,
            "dx": dx,
            "dy": dy,
        }
        for (b, cost, value), ends, label, (align, dx, dy) in zip(
            known, intervals, labels, places, strict=True
        )
    ]
    x = x_axis.encoding(narrow=width == NARROW)
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=[low, high], nice=False),
        axis=alt.Axis(format=".0%" if fraction else "~r", tickCount=5, title=layers.score_title(decision)),
    )
    best = frontier([(cost, value) for _, cost, value in known])
    base = alt.Chart(layers.data(rows))
    front = alt.Chart(layers.data([{"cost": costs[i], "value": values[i]} for i in best]))
    colour = layers.colour_of(baselines, style)
    drawn = [
        front.mark_line(strokeDash=[2, 4], strokeWidth=2, color=theme.muted).encode(x=x, y=y),
        base.transform_calculate(value="datum.low")
        .mark_rule(strokeWidth=2, opacity=0.75)
        .encode(x=x, y=y, y2="high:Q", color=colour),
        front.mark_point(size=430, strokeWidth=1.5, color=theme.muted, opacity=1).encode(x=x, y=y),
        base.mark_point(filled=True, size=150, opacity=1).encode(
            x=x,
            y=y,
            color=colour,
            shape=layers.shape_of(baselines, style),
            tooltip=layers.tooltip(quality="quality", cost_per_1000_requests="cost_text"),
        ),
        *layers.text_layers(rows, x, y, theme, baseline="middle"),
    ]
    dotted = " Dotted: the frontier." if len(best) > 1 else ""
    notes = [f"Ringed: nothing else is both cheaper and better.{dotted}"]
    notes += layers.left_out("Not drawn, as cost or quality is unknown", decision, lambda b: b in baselines)
    return layers.finished(drawn, theme, width=width, height=HEIGHT, notes=notes)


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Positions of the (cost, value) points that no other point betters in both, from cheap to dear."""
    best = -math.inf
    found = []
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if points[i][1] > best:
            best = points[i][1]
            found.append(i)
    return found


class _CostAxis:
    """From the costs to an axis: logarithmic where they span a lot and none is nothing."""

    def __init__(self, costs: Sequence[float]) -> None:
        least, most = min(costs), max(costs)
        self.logarithmic = least > 0 and most / least >= LOGARITHMIC_FROM
        self.low, self.high = (least / 1.8, most * 1.8) if self.logarithmic else (0.0, most * 1.2 or 1.0)

    def share(self, cost: float) -> float:
        """How far across the axis a cost stands, from 0 to 1."""
        if self.logarithmic:
            return math.log(cost / self.low) / math.log(self.high / self.low)
        return (cost - self.low) / (self.high - self.low)

    def encoding(self, *, narrow: bool) -> alt.X:
        """The axis itself."""
        title = "Cost per 1,000 requests (USD)"
        ends = [self.low, self.high]
        if self.logarithmic:
            title = f"{title}, logarithmic"
            scale = alt.Scale(type="log", domain=ends, nice=False)
            axis = alt.Axis(values=log_ticks(*ends), format="$,.3~r", title=title)
        else:
            scale = alt.Scale(domain=ends, nice=False)
            axis = alt.Axis(tickCount=4 if narrow else 6, format="$,.3~r", title=title)
        return alt.X("cost:Q", scale=scale, axis=axis)


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two positive ends; 1, 2 and 5 times them where these are few."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
    return [tick for k in exponents for m in factors if low <= (tick := m * 10.0**k) <= high]
