"""The decision report as one HTML file: no script, no request, opens offline, prints on A4.

All text passes through Jinja's autoescape, and before it through `clean`; the only markup let through is the
charts' SVG, whose text vl-convert escapes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from advisor import formatting
from advisor.records import Decision
from advisor.reports import charts, further, hidden, load, uncertain, wording
from advisor.reports.context import ReportContext
from advisor.reports.judge import judge_lines
from advisor.reports.over_time import costs_sentences, costs_table
from advisor.reports.sections import build

BASIS = ("data", "configuration", "prices", "provenance", "review")
"""Sections that are drawn from the document's blocks; the others have templates of their own."""


def render_html(decision: Decision, context: ReportContext | None = None) -> str:
    """The report of a decision as a self-contained HTML document."""
    template = environment().get_template("decision.html.j2")
    figures = {name: _figure(decision, name) for name in charts.CHARTS}
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
    title, draw = charts.CHARTS[name]
    drawings = []
    for theme in (charts.LIGHT, charts.DARK):
        for size, width in (("wide", charts.WIDE), ("narrow", charts.NARROW)):
            with charts.unchecked():
                chart = draw(decision, theme=theme, width=width)
                if chart is None:
                    return None
                svg = charts.to_svg(chart, f"{name}-{theme.name}-{size}")
            # Markup: made here, from escaped text
            drawings.append({"classes": f"{theme.name} {size}", "svg": Markup(svg)})
    return {"title": title, "description": charts.describe(decision, name), "drawings": drawings}


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
        COLOURS=charts.COLOURS,
    )
    return environment


def _shown(value: object) -> object:
    """What is put out: foreign text without steering characters; nothing known is said so."""
    if value is None:
        return formatting.UNKNOWN
    if isinstance(value, str) and not isinstance(value, Markup):
        return formatting.clean(value)
    return value
