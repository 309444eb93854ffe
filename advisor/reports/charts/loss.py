"""How tuning went."""

from __future__ import annotations

import math

import altair as alt

from advisor.records import Decision
from advisor.reports.charts import _layers as layers
from advisor.reports.charts._theme import LIGHT, NARROW, WIDE, Theme, Width, styles

TRAINING, DEV = "training loss", "dev loss"


def loss_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """Loss on the training data and on the dev split, by training step, of every tuned baseline."""
    style = styles(decision)
    rows = [
        {**layers.identity(b, style), "series": series, "step": step, "loss": loss}
        for b in decision.baselines
        if b.tuning is not None
        for series, curve in ((TRAINING, b.tuning.loss), (DEV, b.tuning.dev_loss))
        for step, loss in curve
        if math.isfinite(loss)
    ]
    if not rows:
        return None
    tuned = [b for b in decision.baselines if any(r["label"] == style[b.name].label for r in rows)]
    x = alt.X("step:Q", axis=alt.Axis(title="Training step", tickCount=5, format="d", grid=False))
    y = alt.Y("loss:Q", axis=alt.Axis(title="Loss (nats per token)", tickCount=5))
    present = [s for s in (TRAINING, DEV) if any(r["series"] == s for r in rows)]
    dash = alt.StrokeDash(
        "series:N",
        scale=alt.Scale(domain=present, range=[[1, 0] if s == TRAINING else [7, 4] for s in present]),
        sort=present,
        legend=alt.Legend(
            symbolType="stroke",
            symbolSize=900,
            symbolStrokeColor=theme.text,
            symbolStrokeWidth=2.5,
            columns=2,
        ),
    )
    names = alt.Legend(
        symbolType="stroke", symbolSize=900, symbolStrokeWidth=3, columns=1 if width == NARROW else 3
    )
    colour = layers.colour_of(tuned, style, names if len(tuned) > 1 else None)
    tip = [*layers.tooltip(curve="series", step="step"), alt.Tooltip("loss:Q", format=".3f")]
    drawn = [
        alt.Chart(layers.data(rows))
        .mark_line(strokeWidth=2)
        .encode(x=x, y=y, color=colour, strokeDash=dash, tooltip=tip),
        alt.Chart(layers.data([r for r in rows if r["series"] == DEV]))
        .mark_point(filled=True, size=70, opacity=1)
        .encode(x=x, y=y, color=colour, tooltip=tip),
    ]
    return layers.finished(drawn, theme, width=width, height=260)
