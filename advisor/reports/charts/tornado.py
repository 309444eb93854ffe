"""What each input could change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from advisor.formatting import one_line, shortened, usd
from advisor.records import Decision, TornadoBar
from advisor.reports import uncertain, wording
from advisor.reports.charts import _layers as layers
from advisor.reports.charts._labels import CHARACTER_PX, LINE_PX, wrapped
from advisor.reports.charts._theme import COLOURS, LABEL_PX, LIGHT, NARROW, WIDE, Theme, Width, plot_px

MOST = 12
"""Bars drawn; the others are weaker than all of them."""
_DOLLARS = (
    "(datum.value < 0 ? '\\u2212' : '') + '$' + "
    "format(abs(datum.value), abs(datum.value) >= 1000 ? '.3~s' : '.3~r')"
)
COLUMNS = 26
"""Characters of a line of an axis label."""


def tornado_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """A bar for each input, from the gain at one end of it to the gain at the other, the widest at the top.

    What was assumed is drawn hollow. Where there is little room, names stand above the bars.
    """
    known = [b for b in decision.tornado if b.gain_at_low is not None and b.gain_at_high is not None]
    drawn = known[:MOST]
    if not drawn:
        return None
    narrow = width in (NARROW, "container")  # a container may be as narrow as a phone
    rows = _rows(drawn, decision)
    now = uncertain.gain_now(decision)
    values = [v for r in rows for v in (r["left"], r["right"])] + ([] if now is None else [now])
    longest = max(len(r[end]) for r in rows for end in ("left_text", "right_text")) * CHARACTER_PX + 10
    order = [r["row"] for r in rows]
    name_px = 0.0 if narrow else max(map(_columns, order)) * CHARACTER_PX
    room = plot_px(width) + 70 - name_px
    domain = _with_room(min(values), max(values), longest / max(room, longest * 2.5))
    step = 54 if narrow else max(34, max(n.count("\n") + 1 for n in order) * LINE_PX + 8)
    axis = None if narrow else layers.lined_axis()
    y = alt.Y("row:N", sort=order, scale=alt.Scale(domain=order), axis=axis)
    scale = alt.Scale(domain=list(domain), nice=False)
    what = "Gain of tuning" if any(b.basis == "interval" for b in decision.tornado) else "Savings of tuning"
    x = alt.X(
        "left:Q",
        scale=scale,
        axis=alt.Axis(
            title=f"{what} over {wording.months(decision)} (USD)",
            labelExpr=_DOLLARS,
            tickCount=4 if narrow else 6,
        ),
    )
    return layers.finished(
        [
            *_marks(rows, x, y, theme, narrow),
            *_rules(now, domain, scale, theme),
            *_texts(rows, scale, y, theme, narrow),
        ],
        theme,
        width=width,
        height=step * len(rows),
        notes=_notes(decision, known, drawn),
    )


def _rows(bars: Sequence[TornadoBar], decision: Decision) -> list[dict[str, Any]]:
    """The bars by name; of equal names the later ones are numbered."""
    rows: list[dict[str, Any]] = []
    for i, bar in enumerate(bars, start=1):
        row = _row(bar, decision)
        name = wrapped(row["name"], COLUMNS)
        twice = any(name == r["row"] for r in rows)
        rows.append({**row, "row": f"{name} ({i})" if twice else name})
    return rows


def _row(bar: TornadoBar, decision: Decision) -> dict[str, Any]:
    """A bar with its smaller gain on the left, and the input's values as texts at both sides."""
    low, high = uncertain.ends(bar, decision)
    at_low, at_high = float(bar.gain_at_low or 0.0), float(bar.gain_at_high or 0.0)
    (left, left_text), (right, right_text) = sorted(((at_low, low), (at_high, high)), key=lambda e: e[0])
    return {
        "name": shortened(wording.parameter_name(one_line(bar.parameter)), 78),
        "basis": uncertain.BASES[bar.basis],
        "left": left,
        "right": right,
        "left_text": left_text,
        "right_text": right_text,
        "gains": f"{low}: {usd(bar.gain_at_low)}; {high}: {usd(bar.gain_at_high)}",
    }


def _marks(rows: list[dict[str, Any]], x: alt.X, y: alt.Y, theme: Theme, narrow: bool) -> list[layers.Layer]:
    """The bars: what the case says or what was measured is filled, what was assumed is hollow."""
    bases = [text for text in uncertain.BASES.values() if any(r["basis"] == text for r in rows)]
    stroke = {
        uncertain.BASES["range"]: COLOURS[0],
        uncertain.BASES["assumed"]: theme.muted,
        uncertain.BASES["interval"]: COLOURS[1],
    }
    fill = {**stroke, uncertain.BASES["assumed"]: theme.grid}
    legend = alt.Legend(symbolType="square", direction="vertical" if narrow else "horizontal", offset=26)
    fills = alt.Scale(domain=bases, range=[fill[b] for b in bases])
    strokes = alt.Scale(domain=bases, range=[stroke[b] for b in bases])
    return [
        alt.Chart(layers.data(rows))
        .mark_bar(height=16, strokeWidth=1.5, yOffset=10 if narrow else 0)
        .encode(
            x=x,
            x2="right:Q",
            y=y,
            fill=alt.Fill("basis:N", scale=fills, title=None, legend=legend),
            stroke=alt.Stroke("basis:N", scale=strokes, title=None, legend=legend),
            tooltip=[alt.Tooltip("name:N", title="input"), alt.Tooltip("gains:N", title="gain")],
        )
    ]


def _texts(
    rows: list[dict[str, Any]], scale: alt.Scale, y: alt.Y, theme: Theme, narrow: bool
) -> list[layers.Layer]:
    """The input's values beside its bar; where there is little room, its name above."""
    down = 10 if narrow else 0
    sides = [
        {"row": r["row"], "at": r[end], "text": r[f"{end}_text"], "align": align, "dx": dx, "dy": down}
        for r in rows
        for end, align, dx in (("left", "right", -6), ("right", "left", 6))
    ]
    at = alt.X("at:Q", scale=scale)
    found = layers.text_layers(sides, at, y, theme, baseline="middle", fontSize=LABEL_PX - 1)
    if narrow:
        names = [{"row": r["row"], "text": shortened(r["name"], 48), "dy": -11} for r in rows]
        found += layers.text_layers(names, alt.value(0), y, theme, baseline="middle", fontWeight=500)  # type: ignore[arg-type]
    return found


def _rules(
    now: float | None, domain: tuple[float, float], scale: alt.Scale, theme: Theme
) -> list[layers.Layer]:
    """Lines at no gain, and at the gain now."""
    found = []
    if domain[0] < 0 < domain[1]:
        zero = alt.Chart(layers.data([{"at": 0.0}]))
        found.append(zero.mark_rule(color=theme.text, strokeWidth=1).encode(x=alt.X("at:Q", scale=scale)))
    if now is not None:
        base = alt.Chart(layers.data([{"at": now, "text": f"now {usd(now)}"}]))
        at = alt.X("at:Q", scale=scale)
        found += [
            base.mark_rule(color=theme.text, strokeWidth=1.5, strokeDash=[5, 4]).encode(x=at),
            base.mark_text(dy=-3, baseline="bottom", color=theme.text, fontSize=LABEL_PX - 1).encode(
                x=at, y=alt.value(0), text="text:N"
            ),
        ]
    return found


def _notes(decision: Decision, known: list[TornadoBar], drawn: list[TornadoBar]) -> list[str]:
    notes = ["Beside each bar: the input's value there."]
    if len(known) > len(drawn):
        notes.append(f"{len(known) - len(drawn)} weaker inputs are not drawn.")
    unknown = [wording.parameter_name(one_line(b.parameter)) for b in decision.tornado if b not in known]
    if unknown:
        notes.append(f"Not drawn, as the gain is unknown: {', '.join(unknown)}.")
    return notes


def _with_room(low: float, high: float, share: float) -> tuple[float, float]:
    """A domain wide enough that a label of `share` of the plot's width fits at each side."""
    span = (high - low) or abs(high) or 1.0
    air = span * share / (1 - 2 * share)
    return low - air, high + air


def _columns(text: str) -> int:
    return max(map(len, text.split("\n")))
