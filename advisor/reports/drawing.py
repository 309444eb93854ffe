"""What the charts share: two themes, one colour and shape per baseline, places for labels, and SVG."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import vl_convert

from advisor.records import Decision
from advisor.reports.formatting import one_line, shortened

# Arial, Helvetica and Liberation Sans have the same widths: a chart laid out with one of them fits with the others.
FONT = "Arial, Helvetica, Liberation Sans, DejaVu Sans, sans-serif"
CHARACTER_PX = 7.0  # a generous mean width at the label size, so that what is reserved suffices in any font
LABEL_PX = 13
LINE_PX = 16
NAME_LENGTH = 64  # what a case allows a name to have
Width = int | Literal["container"]

# Okabe & Ito (2008), https://jfly.uni-koeln.de/color/: told apart with every common colour blindness. Yellow and
# black are left out, as each vanishes on one of the two backgrounds.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "triangle-right")


@dataclass(frozen=True)
class Theme:
    """Colours that depend on the background."""

    name: Literal["light", "dark"]
    text: str
    muted: str
    grid: str
    background: str
    parts: tuple[str, str, str, str, str, str]
    """For the parts of a request; apart from the baselines' colours, in order of lightness."""


LIGHT = Theme(
    "light", "#1b2430", "#5b6675", "#dde2e8", "#ffffff",
    ("#3b4a5e", "#6d83a0", "#a5b6ca", "#ccd6e2", "#b0a58c", "#e2dccb"),
)  # fmt: skip
DARK = Theme(
    "dark", "#e8ecf1", "#a4afbd", "#333d49", "#141a21",
    ("#c3d0df", "#94a9c2", "#667c97", "#475a71", "#a3987d", "#6a6250"),
)  # fmt: skip


@dataclass(frozen=True)
class Style:
    """How one baseline is drawn, in every chart."""

    colour: str
    shape: str
    label: str


def styles(decision: Decision) -> dict[str, Style]:
    """By baseline, in the decision's order; beyond seven, colours come again with other shapes."""
    return {
        b.name: Style(
            COLOURS[i % len(COLOURS)], SHAPES[(i + i // len(COLOURS)) % len(SHAPES)], wrapped(shortened(b.name, NAME_LENGTH), 20)
        )
        for i, b in enumerate(decision.baselines)
    }


def wrapped(text: str, columns: int) -> str:
    """A text in lines of at most `columns`, broken after `_`, `-`, `.` or a space where it can be."""
    pieces = [piece for word in re.findall(r"[^\s_.-]*[\s_.-]?", one_line(text)) for piece in _cut(word, columns)]
    lines = [""]
    for piece in pieces:
        if len((lines[-1] + piece).rstrip()) > columns and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)


def data(rows: Sequence[Mapping[str, Any]]) -> alt.Data:
    """Rows as chart data, put into the chart itself."""
    return alt.Data(values=[dict(row) for row in rows])


def text_layers(
    rows: Sequence[Mapping[str, Any]], x: alt.X | alt.XValue, y: alt.Y, theme: Theme, **mark: Any
) -> list[alt.Chart]:
    """Texts whose rows say `text`, and may say `align`, `dx` and `dy`: one layer for each combination.

    Each text has a rim in the background's colour, so that lines behind it do not make it hard to read.
    """

    def place(row: Mapping[str, Any]) -> tuple[str, float, float]:
        # of several lines, the first one stands where a single one would: centred texts are moved up
        up = row["text"].count("\n") * LINE_PX / 2 if mark.get("baseline") == "middle" else 0
        return row.get("align", "left"), row.get("dx", 0), row.get("dy", 0) - up

    layers = []
    for (align, dx, dy), group in itertools.groupby(sorted(rows, key=place), key=place):
        base = alt.Chart(data(list(group))).encode(x=x, y=y, text="text:N")
        placing = {"align": align, "dx": dx, "dy": dy, "fontSize": LABEL_PX, "lineBreak": "\n", "lineHeight": LINE_PX, **mark}
        rim = {"stroke": theme.background, "strokeWidth": 5, "strokeJoin": "round", "color": theme.background}
        layers += [base.mark_text(**placing, **rim), base.mark_text(**placing, color=theme.text)]
    return layers


def finished(
    chart: alt.LayerChart, theme: Theme, *, width: Width, height: int, notes: Sequence[str] = ()
) -> alt.LayerChart:
    """The chart at its size and in its theme, with notes below it."""
    columns = 90 if width == "container" else max(30, int(width / (CHARACTER_PX - 0.5)))
    lines = [line for note in notes for line in wrapped(note, columns).split("\n")]
    properties: dict[str, Any] = {"width": width, "height": height}
    if lines:
        properties["title"] = alt.TitleParams(
            text=lines, orient="bottom", anchor="start", frame="bounds", offset=10, align="left",
            fontSize=LABEL_PX - 1, fontWeight="normal", color=theme.muted, lineHeight=16,
        )  # fmt: skip
    properties["autosize"] = alt.AutoSizeParams(type="fit-x", contains="padding")
    axis = {
        "labelColor": theme.text, "titleColor": theme.text, "gridColor": theme.grid, "domainColor": theme.muted,
        "tickColor": theme.muted, "labelFontSize": LABEL_PX - 1, "titleFontSize": LABEL_PX, "titleFontWeight": 500,
        "labelLimit": 0, "titleLimit": 0, "titlePadding": 8,
    }  # fmt: skip
    legend = {
        "labelColor": theme.text, "titleColor": theme.text, "labelFontSize": LABEL_PX, "labelLimit": 0,
        "orient": "top", "direction": "horizontal", "title": None, "symbolSize": 130, "columnPadding": 18, "offset": 10,
    }  # fmt: skip
    return (
        chart.properties(**properties)
        .configure(font=FONT, background="transparent", padding=4, aria=False)
        .configure_axis(**axis)
        .configure_legend(**legend)
        .configure_view(stroke=None)
    )


def to_svg(chart: alt.LayerChart, prefix: str) -> str:
    """A chart as SVG to stand inside an HTML page, next to others.

    Args:
        chart: A finished chart of a fixed width.
        prefix: Put before each id, as ids are shared by a whole page.

    Returns:
        An `<svg>` element, hidden from screen readers: whoever places it gives it a description.
    """
    svg: str = vl_convert.vegalite_to_svg(json.dumps(chart.to_dict()))
    svg = re.sub(r'\bid="([^"<>]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)<>]+)\)", rf"url(#{prefix}-\1)", svg)
    svg = re.sub(r' (?:role|aria-[a-z]+)="[^"<>]*"', "", svg)
    return re.sub(r"^<svg ", '<svg aria-hidden="true" focusable="false" ', svg)


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions moved apart to at least `gap`, each as near to where it was as their order allows.

    What does not fit between `low` and `high` is spaced evenly.
    """
    if len(positions) < 2:
        return list(positions)
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    gap = min(gap, (high - low) / (len(positions) - 1))
    placed: list[float] = []
    for i in order:
        placed.append(max(positions[i], placed[-1] + gap if placed else low))
    ceiling = high
    for k in reversed(range(len(placed))):
        placed[k] = min(placed[k], ceiling)
        ceiling = placed[k] - gap
    result = [0.0] * len(positions)
    for k, i in enumerate(order):
        result[i] = placed[k]
    return result


def text_size(text: str) -> tuple[float, float]:
    """(width, height) in pixels that a text of one or more lines takes at most."""
    lines = text.split("\n")
    return max(map(len, lines)) * CHARACTER_PX, len(lines) * float(LINE_PX)


Box = tuple[float, float, float, float]  # left, top, right, bottom


def place_labels(
    points: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], taken: Sequence[Box], plot: Box
) -> list[tuple[str, float, float]]:
    """(align, dx, dy) for a label at each point that keeps clear of the other points, labels and `taken` boxes.

    Args:
        points: Where the points are, in pixels.
        sizes: (width, height) of each label.
        taken: What must not be covered, e.g. intervals.
        plot: The area that labels should stay in.
    """
    boxes = [*taken, *((x - 8, y - 8, x + 8, y + 8) for x, y in points)]
    placed = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        best: tuple[float, str, float, float, Box] | None = None
        for align, dx in (("left", 17.0), ("right", -17.0)):
            for dy in (0.0, -14.0, 14.0, -30.0, 30.0, -46.0, 46.0):
                left = x + dx - (width if align == "right" else 0)
                box = (left, y + dy - height / 2, left + width, y + dy + height / 2)
                cost = sum(_overlap(box, other) for other in boxes) + 10 * _outside(box, plot) + abs(dy)
                if best is None or cost < best[0]:
                    best = (cost, align, dx, dy, box)
        assert best is not None  # there is always a candidate
        boxes.append(best[4])
        placed.append(best[1:4])
    return placed


def _overlap(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _outside(box: Box, plot: Box) -> float:
    area = (box[2] - box[0]) * (box[3] - box[1])
    return area - _overlap(box, plot)


def _cut(word: str, columns: int) -> list[str]:
    return [word[i : i + columns] for i in range(0, len(word), columns)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between two positive ends."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [m * 10.0**k for k in powers for m in (1, 2, 5) if low <= m * 10.0**k <= high]
