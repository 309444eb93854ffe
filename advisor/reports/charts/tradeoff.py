"""What quality costs, in money and in time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt

from advisor.formatting import score, seconds
from advisor.records import Decision
from advisor.reports import wording
from advisor.reports.charts import _layers as layers
from advisor.reports.charts._labels import along, overlap, place_labels, text_size
from advisor.reports.charts._theme import LABEL_PX, LIGHT, NARROW, WIDE, Theme, Width, plot_px, styles
from advisor.reports.frontier import Axis, against, frontier, latency_limit

LOGARITHMIC_FROM = 20
"""How many times the lowest cost the highest must be for a logarithmic axis."""
HEIGHT = 320


def tradeoff_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """Quality against the cost of 1,000 requests; what is nowhere bettered in both is on the frontier."""
    return _chart(decision, "per_1k", theme, width)


def all_in_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """Quality against all costs over the horizon, shared among the requests: what the verdict weighs."""
    return _chart(decision, "all_in", theme, width)


def total_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """Quality against all costs over the horizon."""
    return _chart(decision, "total", theme, width)


def latency_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """Quality against the latency that 95 % of requests stay below, with the case's limit."""
    return _chart(decision, "latency", theme, width)


def _chart(decision: Decision, axis: Axis, theme: Theme, width: Width) -> alt.LayerChart | None:
    scale = against(decision, axis)
    known = [
        (b, cost, value)
        for b in decision.baselines
        if (cost := scale.value(b)) is not None and (value := b.quality.value) is not None
    ]
    if not known:
        return None
    fraction, bar = wording.is_fraction(decision), decision.facts.bar
    limit = latency_limit(decision) if axis == "latency" else None
    style = styles(decision)
    baselines, costs, values = zip(*known, strict=True)
    intervals = [b.quality.ci95 or (value, value) for b, _, value in known]
    ends_of_all = [*values, *(end for ends in intervals for end in ends), *([] if bar is None else [bar])]
    low, high = layers.score_domain(ends_of_all, fraction)
    x_axis = _CostAxis([*costs, *([] if limit is None else [limit])], scale.title, money=scale.money)

    def pixels(cost: float, value: float) -> tuple[float, float]:
        return x_axis.share(cost) * plot_px(width), (high - value) / (high - low) * HEIGHT

    labels = [style[b.name].label for b in baselines]
    rules = []
    for cost, (bottom, top) in zip(costs, intervals, strict=True):
        across, upper = pixels(cost, top)
        rules.append((across - 2, upper, across + 2, pixels(cost, bottom)[1]))
    right = False
    if bar is not None:  # its name stands just above its line, at the left unless an interval is there
        at, width_px = pixels(costs[0], bar)[1], plot_px(width)
        left_box, right_box = (0.0, at - 20, 90.0, at), (width_px - 90.0, at - 20, float(width_px), at)
        right = any(overlap(left_box, r) for r in rules) and not any(overlap(right_box, r) for r in rules)
        rules.append(right_box if right else left_box)
    best = frontier([(cost, value) for _, cost, value in known])
    rules += along([pixels(costs[i], values[i]) for i in best])
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
            "cost_text": scale.text(cost),
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
    base = alt.Chart(layers.data(rows))
    front = alt.Chart(layers.data([{"cost": costs[i], "value": values[i]} for i in best]))
    colour = layers.colour_of(baselines, style)
    drawn = [
        *([] if bar is None else _bar_line(bar, score(bar, fraction=fraction), y, theme, right=right)),
        *([] if limit is None else _limit_line(limit, x, x_axis.share(limit), theme)),
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
            tooltip=layers.tooltip(
                **{"quality": "quality", scale.what.replace(" ", "_").replace(",", ""): "cost_text"}
            ),
        ),
        *layers.text_layers(rows, x, y, theme, baseline="middle"),
    ]
    dotted = " Dotted: the frontier." if len(best) > 1 else ""
    faster = "faster" if axis == "latency" else "cheaper"
    notes = [f"Ringed: nothing else is both {faster} and better.{dotted}"]
    missing = "latency" if axis == "latency" else "cost"
    notes += layers.left_out(
        f"Not drawn, as {missing} or quality is unknown", decision, lambda b: b in baselines
    )
    return layers.finished(drawn, theme, width=width, height=HEIGHT, notes=notes)


def _bar_line(bar: float, text: str, y: alt.Y, theme: Theme, *, right: bool) -> list[layers.Layer]:
    """The quality bar across the plot, with its name at one end."""
    base = alt.Chart(layers.data([{"value": bar, "text": f"bar {text}"}]))
    return [
        base.mark_rule(strokeDash=[6, 4], strokeWidth=1.5, color=theme.muted).encode(y=y),
        base.mark_text(
            align="right" if right else "left",
            baseline="bottom",
            dx=-4 if right else 4,
            dy=-3,
            color=theme.muted,
            fontSize=LABEL_PX - 1,
        ).encode(x=alt.value("width" if right else 0), y=y, text="text:N"),
    ]


def _limit_line(limit: float, x: alt.X, share: float, theme: Theme) -> list[layers.Layer]:
    """The longest latency that the case allows, with its name above the plot."""
    base = alt.Chart(layers.data([{"cost": limit, "text": f"limit {seconds(limit)}"}]))
    right = share > 0.5
    return [
        base.mark_rule(strokeDash=[6, 4], strokeWidth=1.5, color=theme.text).encode(x=x),
        base.mark_text(
            align="right" if right else "left",
            baseline="bottom",
            dx=-4 if right else 4,
            dy=-2,
            color=theme.text,
            fontSize=LABEL_PX - 1,
        ).encode(x=x, y=alt.value(0), text="text:N"),
    ]


class _CostAxis:
    """From the costs to an axis: logarithmic where they span a lot and none is nothing."""

    def __init__(self, costs: Sequence[float], title: str, *, money: bool) -> None:
        self.title = title
        self.format = "$,.3~r" if money else ",.3~r"
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
        title = self.title
        ends = [self.low, self.high]
        if self.logarithmic:
            title = f"{title}, logarithmic"
            scale = alt.Scale(type="log", domain=ends, nice=False)
            axis = alt.Axis(values=log_ticks(*ends), format=self.format, title=title)
        else:
            scale = alt.Scale(domain=ends, nice=False)
            axis = alt.Axis(tickCount=4 if narrow else 6, format=self.format, title=title)
        return alt.X("cost:Q", scale=scale, axis=axis)


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two positive ends; 1, 2 and 5 times them where these are few."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
    return [tick for k in exponents for m in factors if low <= (tick := m * 10.0**k) <= high]
