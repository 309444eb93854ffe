"""What it costs over time."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt

from advisor.formatting import one_line, shortened, usd, usd_short
from advisor.records import BaselineSummary, Decision
from advisor.reports.charts import _layers as layers
from advisor.reports.charts._labels import spread, text_size, wrapped
from advisor.reports.charts._theme import (
    LIGHT,
    NAME_LENGTH,
    NARROW,
    WIDE,
    Theme,
    Width,
    plot_px,
    styles,
)

Line = tuple[float, ...]
"""Cumulative costs: at once, and after each month."""


def cost_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """What each baseline has cost after each month: one-off, then month by month, up to the horizon."""
    horizon = decision.facts.horizon_months
    lines = _lines(decision)
    known = [b for b in decision.baselines if b.name in lines]
    if not known:
        return None
    style = styles(decision)
    ends = [_after(lines[b.name], horizon) for b in known]
    top = max(max(line) for line in lines.values()) * 1.06 or 1.0

    # the labels stand to the right of the lines' ends, inside the plot, moved apart
    labels = [
        f"{wrapped(shortened(b.name, NAME_LENGTH), 14)}\n{usd_short(end)}"
        for b, end in zip(known, ends, strict=True)
    ]
    widths, heights = zip(*map(text_size, labels), strict=True)
    tallest = max(heights)
    height = max(320, round((tallest + 4) * len(labels)))
    label_ys = spread(
        [(1 - end / top) * height for end in ends], tallest + 4, tallest / 2, height - tallest / 2
    )
    room = max(plot_px(width) - max(widths) - 18, plot_px(width) * 0.4)
    last = horizon * plot_px(width) / room
    x_scale, y_scale = alt.Scale(domain=[0, last], nice=False), alt.Scale(domain=[0, top], nice=False)

    rows = [
        {
            **layers.identity(b, style),
            "month": month,
            "cost": _after(lines[b.name], month),
            "cost_text": usd(_after(lines[b.name], month)),
        }
        for b in known
        for month in range(horizon + 1)
    ]
    tips = [
        {
            **layers.identity(b, style),
            "month": horizon,
            "label_month": horizon + (last - horizon) * 0.07,
            "cost": end,
            "label_cost": (1 - label_y / height) * top,
            "text": text,
            "dx": 4,
        }
        for b, end, label_y, text in zip(known, ends, label_ys, labels, strict=True)
    ]
    x = alt.X(
        "month:Q",
        scale=x_scale,
        axis=alt.Axis(
            title="Months from now",
            values=month_ticks(horizon, 6 if width == NARROW else 12),
            format="d",
            grid=False,
        ),
    )
    y = alt.Y(
        "cost:Q",
        scale=y_scale,
        axis=alt.Axis(
            title="Cumulative cost (USD)", format="$,.3~s" if top >= 1000 else "$,.3~r", tickCount=5
        ),
    )
    colour = layers.colour_of(known, style)
    drawn = [
        alt.Chart(layers.data(rows)).mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour),
        alt.Chart(layers.data(tips))
        .mark_rule(strokeWidth=1, opacity=0.7)
        .encode(x=x, x2="label_month:Q", y=y, y2="label_cost:Q", color=colour),
        alt.Chart(layers.data([r for r in rows if r["month"] % max(1, horizon // 6) == 0]))
        .mark_point(filled=True, size=60, opacity=1)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=layers.shape_of(known, style),
            tooltip=layers.tooltip(month="month", cost="cost_text"),
        ),
        *layers.text_layers(
            tips,
            alt.X("label_month:Q", scale=x_scale),
            alt.Y("label_cost:Q", scale=y_scale),
            theme,
            baseline="middle",
        ),
    ]
    crossings = [
        {
            "month": month,
            "cost": _after(lines[baseline], month),
            "text": f"{one_line(baseline)} becomes cheaper than {one_line(against)} in month {month:.1f}",
        }
        for baseline, against, month in payback_months(decision)
    ]
    if crossings:
        drawn.append(
            alt.Chart(layers.data(crossings))
            .mark_point(size=260, strokeWidth=2, color=theme.text, opacity=1)
            .encode(x=x, y=y, tooltip=[alt.Tooltip("text:N", title="Break-even")])
        )
    notes = [f"Circled, break-even: {crossing['text']}." for crossing in crossings]
    notes += layers.left_out("Not drawn, as costs are unknown", decision, lambda b: b.name in lines)
    return layers.finished(drawn, theme, width=width, height=height, notes=notes)


def payback_months(decision: Decision) -> list[tuple[str, str, float]]:
    """(baseline, against, month) where cumulative costs cross for good within the horizon.

    Of the pairs that `break_even` names, those where the baseline starts dearer and ends cheaper.
    """
    lines = _lines(decision)
    found = []
    for pair in decision.break_even:
        if pair.baseline not in lines or pair.against not in lines:
            continue
        more = [mine - other for mine, other in zip(lines[pair.baseline], lines[pair.against], strict=True)]
        if more[0] > 0 >= more[-1]:
            last = max(month for month, usd in enumerate(more) if usd > 0)
            found.append((pair.baseline, pair.against, last + more[last] / (more[last] - more[last + 1])))
    return found


def month_ticks(horizon: int, most: int) -> list[int]:
    """Round months from 0 to the horizon, about `most` of them."""
    step = next(s for s in (1, 2, 3, 6, 12, 24, 60, 120) if horizon / s <= most)
    return list(range(0, horizon + 1, step))


def _lines(decision: Decision) -> Mapping[str, Line]:
    """By baseline, where its costs are known."""
    horizon = decision.facts.horizon_months
    return {b.name: line for b in decision.baselines if (line := _line(b, horizon)) is not None}


def _line(baseline: BaselineSummary, horizon_months: int) -> Line | None:
    """Month by month where that is known; else one-off and mean monthly costs, to the cost over the horizon."""
    cost = baseline.cost_usd
    if cost.one_off is None or cost.over_horizon is None:
        return None
    months = tuple(m.cumulative for m in cost.months if m.cumulative is not None)
    if len(months) == horizon_months + 1:
        return months
    step = (cost.over_horizon - cost.one_off) / horizon_months
    return tuple(cost.one_off + month * step for month in range(horizon_months + 1))


def _after(line: Line, month: float) -> float:
    """Costs after a month, or between two."""
    whole = min(int(month), len(line) - 2)
    return line[whole] + (month - whole) * (line[whole + 1] - line[whole])
