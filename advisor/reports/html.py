"""The decision report as one HTML file: no script, no request, opens offline, prints on A4.

All text passes through Jinja's autoescape, and before it through `clean`; the only markup let through is the
charts' SVG, whose text vl-convert escapes.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from advisor import formatting
from advisor.records import Decision
from advisor.reports import charts, further, hidden, load, uncertain, wording
from advisor.reports import verdict_by_volume as by_volume
from advisor.reports.context import ReportContext
from advisor.reports.judge import judge_lines
from advisor.reports.method import METHOD
from advisor.reports.over_time import costs_sentences, costs_table
from advisor.reports.sections import build
from advisor.reports.sections.front import REPORT_CHARTS

_PREFIX = "chart-prefix-of-ids"
SAME_BUT_COLOURS = ("quality", "all_in", "cost", "tokens", "loss", "tornado")
"""Charts whose themes differ in the theme's own colours alone: these are exchanged, as drawing takes its time."""
BASIS = ("data", "configuration", "prices", "provenance", "review")
"""Sections that are drawn from the document's blocks; the others have templates of their own."""


def render_html(decision: Decision, context: ReportContext | None = None) -> str:
    """The report of a decision as a self-contained HTML document."""
    template = environment().get_template("decision.html.j2")
    figures = {name: _figure(decision, name) for name in REPORT_CHARTS}
    document = build(decision, context, [name for name, drawn in figures.items() if drawn])
    return template.render(
        d=decision,
        document=document,
        basis=[s for s in document.appendix if s.id in BASIS],
        judge_lines=judge_lines(decision),
        fraction=wording.is_fraction(decision),
        over_time={"table": costs_table(decision), "said": costs_sentences(decision)},
        figures=figures,
    )


def _figure(decision: Decision, name: str) -> dict[str, Any] | None:
    """A chart in each theme and width; CSS shows the one that fits."""
    title, _ = charts.CHARTS[name]
    drawings = []
    for size, width in (("wide", charts.WIDE), ("narrow", charts.NARROW)):
        light = _svg(decision, name, charts.LIGHT, width)
        if light is None:
            return None
        dark = in_dark(light) if name in SAME_BUT_COLOURS else _svg(decision, name, charts.DARK, width)
        for theme, svg in ((charts.LIGHT, light), (charts.DARK, dark or light)):
            # Markup: made here, from escaped text
            shown = Markup(svg.replace(_PREFIX, f"{name}-{theme.name}-{size}"))
            drawings.append({"classes": f"{theme.name} {size}", "svg": shown})
    drawings.sort(key=lambda d: not d["classes"].startswith("light"))
    return {"title": title, "description": charts.describe(decision, name), "drawings": drawings}


def in_dark(svg: str) -> str:
    """A light chart's SVG in the colours of the dark theme; what texts say stays."""
    light, dark = charts.LIGHT, charts.DARK
    names = ("text", "muted", "grid", "background")
    colours = {getattr(light, n): getattr(dark, n) for n in names} | dict(
        zip(light.parts, dark.parts, strict=True)
    )
    # in tags alone: a chart's text has its signs escaped, so that none of it looks like an attribute
    return re.sub(r'((?:fill|stroke)=")(#[0-9a-f]{6})"', lambda m: f'{m[1]}{colours.get(m[2], m[2])}"', svg)


def _svg(decision: Decision, name: str, theme: charts.Theme, width: int) -> str | None:
    _, draw = charts.CHARTS[name]
    with charts.unchecked():
        chart = draw(decision, theme=theme, width=width)
        return None if chart is None else charts.to_svg(chart, _PREFIX)


@cache
def environment() -> Environment:
    """The templates, with autoescape and the words that they share."""
    environment = Environment(
        loader=PackageLoader("advisor.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        f=formatting,
        w=wording,
        h=hidden,
        further=further,
        load=load,
        uncertain=uncertain,
        by_volume=by_volume,
        METHOD=METHOD,
        colour_of=charts.colour_of,
    )
    return environment


def _shown(value: object) -> object:
    """What is put out: foreign text without steering characters, amounts unbroken; nothing known is said so."""
    if value is None:
        return formatting.UNKNOWN
    if isinstance(value, str) and not isinstance(value, Markup):
        return formatting.set_text(formatting.clean(value))
    return value
