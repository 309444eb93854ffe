"""How sure a decision is: told in every form of the report, in money only where answers have a declared worth."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import pytest
from rich.console import Console

from advisor.formatting import clean, one_line
from advisor.records import Decision, Flip
from advisor.reports import charts, uncertain, wording
from advisor.reports import verdict_by_volume as by_volume
from advisor.reports.html import render_html
from advisor.reports.markdown import render_markdown
from advisor.reports.terminal import print_decision
from tests.reports.decisions import (
    HOSTILE,
    full_decision,
    hostile_decision,
    sparse_decision,
    undecided_decision,
)
from tests.reports.test_html_report import Page
from tests.reports.test_markdown_report import shown


def terminal(decision: Decision) -> str:
    out = io.StringIO()
    print_decision(decision, Console(file=out, width=100))
    return out.getvalue()


def read(text: str) -> str:
    return " ".join(re.sub(r"[│╭╮╰╯\s]+", " ", text).split())


FORMS = {
    "terminal": lambda d: read(terminal(d)),
    "markdown": lambda d: shown(render_markdown(d)),
    "html": lambda d: Page(render_html(d)).text,
}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())


def without_money() -> Decision:
    full = full_decision()
    assert full.uncertainty is not None
    none = {"net_benefit_usd": None, "net_benefit_ci95": None, "regret_usd": None}
    odds = tuple(o.model_copy(update=none) for o in full.uncertainty.odds)
    changed = {"odds": odds, "perfect_information_usd": None, "information": (), "more_examples": ()}
    return full.model_copy(update={"uncertainty": full.uncertainty.model_copy(update=changed)})


@each_form
def test_what_is_missing_comes_with_its_price_and_worth(form) -> None:
    text = form(undecided_decision())
    assert "About 200 more held-out items: cost $800, worth $4,211." in text
    assert "At least 12 more held-out items: cost unknown." in text
    assert "Few-shot prompting: add a few_shot baseline, and run it." in text
    assert "Something that has no price." in text
    assert "Until then: use classifier." in text


@each_form
def test_a_price_that_rests_on_data_hours_is_said_to_be_an_estimate(form) -> None:
    d = undecided_decision()
    first = d.verdict.shopping_list[0].model_copy(update={"cost_kind": "estimated"})
    verdict = d.verdict.model_copy(update={"shopping_list": (first, *d.verdict.shopping_list[1:])})
    told = form(d.model_copy(update={"verdict": verdict}))
    assert "About 200 more held-out items: cost $800 (estimated), worth $4,211." in told


@each_form
@pytest.mark.parametrize(
    ("worths", "pays", "said"),
    [
        (
            (-100.0, -50.0),
            False,
            "few_shot loses least (net benefit −$50.00 over 12 months); none of them pays",
        ),
        ((100.0, -50.0), False, "use few_shot; at the case's own assumptions it does not pay"),
        ((100.0, 150.0), True, "Until then: use few_shot."),
        ((None, None), None, "Until then: use few_shot."),
    ],
)
def test_what_to_use_meanwhile_is_no_praise_where_nothing_pays(form, worths, pays, said) -> None:
    d = undecided_decision()
    values = {"zero_shot": worths[0], "few_shot": worths[1]}
    rows = tuple(b.model_copy(update={"value_usd_over_horizon": values.get(b.name)}) for b in d.baselines)
    verdict = d.verdict.model_copy(update={"meanwhile": "few_shot", "meanwhile_pays": pays})
    assert said in form(d.model_copy(update={"verdict": verdict, "baselines": rows}))


@each_form
def test_what_is_missing_is_told_without_a_list_too(form) -> None:
    text = form(sparse_decision())
    assert "Results of at least one alternative." in text
    assert "Until then" not in text


@each_form
def test_the_odds_are_told_in_probability_and_money(form) -> None:
    text = form(full_decision())
    assert "How sure the choice is" in text
    for figure in ("95.3%", "$9,902", "$3,902 to $15,902", "$64.50", "< 0.1%"):
        assert figure in text
    assert "most worth knowing: worth of a wrong answer ($60.20)" in text


@each_form
def test_without_a_declared_worth_only_probabilities_are_told(form) -> None:
    text = form(without_money())
    assert "95.3%" in text
    assert (
        "net benefit"
        not in text.split("How sure the choice is")[1].split("What moves")[0].split("Break-even")[0]
    )
    assert "To know all of it" not in text


@each_form
def test_nothing_known_leaves_them_out(form) -> None:
    text = form(sparse_decision())
    for absent in ("How sure the choice is", "What moves the", "What each input could change"):
        assert absent not in text


def test_the_terminal_names_four_baselines_and_three_inputs() -> None:
    decision = full_decision()
    assert [r[0] for r in uncertain.odds_rows(decision, most=4)] == [
        "fine_tuned",
        "few_shot",
        "rag",
        "zero_shot",
    ]
    lines = uncertain.tornado_lines(decision)
    assert len(lines) == 3
    assert (
        lines[0] == "Worth of a wrong answer: −$0.40 → $36,000; −$0.10 → $12,000 (assumed: half and double)"
    )
    assert lines[1] == "Requests per month: 20,000 → $6,000; 90,000 → $41,000 (the case's range)"
    assert all(line in read(terminal(decision)) for line in lines)


def test_perfect_information_worth_nothing_is_said_so() -> None:
    full = full_decision()
    assert full.uncertainty is not None
    sure = full.model_copy(
        update={"uncertainty": full.uncertainty.model_copy(update={"perfect_information_usd": 0.0})}
    )
    assert uncertain.information(sure) == [
        "Even perfect information would be worth nothing: one baseline is the best in every draw."
    ]


def test_the_map_marks_the_case_and_is_rising_upwards() -> None:
    rows = by_volume.rows(full_decision())
    assert [row[0] for row in rows] == [
        "$2.50", "$1.41", "$0.791", "$0.445", "$0.25", "$0.141", "$0.0791", "$0.0445", "$0.025",
    ]  # fmt: skip
    marked = [(i, j) for i, row in enumerate(rows) for j, cell in enumerate(row) if cell.startswith("(")]
    assert marked == [(4, 5)]
    assert rows[0][1:4] == ("D", "D", "D") or rows[0][-1] == "F"
    assert by_volume.header(full_decision())[1:3] == ("5,000", "8,890")


def test_a_case_that_is_not_on_the_map_is_not_marked() -> None:
    full = full_decision()
    off = full.model_copy(update={"facts": full.facts.model_copy(update={"requests_per_month": 77_000})})
    assert by_volume.own_point(off) is None
    assert "brackets" not in by_volume.legend(off)
    assert "Outlined" not in charts.to_svg(charts.map_chart(off), "p")  # type: ignore[arg-type]


def test_a_worth_of_nothing_has_its_row() -> None:
    full = full_decision()
    points = tuple(
        p.model_copy(update={"usd_per_right_answer": 0.0}) if p.usd_per_right_answer < 0.03 else p
        for p in full.verdict_map
    )
    text = charts.to_svg(charts.map_chart(full.model_copy(update={"verdict_map": points})), "p")  # type: ignore[arg-type]
    assert ">$0<" in text
    assert "NaN" not in text


@pytest.mark.parametrize("gains", [(None, None), (0.0, 0.0), (5.0, 5.0), (-1e9, 1e9), (1e-5, 2e-5)], ids=str)
@pytest.mark.parametrize("width", [charts.WIDE, charts.NARROW])
def test_bars_bear_extremes_and_unknown_gains_are_named(gains, width: int) -> None:
    full = full_decision()
    bar = full.tornado[0].model_copy(
        update={"gain_at_low": gains[0], "gain_at_high": gains[1], "gain_now": gains[0]}
    )
    decision = full.model_copy(update={"tornado": (bar, full.tornado[1])})
    svg = charts.to_svg(charts.tornado_chart(decision, width=width), "p")  # type: ignore[arg-type]
    text = " ".join(" ".join(ElementTree.fromstring(svg).itertext()).split())
    assert not re.search("NaN|Infinity|undefined|null", svg)
    assert ("unknown: Worth of a wrong answer" in text) == (gains[0] is None)
    none = full.model_copy(update={"tornado": (bar.model_copy(update={"gain_at_low": None}),)})
    assert charts.tornado_chart(none, width=width) is None


def test_what_was_assumed_is_drawn_otherwise_and_said_in_the_legend() -> None:
    svg = charts.to_svg(charts.tornado_chart(full_decision()), "p")  # type: ignore[arg-type]
    for basis in uncertain.BASES.values():
        assert basis in svg.replace("&#39;", "'").replace("&apos;", "'")
    assert charts.LIGHT.grid in svg and charts.LIGHT.muted in svg


@each_form
def test_foreign_text_is_shown_as_it_is(form) -> None:
    decision = hostile_decision(of=undecided_decision())
    text = form(decision).replace(" ", "")
    assert f"Untilthen:useclassifier{one_line(HOSTILE)}.".replace(" ", "") in text
    assert clean(text) == text


def test_foreign_names_in_the_charts_stay_text() -> None:
    for name in ("tornado", "map"):
        _, draw = charts.CHARTS[name]
        svg = charts.to_svg(draw(hostile_decision(), theme=charts.LIGHT, width=charts.WIDE), "p")  # type: ignore[arg-type]
        assert not [e for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("script")]


def test_prices_of_tokens_have_names() -> None:
    assert uncertain.tornado_rows(full_decision())[3][:3] == (
        "Price of a million cached input tokens of small", "$0.02", "$0.08",
    )  # fmt: skip
    flip = Flip(parameter="models.a.b.prices.output", now=1.0, at=2.0, decision="not_yet", recommended=None)
    assert wording.parameter_name(flip.parameter) == "Price of a million output tokens of a.b"
