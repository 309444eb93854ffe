"""The charts of a decision, the same in the report and on the page: `Decision -> chart`, or None for nothing to draw.

What is unknown is named below a chart and never drawn at zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt

from advisor.records import BaselineSummary, Decision
from advisor.reports import drawing, wording
from advisor.reports.drawing import LABEL_PX, LIGHT, Style, Theme, Width
from advisor.reports.formatting import count, interval, one_line, percent, score, shortened, tokens, usd, usd_short

WIDE = 760
NARROW = 350
CONTAINER_PX = 700  # what is assumed of a container's width where labels are kept apart

PARTS = ("instructions", "examples", "passages", "question", "answer", "other prompt")


def quality_chart(
    decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE
) -> alt.LayerChart | None:
    """Each baseline's mean score with its 95 % interval, against the case's bar."""
    scored = [b for b in decision.baselines if b.quality.value is not None]
    if not scored:
        return None
    fraction = wording.is_fraction(decision)
    bar = decision.facts.bar
    ends = [bar] if bar is not None else []
    for b in scored:
        ends += [b.quality.value, *(b.quality.ci95 or ())]
    low, high = _score_domain(ends, fraction)
    style = drawing.styles(decision)
    rows = []
    for b in scored:
        value = b.quality.value or 0.0
        share = (value - low) / (high - low)
        ci = b.quality.ci95
        text = score(value, fraction=fraction)
        if ci is not None:
            text += f"  ({interval(ci, fraction=fraction, unit=False)})"
        rows.append(
            {
                **_identity(b, style),
                "value": value,
                "low": ci[0] if ci else value,
                "high": ci[1] if ci else value,
                "text": text,
                "align": "left" if share < 0.25 else "right" if share > 0.75 else "center",
                "dx": -6 if share < 0.25 else 6 if share > 0.75 else 0,
                "dy": -9,
            }
        )
    x = alt.X(
        "value:Q",
        scale=alt.Scale(domain=[low, high], nice=False),
        axis=alt.Axis(
            format=".0%" if fraction else "~r",
            tickCount=4 if width == NARROW else 6,
            title=_score_title(decision),
        ),
    )
    y, height = _baseline_axis(scored, style, 52)
    colour = _by_baseline(scored, style)
    base = alt.Chart(drawing.data(rows))
    layers = [
        base.mark_rule(strokeWidth=3, yOffset=9, strokeCap="round").encode(
            x=x, x2="high:Q", y=y, color=colour
        ).transform_calculate(value="datum.low"),
        base.mark_point(filled=True, size=130, opacity=1, yOffset=9).encode(
            x=x, y=y, color=colour, shape=_shape(scored, style), tooltip=_tooltip(quality="text")
        ),
        *drawing.text_layers(rows, x, y, theme),
    ]  # fmt: skip
    if bar is not None:
        at = alt.X("bar:Q", scale=alt.Scale(domain=[low, high], nice=False))
        line = {"bar": bar, "text": f"bar {score(bar, fraction=fraction)}"}
        right = (bar - low) / (high - low) > 0.8
        layers.insert(
            0,
            alt.Chart(drawing.data([line]))
            .mark_rule(strokeDash=[6, 4], strokeWidth=1.5, color=theme.muted)
            .encode(x=at),
        )
        layers.append(
            alt.Chart(drawing.data([line]))
            .mark_text(
                align="right" if right else "left",
                dx=-4 if right else 4,
                baseline="bottom",
                dy=-2,
                color=theme.muted,
                fontSize=LABEL_PX - 1,
            )
            .encode(x=at, y=alt.value(0), text="text:N")
        )
    notes = _left_out("Not measured", decision, lambda b: b.quality.value is not None)
    return drawing.finished(alt.layer(*layers), theme, width=width, height=height, notes=notes)


def tradeoff_chart(
    decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE
) -> alt.LayerChart | None:
    """Quality against the cost of 1,000 requests; what no other baseline betters in both stands on the frontier."""
    known = [
        b
        for b in decision.baselines
        if b.quality.value is not None and b.cost_usd.per_1k_requests is not None
    ]
    if not known:
        return None
    fraction = wording.is_fraction(decision)
    style = drawing.styles(decision)
    costs = [b.cost_usd.per_1k_requests or 0.0 for b in known]
    values = [b.quality.value or 0.0 for b in known]
    logarithmic = min(costs) > 0 and max(costs) / min(costs) >= 20
    if logarithmic:
        left, right = min(costs) / 1.8, max(costs) * 1.8
        x_scale = alt.Scale(type="log", domain=[left, right], nice=False)
        x_axis = alt.Axis(values=drawing.log_ticks(left, right), format="$,.3~r")
    else:
        left, right = 0.0, max(costs) * 1.2 or 1.0
        x_scale = alt.Scale(domain=[left, right], nice=False)
        x_axis = alt.Axis(tickCount=4 if width == NARROW else 6, format="$,.3~r")
    x_axis.title = "Cost per 1,000 requests (USD" + (", logarithmic)" if logarithmic else ")")
    low, high = _score_domain(
        [v for b in known for v in (b.quality.value or 0.0, *(b.quality.ci95 or ()))], fraction
    )
    height = 320
    plot_width = _pixels(width)

    def at(cost: float, value: float) -> tuple[float, float]:
        share = (
            math.log(cost / left) / math.log(right / left) if logarithmic else (cost - left) / (right - left)
        )
        return share * plot_width, (1 - (value - low) / (high - low)) * height

    points = [at(c, v) for c, v in zip(costs, values, strict=True)]
    labels = [style[b.name].label for b in known]
    rules = [
        (at(c, ends[1])[0] - 2, at(c, ends[1])[1], at(c, ends[0])[0] + 2, at(c, ends[0])[1])
        for b, c in zip(known, costs, strict=True)
        if (ends := b.quality.ci95) is not None
    ]
    places = drawing.place_labels(
        points, [drawing.text_size(t) for t in labels], rules, (0, 0, plot_width, height)
    )
    best = frontier(list(zip(costs, values, strict=True)))
    rows = [
        {
            **_identity(b, style),
            "cost": cost,
            "value": value,
            "low": b.quality.ci95[0] if b.quality.ci95 else value,
            "high": b.quality.ci95[1] if b.quality.ci95 else value,
            "quality": _score_with_interval(b, fraction),
            "cost_text": usd(cost),
            "text": label,
            "align": align,
            "dx": dx,
            "dy": dy,
        }
        for b, cost, value, label, (align, dx, dy) in zip(known, costs, values, labels, places, strict=True)
    ]
    x = alt.X("cost:Q", scale=x_scale, axis=x_axis)
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=[low, high], nice=False),
        axis=alt.Axis(
            format=".0%" if fraction else "~r",
            tickCount=5,
            title=_score_title(decision),
        ),
    )
    base = alt.Chart(drawing.data(rows))
    colour = _by_baseline(known, style)
    front = [{"cost": costs[i], "value": values[i]} for i in best]
    layers = [
        alt.Chart(drawing.data(front)).mark_line(strokeDash=[2, 4], strokeWidth=2, color=theme.muted).encode(x=x, y=y),
        base.mark_rule(strokeWidth=2, opacity=0.75).encode(x=x, y=y, y2="high:Q", color=colour)
        .transform_calculate(value="datum.low"),
        alt.Chart(drawing.data(front)).mark_point(size=430, strokeWidth=1.5, color=theme.muted, opacity=1)
        .encode(x=x, y=y),
        base.mark_point(filled=True, size=150, opacity=1).encode(
            x=x, y=y, color=colour, shape=_shape(known, style),
            tooltip=_tooltip(quality="quality", cost_per_1000_requests="cost_text"),
        ),
        *drawing.text_layers(rows, x, y, theme, baseline="middle"),
    ]  # fmt: skip
    frontier_line = " Dotted: the frontier." if len(best) > 1 else ""
    notes = [f"Ringed: nothing else is both cheaper and better.{frontier_line}"]
    notes += _left_out(
        "Not drawn, as cost or quality is unknown",
        decision,
        lambda b: b.quality.value is not None and b.cost_usd.per_1k_requests is not None,
    )
    return drawing.finished(alt.layer(*layers), theme, width=width, height=height, notes=notes)


def tokens_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """Mean tokens of a request by what they are for, and how much of the prompt was reused from a cache."""
    known = [b for b in decision.baselines if b.tokens.input is not None]
    if not known:
        return None
    style = drawing.styles(decision)
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    for b in known:
        prompt, answer = b.tokens.input or 0.0, b.tokens.output or 0.0
        parts = token_parts(b)
        start = 0.0
        for part in (p for p in PARTS if parts.get(p)):
            end = start + parts[part]
            rows.append(
                {
                    **_identity(b, style),
                    "part": part,
                    "order": PARTS.index(part),
                    "start": start,
                    "end": end,
                    "tokens": tokens(parts[part]),
                }
            )
            start = end
        cached = b.tokens.cached_input
        text = tokens(prompt + answer)
        if cached is not None and prompt:
            text += f" ({percent(cached / prompt, digits=0)} cached)"
        totals.append({**_identity(b, style), "end": start, "text": text, "dx": 6})
    room = 1.8 if width == NARROW else 1.28
    x_scale = alt.Scale(domain=[0, max(t["end"] for t in totals) * room or 1.0], nice=False)
    x = alt.X(
        "start:Q",
        scale=x_scale,
        axis=alt.Axis(
            title="Mean tokens per request", tickCount=4 if width == NARROW else 6, format=",.0f"
        ),
    )
    y, height = _baseline_axis(known, style, 44)
    used = [p for p in PARTS if any(r["part"] == p for r in rows)]
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=used, range=[_part_colour(p, theme) for p in used]),
        sort=used,
        legend=alt.Legend(symbolType="square", columns=2 if width == NARROW else 6),
    )
    layers = [
        alt.Chart(drawing.data(rows))
        .mark_bar(stroke=theme.background, strokeWidth=1, height=22)
        .encode(x=x, x2="end:Q", y=y, color=colour, tooltip=_tooltip(part="part", tokens="tokens")),
        *drawing.text_layers(
            totals, alt.X("end:Q", scale=x_scale), y, theme, baseline="middle"
        ),
    ]
    notes = ["In brackets: how much of the prompt's computation was reused from a cache."]
    if all(b.tokens.cached_input is None for b in known):
        notes = []
    notes += _left_out("Tokens unknown", decision, lambda b: b.tokens.input is not None)
    return drawing.finished(alt.layer(*layers), theme, width=width, height=height, notes=notes)


def cost_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """What each baseline has cost after each month: one-off, then month by month, up to the horizon."""
    horizon = decision.facts.horizon_months
    lines = {b.name: cost for b in decision.baselines if (cost := _running_cost(b, horizon)) is not None}
    known = [b for b in decision.baselines if b.name in lines]
    if not known:
        return None
    style = drawing.styles(decision)
    top = max(max(first, first + horizon * rate) for first, rate in lines.values()) * 1.06 or 1.0
    ends = [lines[b.name][0] + horizon * lines[b.name][1] for b in known]
    labels = [f"{drawing.wrapped(shortened(b.name, drawing.NAME_LENGTH), 14)}\n{usd_short(end)}" for b, end in zip(known, ends, strict=True)]
    tallest = max(drawing.text_size(t)[1] for t in labels)
    height = max(320, round((tallest + 4) * len(labels)))
    label_ys = drawing.spread([(1 - e / top) * height for e in ends], tallest + 4, tallest / 2, height - tallest / 2)
    widest = max(drawing.text_size(t)[0] for t in labels) + 18
    pixels = _pixels(width)
    x_end = horizon * pixels / max(pixels - widest, pixels * 0.4)
    rows = [
        {**_identity(b, style), "month": m, "cost": (c := first + m * rate), "cost_text": usd(c)}
        for b in known
        for first, rate in [lines[b.name]]
        for m in range(horizon + 1)
    ]
    tips = [
        {
            **_identity(b, style),
            "month": horizon,
            "later": horizon + (x_end - horizon) * 0.07,
            "cost": end,
            "label_cost": (1 - label_y / height) * top,
            "text": text,
            "dx": 4,
        }
        for b, end, label_y, text in zip(known, ends, label_ys, labels, strict=True)
    ]
    x_scale = alt.Scale(domain=[0, x_end], nice=False)
    y_scale = alt.Scale(domain=[0, top], nice=False)
    x = alt.X(
        "month:Q",
        scale=x_scale,
        axis=alt.Axis(title="Months from now", values=_month_ticks(horizon, width), format="d", grid=False),
    )
    y = alt.Y("cost:Q", scale=y_scale, axis=alt.Axis(title="Cumulative cost (USD)", format="$,.3~s", tickCount=5))
    colour = _by_baseline(known, style)
    base = alt.Chart(drawing.data(rows))
    layers = [
        base.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour, detail="name:N"),
        alt.Chart(drawing.data(tips)).mark_rule(strokeWidth=1, opacity=0.7).encode(
            x=x, x2="later:Q", y=y, y2="label_cost:Q", color=colour
        ),
        alt.Chart(drawing.data([r for r in rows if r["month"] % max(1, horizon // 6) == 0]))
        .mark_point(filled=True, size=60, opacity=1)
        .encode(x=x, y=y, color=colour, shape=_shape(known, style), tooltip=_tooltip(month="month", cost="cost_text")),
        *drawing.text_layers(
            tips, alt.X("later:Q", scale=x_scale), alt.Y("label_cost:Q", scale=y_scale), theme,
            baseline="middle",
        ),
    ]  # fmt: skip
    notes = []
    crossings = [c for c in payback_months(decision) if c[0] in lines and c[1] in lines]
    if crossings:
        marks = [
            {"month": m, "cost": lines[a][0] + m * lines[a][1], "text": f"{a} becomes cheaper than {b}: month {m:.1f}"}
            for a, b, m in crossings
        ]
        layers.append(
            alt.Chart(drawing.data(marks))
            .mark_point(size=260, strokeWidth=2, color=theme.text, opacity=1)
            .encode(x=x, y=y, tooltip=[alt.Tooltip("text:N", title="Break-even")])
        )
        notes += [f"Circled, break-even: {mark['text']}." for mark in marks]
    notes += _left_out("Not drawn, as costs are unknown", decision, lambda b: b.name in lines)
    return drawing.finished(alt.layer(*layers), theme, width=width, height=height, notes=notes)


def loss_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """Loss on the training data and on the dev split, by training step, of every baseline tuned here."""
    tuned = [b for b in decision.baselines if b.tuning is not None and (b.tuning.loss or b.tuning.dev_loss)]
    if not tuned:
        return None
    style = drawing.styles(decision)
    rows = [
        {**_identity(b, style), "series": series, "step": step, "loss": loss}
        for b in tuned
        if b.tuning is not None
        for series, curve in (("training loss", b.tuning.loss), ("dev loss", b.tuning.dev_loss))
        for step, loss in curve
        if math.isfinite(loss)
    ]
    if not rows:
        return None
    x = alt.X("step:Q", axis=alt.Axis(title="Training step", tickCount=5, format="d", grid=False))
    y = alt.Y("loss:Q", axis=alt.Axis(title="Loss (nats per token)", tickCount=5), scale=alt.Scale(zero=True))
    present = [s for s in ("training loss", "dev loss") if any(r["series"] == s for r in rows)]
    dash = alt.StrokeDash(
        "series:N",
        scale=alt.Scale(domain=present, range=[[1, 0] if s == "training loss" else [7, 4] for s in present]),
        sort=present,
        legend=alt.Legend(symbolType="stroke", symbolSize=900, symbolStrokeColor=theme.text, symbolStrokeWidth=2.5, columns=2),
    )
    colour = _by_baseline(tuned, style)
    if len(tuned) > 1:
        colour.legend = alt.Legend(symbolType="stroke", symbolSize=900, symbolStrokeWidth=3, columns=1 if width == NARROW else 3)
    tooltip = [alt.Tooltip("name:N"), alt.Tooltip("series:N"), alt.Tooltip("step:Q"), alt.Tooltip("loss:Q", format=".3f")]
    layers = [
        alt.Chart(drawing.data(rows)).mark_line(strokeWidth=2).encode(
            x=x, y=y, color=colour, strokeDash=dash, tooltip=tooltip
        ),
        alt.Chart(drawing.data([r for r in rows if r["series"] == "dev loss"]))
        .mark_point(filled=True, size=70, opacity=1)
        .encode(x=x, y=y, color=colour, tooltip=tooltip),
    ]  # fmt: skip
    return drawing.finished(alt.layer(*layers), theme, width=width, height=260)


CHARTS: Mapping[str, tuple[str, Callable[..., alt.LayerChart | None]]] = {
    "quality": ("How good the answers are", quality_chart),
    "tradeoff": ("Quality against running cost", tradeoff_chart),
    "tokens": ("What a request consists of", tokens_chart),
    "cost": ("What it costs over time", cost_chart),
    "loss": ("How tuning went", loss_chart),
}
"""Every chart by id, with its title, in the order they are shown."""


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Positions of the (cost, value) points that no other point betters in both, from cheap to dear."""
    best = -math.inf
    found = []
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if points[i][1] > best:
            best = points[i][1]
            found.append(i)
    return found


def token_parts(baseline: BaselineSummary) -> dict[str, float]:
    """Mean tokens of a request by part; prompt tokens that belong to no known part are "other prompt"."""
    prompt, parts = baseline.tokens.input or 0.0, baseline.tokens.parts
    split = parts.model_dump() if parts is not None else {}
    rest = prompt - sum(split.values())
    return {**split, "answer": baseline.tokens.output or 0.0, "other prompt": rest if rest >= 0.5 else 0.0}


def payback_months(decision: Decision) -> list[tuple[str, str, float]]:
    """(baseline, against, month) where cumulative costs cross within the horizon, for the pairs of `break_even`."""
    horizon = decision.facts.horizon_months
    costs = {b.name: _running_cost(b, horizon) for b in decision.baselines}
    found = []
    for pair in decision.break_even:
        dear, cheap = costs.get(pair.baseline), costs.get(pair.against)
        if dear is None or cheap is None or dear[0] <= cheap[0] or dear[1] >= cheap[1]:
            continue
        month = (dear[0] - cheap[0]) / (cheap[1] - dear[1])
        if month <= horizon:
            found.append((pair.baseline, pair.against, month))
    return found


def _running_cost(baseline: BaselineSummary, horizon_months: int) -> tuple[float, float] | None:
    """(one-off, mean per month over the horizon), where known: with them a line ends at the cost over the horizon."""
    cost = baseline.cost_usd
    if cost.one_off is None or cost.over_horizon is None:
        return None
    return cost.one_off, (cost.over_horizon - cost.one_off) / horizon_months


def _identity(baseline: BaselineSummary, style: Mapping[str, Style]) -> dict[str, Any]:
    return {"name": one_line(baseline.name), "label": style[baseline.name].label}


def _by_baseline(baselines: Sequence[BaselineSummary], style: Mapping[str, Style]) -> alt.Color:
    names = [one_line(b.name) for b in baselines]
    colours = [style[b.name].colour for b in baselines]
    return alt.Color("name:N", scale=alt.Scale(domain=names, range=colours), legend=None)


def _shape(baselines: Sequence[BaselineSummary], style: Mapping[str, Style]) -> alt.Shape:
    names = [one_line(b.name) for b in baselines]
    shapes = [style[b.name].shape for b in baselines]
    return alt.Shape("name:N", scale=alt.Scale(domain=names, range=shapes), legend=None)


def _baseline_axis(
    baselines: Sequence[BaselineSummary], style: Mapping[str, Style], step: int
) -> tuple[alt.Y, int]:
    """The axis that names the baselines, and the height it takes."""
    labels = [style[b.name].label for b in baselines]
    step = max(step, max(label.count("\n") + 1 for label in labels) * drawing.LINE_PX + 10)
    axis = alt.Axis(
        title=None, labelExpr="split(datum.label, '\\n')",
        labelOffset=alt.ExprRef(f"-{drawing.LINE_PX / 2} * (length(split(datum.label, '\\n')) - 1)"), domain=False, ticks=False, labelPadding=8,
        labelFontSize=LABEL_PX, labelLineHeight=drawing.LINE_PX, grid=False,
    )  # fmt: skip
    return alt.Y("label:N", sort=labels, axis=axis, scale=alt.Scale(domain=labels)), step * len(labels)


def _tooltip(**fields: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("name:N", title="baseline"),
        *(alt.Tooltip(f"{field}:N", title=title.replace("_", " ")) for title, field in fields.items()),
    ]


def _score_with_interval(baseline: BaselineSummary, fraction: bool) -> str:
    value = score(baseline.quality.value, fraction=fraction)
    ci = baseline.quality.ci95
    return value if ci is None else f"{value} ({interval(ci, fraction=fraction)})"


def _score_domain(values: Sequence[float | None], fraction: bool) -> tuple[float, float]:
    """Ends with some air, at round tenths; a fraction's never beyond 0 and 1."""
    finite = [v for v in values if v is not None and math.isfinite(v)]
    low, high = min(finite), max(finite)
    if not fraction:
        air = (high - low) * 0.15 or abs(high) * 0.15 or 1.0
        return low - air, high + air
    low = max(0.0, math.floor((low - 0.04) * 10) / 10)
    high = min(1.0, math.ceil((high + 0.02) * 10) / 10)
    return low, high


def _score_title(decision: Decision) -> str:
    return f"{shortened(decision.facts.metric, 24)}, with 95% interval"


def _pixels(width: Width) -> int:
    """About the width of the plot itself, without its axis."""
    return (CONTAINER_PX if width == "container" else width) - 80


def _month_ticks(horizon: int, width: Width) -> list[int]:
    most = 6 if width == NARROW else 12
    step = next(s for s in (1, 2, 3, 6, 12, 24, 60) if horizon / s <= most)
    return list(range(0, horizon + 1, step))


def _part_colour(part: str, theme: Theme) -> str:
    return theme.parts[PARTS.index(part)]


def _left_out(why: str, decision: Decision, drawn: Callable[[BaselineSummary], bool]) -> list[str]:
    names = [one_line(b.name) for b in decision.baselines if not drawn(b)]
    return [f"{why}: {', '.join(names)}."] if names else []


def describe(decision: Decision, chart: str) -> str:
    """A chart in one sentence, for who cannot see it; its figures stand in the tables."""
    scored = [
        f"{one_line(b.name)} {_score_with_interval(b, wording.is_fraction(decision))}" for b in decision.baselines
    ]
    match chart:
        case "quality":
            return f"{one_line(decision.facts.metric)} with 95% intervals: {'; '.join(scored)}."
        case "tradeoff":
            pairs = [f"{one_line(b.name)} {usd(b.cost_usd.per_1k_requests)}" for b in decision.baselines]
            return f"Quality against cost per 1,000 requests: {'; '.join(pairs)}."
        case "tokens":
            sums = [f"{one_line(b.name)} {tokens(b.tokens.input)}" for b in decision.baselines]
            return f"Mean prompt tokens per request: {'; '.join(sums)}."
        case "cost":
            months = count(decision.facts.horizon_months)
            ends = [f"{one_line(b.name)} {usd(b.cost_usd.over_horizon)}" for b in decision.baselines]
            return f"Cost after {months} months: {'; '.join(ends)}."
        case _:
            return "Training loss and dev loss by training step."
