"""What the charts are put together from, and how they become SVG."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import altair as alt
import vl_convert
from altair.utils import schemapi

from advisor.formatting import one_line, shortened
from advisor.records import BaselineSummary, Decision
from advisor.reports.charts._labels import CHARACTER_PX, LINE_PX, wrapped
from advisor.reports.charts._theme import FONT, LABEL_PX, Style, Theme, Width

Layer = alt.Chart


def data(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as chart data, put into the chart itself."""
    return alt.InlineData(values=[dict(row) for row in rows])


def identity(baseline: BaselineSummary, style: Mapping[str, Style]) -> dict[str, Any]:
    """The fields that say whose row it is."""
    return {"name": one_line(baseline.name), "label": style[baseline.name].label}


def colour_of(
    baselines: Sequence[BaselineSummary], style: Mapping[str, Style], legend: alt.Legend | None = None
) -> alt.Color:
    """Each baseline in its colour."""
    names, colours = [one_line(b.name) for b in baselines], [style[b.name].colour for b in baselines]
    return alt.Color("name:N", scale=alt.Scale(domain=names, range=colours), legend=legend)


def shape_of(baselines: Sequence[BaselineSummary], style: Mapping[str, Style]) -> alt.Shape:
    """Each baseline in its shape."""
    names, shapes = [one_line(b.name) for b in baselines], [style[b.name].shape for b in baselines]
    return alt.Shape("name:N", scale=alt.Scale(domain=names, range=shapes), legend=None)


def lined_axis() -> alt.Axis:
    """An axis of names that may take several lines, without ticks."""
    lines = r"split(datum.label, '\n')"
    return alt.Axis(
        title=None,
        labelExpr=lines,
        labelOffset=alt.ExprRef(f"-{LINE_PX / 2} * (length({lines}) - 1)"),
        labelFontSize=LABEL_PX,
        labelLineHeight=LINE_PX,
        labelPadding=8,
        domain=False,
        ticks=False,
        grid=False,
    )


def baseline_axis(
    baselines: Sequence[BaselineSummary], style: Mapping[str, Style], step: int
) -> tuple[alt.Y, int]:
    """The axis that names the baselines, and the height in pixels that it takes."""
    labels = [style[b.name].label for b in baselines]
    step = max(step, max(label.count("\n") + 1 for label in labels) * LINE_PX + 10)
    axis = lined_axis()
    return alt.Y("label:N", sort=labels, axis=axis, scale=alt.Scale(domain=labels)), step * len(labels)


def tooltip(**fields: str) -> list[alt.Tooltip]:
    """What a pointer shows: the baseline, and `title=field` each."""
    return [
        alt.Tooltip("name:N", title="baseline"),
        *(alt.Tooltip(f"{field}:N", title=title.replace("_", " ")) for title, field in fields.items()),
    ]


def text_layers(
    rows: Sequence[Mapping[str, Any]], x: alt.X, y: alt.Y, theme: Theme, **mark: Any
) -> list[Layer]:
    """Texts whose rows say `text`, and may say `align`, `dx` and `dy`: layers for each combination.

    Each text has a rim in the background's colour, so that lines behind it do not make it hard to read.
    """

    def place(row: Mapping[str, Any]) -> tuple[str, float, float]:
        # of several lines the first one stands where a single one would: centred texts are moved up
        up = row["text"].count("\n") * LINE_PX / 2 if mark.get("baseline") == "middle" else 0
        return row.get("align", "left"), row.get("dx", 0), row.get("dy", 0) - up

    rim: dict[str, Any] = {"stroke": theme.background, "strokeWidth": 5, "strokeJoin": "round"}
    layers = []
    for (align, dx, dy), group in itertools.groupby(sorted(rows, key=place), key=place):
        base = alt.Chart(data(list(group))).encode(x=x, y=y, text="text:N")
        common: dict[str, Any] = {
            "align": align,
            "dx": dx,
            "dy": dy,
            "fontSize": LABEL_PX,
            "lineBreak": "\n",
            "lineHeight": LINE_PX,
            **mark,
        }
        layers += [base.mark_text(**{"color": theme.background, **common, **rim})]
        layers += [base.mark_text(**{"color": theme.text, **common})]
    return layers


def score_title(decision: Decision) -> str:
    """The title of an axis of scores."""
    return f"{shortened(decision.facts.metric, 24)}, with 95% interval"


def score_domain(values: Sequence[float], fraction: bool) -> tuple[float, float]:
    """Ends of an axis of scores, with some air; for fractions at round tenths between 0 and 1."""
    low, high = min(values), max(values)
    if not fraction:
        air = (high - low) * 0.15 or abs(high) * 0.15 or 1.0
        return low - air, high + air
    return max(0.0, math.floor(low * 10 - 0.4) / 10), min(1.0, math.ceil(high * 10 + 0.2) / 10)


def left_out(why: str, decision: Decision, drawn: Callable[[BaselineSummary], bool]) -> list[str]:
    """A note on the baselines that are not in a chart."""
    names = [one_line(b.name) for b in decision.baselines if not drawn(b)]
    return [f"{why}: {', '.join(names)}."] if names else []


def finished(
    layers: Sequence[Layer], theme: Theme, *, width: Width, height: int, notes: Sequence[str] = ()
) -> alt.LayerChart:
    """The layers as a chart of its size and in its theme, with notes below it."""
    columns = 90 if width == "container" else max(30, int(width / (CHARACTER_PX - 0.5)))
    lines = [line for note in notes for line in wrapped(note, columns).split("\n")]
    properties: dict[str, Any] = {
        "width": width,
        "height": height,
        "autosize": alt.AutoSizeParams(type="fit-x", contains="padding"),
    }
    if lines:
        properties["title"] = alt.TitleParams(
            text=lines,
            orient="bottom",
            anchor="start",
            frame="bounds",
            align="left",
            offset=10,
            color=theme.muted,
            fontSize=LABEL_PX - 1,
            fontWeight="normal",
            lineHeight=LINE_PX,
        )
    axis = alt.AxisConfig(
        labelColor=theme.text,
        labelFontSize=LABEL_PX - 1,
        labelLimit=0,
        titleColor=theme.text,
        titleFontSize=LABEL_PX,
        titleFontWeight=500,
        titleLimit=0,
        titlePadding=8,
        gridColor=theme.grid,
        domainColor=theme.muted,
        tickColor=theme.muted,
    )
    legend = alt.LegendConfig(
        title=None,
        orient="top",
        direction="horizontal",
        offset=10,
        columnPadding=18,
        symbolSize=130,
        labelColor=theme.text,
        labelFontSize=LABEL_PX,
        labelLimit=0,
    )
    config = alt.Config(
        font=FONT,
        background="transparent",
        padding=4,
        aria=False,
        view=alt.ViewConfig(stroke=None),
        axis=axis,
        legend=legend,
    )
    # said at once, as each `configure` would copy the whole chart
    return alt.LayerChart(layer=list(layers), config=config, **properties)


@contextmanager
def unchecked() -> Iterator[None]:
    """Charts drawn inside are not validated piece by piece, which takes most of a report's time.

    Our charts are valid: their tests draw them with validation on.
    """
    with schemapi.debug_mode(False):
        yield


def to_svg(chart: alt.LayerChart, prefix: str) -> str:
    """A chart as SVG to stand inside an HTML page, next to others.

    Args:
        chart: A finished chart of a fixed width.
        prefix: Put before each id, as ids are shared by a whole page.

    Returns:
        An `<svg>` element, hidden from screen readers: whoever places it gives it a description.
    """
    svg: str = vl_convert.vegalite_to_svg(json.dumps(chart.to_dict(validate=schemapi.DEBUG_MODE)))
    svg = re.sub(r'\bid="([^"<>]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)<>]+)\)", rf"url(#{prefix}-\1)", svg)
    svg = re.sub(r' (?:role|aria-[a-z]+)="[^"<>]*"', "", svg)
    return re.sub(r"^<svg ", '<svg aria-hidden="true" focusable="false" ', svg)
