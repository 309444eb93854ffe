"""More data, other seeds, other cases: told in every form of the report, and left out where nothing was measured."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from advisor.records import Decision
from advisor.reports import charts
from advisor.reports.further import curve_rows, seed_rows
from advisor.reports.html import render_html
from advisor.reports.markdown import render_markdown
from advisor.reports.terminal import print_decision
from tests.reports.decisions import full_decision, sparse_decision


def terminal(decision: Decision) -> str:
    out = io.StringIO()
    print_decision(decision, Console(file=out, width=100))
    return out.getvalue()


FORMS = [terminal, render_markdown, render_html]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_tells_them(form: object) -> None:
    text = " ".join(form(full_decision()).split())  # type: ignore[operator]
    assert "Twice the data (720 examples)" in text
    assert "93.0%" in text
    assert "policy" in text
    assert "2 seeds" in text


@pytest.mark.parametrize("form", FORMS)
def test_nothing_measured_leaves_them_out(form: object) -> None:
    text = form(sparse_decision())  # type: ignore[operator]
    assert "More data" not in text
    assert "Other seeds" not in text


def test_the_rows_hold_every_point_and_what_is_estimated() -> None:
    rows = curve_rows(full_decision())
    assert [r[0] for r in rows] == ["0 (untuned)", "90", "180", "360 (whole)", "720 (estimated)"]
    assert rows[0][2] == ""
    assert rows[2] == ("180", "86.0% (80.5–90.2%)", "+12.0 points (+6.0 to +18.0)")
    assert seed_rows(full_decision())[1][:2] == ("1", "89.3%")
    assert curve_rows(sparse_decision()) == seed_rows(sparse_decision()) == []


def test_the_chart_ends_at_twice_the_data() -> None:
    chart = charts.learning_chart(full_decision())
    assert chart is not None
    document = chart.to_dict()
    found = [row for layer in document["layer"] for row in layer.get("data", {}).get("values", [])]
    found += [row for values in document.get("datasets", {}).values() for row in values]
    assert max(row["n"] for row in found) == 720
    assert {row["series"] for row in found if "series" in row} == {"measured", "if the curve goes on"}
    svg = charts.to_svg(chart, "p")
    assert re.search(r"Training examples", svg)
