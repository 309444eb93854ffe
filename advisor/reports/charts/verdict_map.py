"""The verdict over the monthly volume and the worth of a right answer."""

from __future__ import annotations

import altair as alt

from advisor.formatting import one_line
from advisor.records import Decision, DecisionWord
from advisor.reports import verdict_by_volume as by_volume
from advisor.reports import wording
from advisor.reports.charts import _layers as layers
from advisor.reports.charts._theme import COLOURS, LABEL_PX, LIGHT, NARROW, WIDE, Theme, Width

STEP = 34
"""Height of a cell in pixels."""
# of the colours that are told apart with every common colour blindness; the letter says it too
FILL: dict[DecisionWord, tuple[str, str]] = {
    "fine_tune": (COLOURS[2], "#000000"),
    "do_not_fine_tune": (COLOURS[0], "#ffffff"),
    "not_yet": (COLOURS[4], "#000000"),
}
"""Colour of a cell, and of the letter in it."""


def map_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """A cell for each volume and worth, in steps that multiply; the case's own cell is outlined."""
    points = decision.verdict_map
    if not points:
        return None
    volumes, worths = by_volume.axes(points)
    own, words = by_volume.own_point(decision), by_volume.present(decision)
    named = {word: f"{by_volume.LETTERS[word]}: {wording.VERDICTS[word]}" for word in words}
    rows = [
        {
            "volume": volumes.index(p.requests_per_month),
            "worth": worths.index(p.usd_per_right_answer),
            "verdict": named[p.decision],
            "letter": by_volume.LETTERS[p.decision],
            "text": f"{by_volume.volume_label(p.requests_per_month)} requests a month, "
            f"{by_volume.usd_label(p.usd_per_right_answer)}",
            "use": one_line(p.recommended or "none yet"),
            "own": p == own,
        }
        for p in points
    ]
    each = {NARROW: 4, "container": 2}.get(width, 1)  # a container may be as narrow as a phone
    # positions, not values: a worth of nothing has no place on a logarithmic axis
    x = alt.X(
        "volume:O",
        scale=alt.Scale(paddingInner=0.04, paddingOuter=0.02),
        axis=_axis([by_volume.volume_label(v) for v in volumes], "Requests a month (logarithmic)", each),
    )
    y = alt.Y(
        "worth:O",
        sort="descending",
        scale=alt.Scale(paddingInner=0.06, paddingOuter=0.03),
        axis=_axis(
            [by_volume.usd_label(w) for w in worths], "A right answer is worth more by (USD, log.)", 1
        ),
    )
    scale = alt.Scale(domain=list(named.values()), range=[FILL[word][0] for word in named])
    legend = alt.Legend(symbolType="square", direction="vertical" if width == NARROW else "horizontal")
    base = alt.Chart(layers.data(rows))
    drawn = [
        base.mark_rect().encode(
            x=x,
            y=y,
            color=alt.Color("verdict:N", title=None, scale=scale, legend=legend),
            tooltip=[
                alt.Tooltip("text:N", title="at"),
                alt.Tooltip("verdict:N"),
                alt.Tooltip("use:N", title="recommended"),
            ],
        )
    ]
    for word in words:
        letters = alt.Chart(layers.data([r for r in rows if r["verdict"] == named[word]]))
        drawn.append(
            letters.mark_text(fontSize=LABEL_PX - 1, color=FILL[word][1]).encode(x=x, y=y, text="letter:N")
        )
    notes = []
    if own is not None:
        ring = alt.Chart(layers.data([r for r in rows if r["own"]]))
        drawn.append(ring.mark_rect(fillOpacity=0, stroke=theme.text, strokeWidth=3.5).encode(x=x, y=y))
        at = next(r for r in rows if r["own"])
        notes.append(f"Outlined: the case as it is ({at['text']}).")
    return layers.finished(drawn, theme, width=width, height=STEP * len(worths), notes=notes)


def _axis(labels: list[str], title: str, each: int) -> alt.Axis:
    """An axis of positions that bears the values' labels: every one, or every second or fourth of them."""
    shown = [label if i % each == 0 else "" for i, label in enumerate(labels)]
    texts = "[" + ",".join(f"'{label}'" for label in shown) + "]"
    return alt.Axis(
        title=title,
        labelExpr=f"{texts}[datum.value]",
        labelAngle=0,
        labelOverlap=False,
        domain=False,
        ticks=False,
        grid=False,
    )
