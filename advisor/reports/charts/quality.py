"""How good the answers are."""

from __future__ import annotations

import altair as alt

from advisor.formatting import interval, score
from advisor.records import Decision
from advisor.reports import wording
from advisor.reports.charts import _layers as layers
from advisor.reports.charts._labels import text_size
from advisor.reports.charts._theme import LABEL_PX, LIGHT, NARROW, WIDE, Theme, Width, plot_px, styles


def quality_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """Each baseline's mean score with its 95% interval, against the case's bar."""
    scored = [(b, b.quality.value) for b in decision.baselines if b.quality.value is not None]
    if not scored:
        return None
    fraction = wording.is_fraction(decision)
    bar = decision.facts.bar
    values = [v for b, value in scored for v in (value, *(b.quality.ci95 or ()))]
    low, high = layers.score_domain([*values, bar] if bar is not None else values, fraction)
    style = styles(decision)
    rows = []
    for b, value in scored:
        ci95 = b.quality.ci95 or (value, value)
        text = score(value, fraction=fraction)
        if b.quality.ci95 is not None:
            text += f"  ({interval(ci95, fraction=fraction, unit=False)})"
        share = (value - low) / (high - low)
        bar_px = None if bar is None else (bar - low) / (high - low) * plot_px(width)
        align, dx = _beside(share * plot_px(width), text_size(text)[0], bar_px, plot_px(width))
        rows.append(
            {
                **layers.identity(b, style),
                "value": value,
                "low": ci95[0],
                "high": ci95[1],
                "text": text,
                "align": align,
                "dx": dx,
                "dy": -9,
            }
        )
    scale = alt.Scale(domain=[low, high], nice=False)
    axis = alt.Axis(
        format=".0%" if fraction else "~r",
        tickCount=4 if width == NARROW else 6,
        title=layers.score_title(decision),
    )
    x = alt.X("value:Q", scale=scale, axis=axis)
    baselines = [b for b, _ in scored]
    y, height = layers.baseline_axis(baselines, style, 52)
    colour = layers.colour_of(baselines, style)
    base = alt.Chart(layers.data(rows))
    drawn = [
        base.transform_calculate(value="datum.low")
        .mark_rule(strokeWidth=3, yOffset=9, strokeCap="round")
        .encode(x=x, x2="high:Q", y=y, color=colour),
        base.mark_point(filled=True, size=130, opacity=1, yOffset=9).encode(
            x=x,
            y=y,
            color=colour,
            shape=layers.shape_of(baselines, style),
            tooltip=layers.tooltip(quality="text"),
        ),
        *layers.text_layers(rows, x, y, theme),
    ]
    if bar is not None:
        line, name = _bar(bar, score(bar, fraction=fraction), scale, (bar - low) / (high - low), theme)
        drawn = [line, *drawn, name]
    notes = layers.left_out("Not measured", decision, lambda b: b.quality.value is not None)
    return layers.finished(drawn, theme, width=width, height=height, notes=notes)


def _beside(at: float, wide: float, bar: float | None, room: float) -> tuple[str, float]:
    """(align, dx) of a text above a point: in the plot, and not across the line of the bar. In pixels.

    Args:
        at: Where the point is.
        wide: How wide the text is.
        bar: Where the line is, if there is one.
        room: How wide the plot is.
    """
    starts = {"center": at - wide / 2, "left": at - 6, "right": at + 6 - wide}
    inside = {a: s for a, s in starts.items() if s >= 0 and s + wide <= room} or starts
    if bar is not None:
        # beside the line, whichever side the point is on
        starts_beside = {"left": bar + 5, "right": bar - 5 - wide}
        clear = {a: s for a, s in inside.items() if not s - 4 < bar < s + wide + 4}
        if not clear:
            align = "left" if at >= bar else "right"
            if not (starts_beside[align] >= 0 and starts_beside[align] + wide <= room):
                align = "right" if align == "left" else "left"
            return align, round(starts_beside[align] + (wide if align == "right" else 0) - at, 1)
        inside = clear
    align = next(iter(inside))
    return align, {"left": -6.0, "center": 0.0, "right": 6.0}[align]


def _bar(
    bar: float, text: str, scale: alt.Scale, share: float, theme: Theme
) -> tuple[layers.Layer, layers.Layer]:
    """The quality bar: its line, and its name above the plot."""
    base = alt.Chart(layers.data([{"bar": bar, "text": f"bar {text}"}]))
    x = alt.X("bar:Q", scale=scale)
    right = share > 0.8
    return (
        base.mark_rule(strokeDash=[6, 4], strokeWidth=1.5, color=theme.muted).encode(x=x),
        base.mark_text(
            align="right" if right else "left",
            dx=-4 if right else 4,
            dy=-2,
            baseline="bottom",
            color=theme.muted,
            fontSize=LABEL_PX - 1,
        ).encode(x=x, y=alt.value(0), text="text:N"),
    )
