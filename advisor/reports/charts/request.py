"""What a request consists of."""

from __future__ import annotations

from typing import Any

import altair as alt

from advisor.formatting import percent, tokens
from advisor.records import BaselineSummary, Decision
from advisor.reports import wording
from advisor.reports.charts import _layers as layers
from advisor.reports.charts._theme import LIGHT, NARROW, WIDE, Theme, Width, styles

PARTS = ("instructions", "examples", "passages", "question", "answer", "other prompt")


def tokens_chart(decision: Decision, *, theme: Theme = LIGHT, width: Width = WIDE) -> alt.LayerChart | None:
    """Mean tokens of a request by what they are for, and how much of the prompt was reused from a cache."""
    known = [b for b in decision.baselines if b.tokens.input is not None]
    if not known:
        return None
    style = styles(decision)
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    for b in known:
        end = 0.0
        for part, size in token_parts(b).items():
            start, end = end, end + size
            row = {"part": part, "start": start, "end": end, "tokens": tokens(size)}
            rows.append({**layers.identity(b, style), **row})
        totals.append({**layers.identity(b, style), "end": end, "text": _total(b), "dx": 6})
    room = 1.28 if width == WIDE else 1.8  # for the totals, beside the bars
    scale = alt.Scale(domain=[0, max(t["end"] for t in totals) * room or 1.0], nice=False)
    axis = alt.Axis(title="Mean tokens per request", tickCount=4 if width == NARROW else 6, format=",.0f")
    x = alt.X("start:Q", scale=scale, axis=axis)
    y, height = layers.baseline_axis(known, style, 44)
    used = [p for p in PARTS if any(r["part"] == p for r in rows)]
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=used, range=[theme.parts[PARTS.index(p)] for p in used]),
        sort=used,
        legend=alt.Legend(symbolType="square", columns=6 if width == WIDE else 2),
    )
    drawn = [
        alt.Chart(layers.data(rows))
        .mark_bar(stroke=theme.background, strokeWidth=1, height=22)
        .encode(x=x, x2="end:Q", y=y, color=colour, tooltip=layers.tooltip(part="part", tokens="tokens")),
        *layers.text_layers(totals, alt.X("end:Q", scale=scale), y, theme, baseline="middle"),
    ]
    notes = []
    if any(b.tokens.cached_input is not None for b in known):
        notes.append("In brackets: how much of the prompt's computation was reused from a cache.")
    notes += layers.left_out("No tokens, as no prompt", decision, lambda b: not wording.needs_no_tokens(b))
    notes += layers.left_out(
        "Tokens unknown", decision, lambda b: b.tokens.input is not None or wording.needs_no_tokens(b)
    )
    return layers.finished(drawn, theme, width=width, height=height, notes=notes)


def token_parts(baseline: BaselineSummary) -> dict[str, float]:
    """Mean tokens of a request by part; prompt tokens that belong to no known part are "other prompt"."""
    prompt, parts = baseline.tokens.input or 0.0, baseline.prompt_parts
    split = parts.model_dump() if parts is not None else {}
    rest = prompt - sum(split.values())
    sizes = {
        **split,
        "answer": baseline.tokens.output or 0.0,
        "other prompt": rest if rest >= 0.5 else 0.0,
    }
    return {part: sizes[part] for part in PARTS if sizes.get(part)}


def _total(baseline: BaselineSummary) -> str:
    prompt, answer, cached = baseline.tokens.input, baseline.tokens.output, baseline.tokens.cached_input
    if prompt is None:
        return tokens(None)
    text = tokens(prompt + answer) if answer is not None else f"{tokens(prompt)} + answer"
    return f"{text} ({percent(cached / prompt, digits=0)} cached)" if cached is not None and prompt else text
