"""A report's sections as blocks: the front page, the evidence, what could turn it, and the appendix."""

from __future__ import annotations

from advisor.records import Decision
from advisor.reports.context import ReportContext
from advisor.reports.document import Document, Section
from advisor.reports.sections import appendix, basis, evidence, front, outlook
from advisor.reports.sections.front import Drawn

__all__ = ["build", "day"]


def build(decision: Decision, context: ReportContext | None = None, drawn: Drawn | None = None) -> Document:
    """The whole report of a decision.

    Args:
        decision: The decision.
        context: What else is known of the case; without it the sections on its data, configuration and prices are
            left out.
        drawn: Ids of the charts that the report will hold; by default all for which there is something to draw.
    """
    d, context = decision, context or ReportContext()
    drawn = front.drawable(d) if drawn is None else drawn
    page = front.front_page(d, context, drawn)
    ahead = page.figure.chart if page.figure else None
    return Document(
        case=d.case,
        title=d.facts.title,
        use_case=d.facts.use_case,
        about=front.about(d),
        date=day(d),
        front=page,
        evidence=_known(
            evidence.warnings(d),
            evidence.comparison(d),
            evidence.drawings(d, drawn, ahead),
            evidence.questions(d),
            evidence.pairs(d),
            evidence.odds(d),
            outlook.over_time(d),
            outlook.break_even(d),
            outlook.load_tests(d),
            outlook.flips(d),
            outlook.inputs(d, drawn),
            evidence.diagnosis(d),
            evidence.luck(d),
            evidence.slices(d),
            evidence.judged(d),
            outlook.readiness(d),
            outlook.further_measurements(d, drawn),
        ),
        appendix=_known(
            appendix.settings(d, drawn),
            appendix.assumptions(d),
            appendix.method(),
            basis.data(context),
            basis.configuration(context),
            basis.prices(d),
            appendix.provenance(d),
            basis.review(context),
        ),
    )


def day(decision: Decision) -> str:
    """The decision's day in words."""
    return decision.generated_at.strftime("%d %B %Y").lstrip("0")


def _known(*sections: Section | None) -> tuple[Section, ...]:
    return tuple(s for s in sections if s is not None)
