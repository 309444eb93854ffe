"""The data card, the configuration and the prices: told in every form, and foreign text in them does nothing."""

from __future__ import annotations

import datetime as dt

import pytest

from advisor import workflow
from advisor.records import PriceUsed
from advisor.reports.context import ConfiguredBaseline, ReportContext, ReviewFacts, Signature
from advisor.reports.data_card import MOST_CHARACTERS, card_blocks
from advisor.reports.document import Bullets, Code, Heading, Paragraph, Table, plain
from advisor.reports.html import SAME_BUT_COLOURS, in_dark, render_html
from advisor.reports.markdown import render_markdown
from advisor.resources import sample_cases_folder
from tests.reports.decisions import HOSTILE, full_decision, hostile_decision
from tests.reports.test_html_report import Page
from tests.reports.test_markdown_report import PARSER, flat, shown

CARD = f"""# Data card

Written *by hand*, see [the source](http://example.org/a) and <b>no HTML</b>.

| file | items |
|---|---|
| `train.jsonl` | 240 |

- one
  - inner
- two

```
code {{{{ 7*7 }}}}
```

{HOSTILE}
"""
CONTEXT = ReportContext(
    data_card=CARD,
    findings=(HOSTILE,),
    prompt=HOSTILE,
    baselines=(ConfiguredBaseline(name="b", kind="few_shot", model=HOSTILE, provider="p", settings=HOSTILE),),
    review=ReviewFacts(
        status=HOSTILE, signatures=(Signature(who=HOSTILE, when="2026-11-24", what="Go"),), stale=HOSTILE
    ),
)
PRICE = PriceUsed(
    baseline="few_shot", model="m", input=0.4, output=1.6, source="A price list", date=dt.date(2026, 8, 11),
    kind="estimated", stale=True, notes=(HOSTILE,),
)  # fmt: skip


def test_a_data_card_becomes_headings_tables_lists_and_text() -> None:
    blocks = card_blocks(CARD)
    kinds = [type(b) for b in blocks]
    assert {Heading, Paragraph, Table, Bullets, Code} <= set(kinds)
    table = next(b for b in blocks if isinstance(b, Table))
    assert table.header == ("file", "items")
    assert plain(table.rows[0][0]) == "train.jsonl"
    lists = next(b for b in blocks if isinstance(b, Bullets))
    assert [plain(i) for i in lists.items] == ["one", "inner", "two"]
    words = " ".join(plain(b.text) for b in blocks if isinstance(b, Paragraph))
    assert "the source (http://example.org/a)" in words
    assert "<b>no HTML</b>" in words


def test_a_data_card_that_goes_on_and_on_is_cut_and_says_so() -> None:
    blocks = card_blocks("word " * MOST_CHARACTERS)
    assert isinstance(blocks[-1], Paragraph) and "more characters" in plain(blocks[-1].text)


@pytest.mark.parametrize("decision", [full_decision(), hostile_decision()])
def test_hostile_text_of_the_case_does_nothing(decision) -> None:
    decision = decision.model_copy(update={"prices": (PRICE,)})
    html = Page(render_html(decision, CONTEXT))
    assert html.faults == []
    assert not {tag for tag, _ in html.elements} & {"script", "img", "iframe", "b", "link"}
    assert all(str(a.get("href", "#")).startswith("#") for _, a in html.elements)
    types = {t.type for t in flat(PARSER.parse(render_markdown(decision, CONTEXT)))}
    assert not types & {"html_block", "html_inline", "link_open", "image"}


def test_every_form_tells_card_configuration_and_prices_with_source_and_day() -> None:
    d = full_decision().model_copy(update={"prices": (PRICE,)})
    for text in (Page(render_html(d, CONTEXT)).text, shown(render_markdown(d, CONTEXT))):
        for words in (
            "train.jsonl",
            "A price list, 2026-08-11 (may be out of date)",
            "$0.40",
            "Configuration",
        ):
            assert words in text
        assert "It no longer holds" in text


def test_a_sample_case_tells_its_card_its_counts_and_its_hashes() -> None:
    found = workflow.reportable(sample_cases_folder() / "recipe_ingredients")
    text = shown(workflow.render(found.decision, "md", found.context))
    for words in (
        "No personal data, no brands.",
        "held-out",
        "smollm2-135m (embedded)",
        "a machine that is always on",
    ):
        assert words in text
    hashes = found.decision.provenance.hashes
    assert set(hashes) >= {"training examples", "held-out items", "results"}
    assert all(h in text for h in hashes.values())


def test_evidence_that_is_the_same_has_the_same_hash() -> None:
    folder = sample_cases_folder() / "recipe_ingredients"
    one = workflow.reportable(folder).decision
    two = workflow.reportable(folder, overrides={"traffic.requests_per_month": "100"}).decision
    assert one.provenance.hashes == two.provenance.hashes


def test_a_card_that_links_out_of_the_case_is_not_read(tmp_path) -> None:
    case = tmp_path / "case"
    case.mkdir()
    for name in ("case.yaml", "train.jsonl", "held_out.jsonl", "results.jsonl", "results.about.json"):
        (case / name).write_bytes((sample_cases_folder() / "recipe_ingredients" / name).read_bytes())
    (tmp_path / "secret.txt").write_text("a secret of the machine")
    (case / "README.md").symlink_to(tmp_path / "secret.txt")
    assert workflow.reportable(case).context.data_card is None


@pytest.mark.parametrize("name", SAME_BUT_COLOURS)
def test_a_dark_chart_made_of_a_light_one_is_the_dark_chart(name: str) -> None:
    from advisor.reports import charts

    _, draw = charts.CHARTS[name]
    for decision in (full_decision(), hostile_decision()):
        light = draw(decision, theme=charts.LIGHT, width=charts.WIDE)
        dark = draw(decision, theme=charts.DARK, width=charts.WIDE)
        assert light is not None and dark is not None
        assert in_dark(charts.to_svg(light, "p")) == charts.to_svg(dark, "p")


def test_samples_confess_estimated_prices_and_alternatives_that_do_not_pay() -> None:
    support = workflow.reportable(sample_cases_folder() / "support_intents").decision
    assert support.verdict.shopping_list[0].cost_kind == "estimated"
    assert "cost $800 (estimated)" in workflow.render(support, "html")
    recipes = workflow.reportable(sample_cases_folder() / "recipe_ingredients").decision
    assert recipes.verdict.meanwhile_pays is False
    assert "none of them pays at the case's own assumptions" in workflow.render(recipes, "md")
