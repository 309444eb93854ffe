"""The PDF report: one page for the decision-maker, all of the evidence after it, the same bytes again, text as text."""

from __future__ import annotations

import io
import json
from functools import cache
from importlib.resources import files

import pytest

pytest.importorskip("typst")
from pypdf import PdfReader

from advisor.errors import AdvisorError, MissingExtraError
from advisor.records import Decision
from advisor.reports import pdf
from advisor.reports.context import ConfiguredBaseline, ReportContext, ReviewFacts, Signature
from advisor.reports.pdf import render_pages, render_pdf
from tests.reports.decisions import full_decision, hostile_decision, sparse_decision, undecided_decision

CONTEXT = ReportContext(
    data_card="# Card\n\nWritten **by hand**.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- first\n- second\n",
    findings=("3 items stand in both files.",),
    prompt="Route the message.",
    baselines=(
        ConfiguredBaseline(
            name="few_shot", kind="few_shot", model="m", provider="p", settings="examples = 5"
        ),
    ),
    review=ReviewFacts(
        status="Signed off", signatures=(Signature(who="Ada", when="2026-11-24", what="Go"),), stale=None
    ),
)
DECISIONS = {
    "full": full_decision,
    "sparse": sparse_decision,
    "undecided": undecided_decision,
    "hostile": hostile_decision,
}


@cache
def read(name: str) -> PdfReader:
    return PdfReader(io.BytesIO(render_pdf(DECISIONS[name](), CONTEXT)))


def squeezed(text: str) -> str:
    """Without white space and marks of where a line may break: how a text is set is not what it says."""
    return "".join(c for c in text if not c.isspace() and c not in "\u200b\u2060\u00ad")


@cache
def text_of(name: str) -> str:
    return squeezed("".join(squeezed(page.extract_text()) for page in read(name).pages))


def first_page(name: str) -> str:
    return squeezed(read(name).pages[0].extract_text())


def test_the_first_page_holds_what_a_decision_maker_needs() -> None:
    d, page = full_decision(), first_page("full")
    for words in (
        d.facts.title,
        "Fine-tune",
        "93%",
        "91.0%",
        "What is at stake",
        "What would turn it",
        "Next steps",
    ):
        assert squeezed(words) in page
    assert squeezed(d.verdict.reasons[0]) in page
    assert "Theten" not in page, "the evidence begins on a page of its own"
    assert "EVIDENCE" in squeezed(read("full").pages[1].extract_text())


@pytest.mark.parametrize("name", DECISIONS)
def test_the_front_is_one_page_whatever_stands_on_it(name: str) -> None:
    assert "EVIDENCE" in squeezed(read(name).pages[1].extract_text())
    assert "EVIDENCE" not in first_page(name)
    assert 3 <= len(read(name).pages) <= 30


def test_all_ten_questions_stand_in_it_with_their_evidence() -> None:
    d, text = full_decision(), text_of("full")
    places = [text.index(squeezed(q.question)) for q in d.questions]
    assert len(places) == 10 and places == sorted(places)
    for question in d.questions:
        assert squeezed(question.summary) in text
        assert squeezed(question.would_change) in text
        assert all(squeezed(e.text) in text for e in question.evidence)


def test_what_is_cut_on_the_first_page_is_told_in_full() -> None:
    full = full_decision()
    long = "A reason that goes on and on. " * 60
    verdict = full.verdict.model_copy(update={"reasons": (long, *full.verdict.reasons)})
    report = PdfReader(io.BytesIO(render_pdf(full.model_copy(update={"verdict": verdict}))))
    pages = [squeezed(p.extract_text()) for p in report.pages]
    assert squeezed(long) not in pages[0]
    assert "Theverdictinfull" in pages[1]
    assert squeezed(long) in "".join(pages[1:])


def test_data_card_configuration_prices_and_review_have_their_sections() -> None:
    text = text_of("full")
    for words in (
        "Written by hand",
        "3 items stand in both files.",
        "examples = 5",
        "Route the message.",
        "Ada",
    ):
        assert squeezed(words) in text
    assert "Review:Signedoff." in first_page("full")
    assert "**" not in text_of("undecided")


def test_running_header_and_page_numbers() -> None:
    pages = [squeezed(p.extract_text()) for p in read("full").pages]
    for number, page in enumerate(pages, start=1):
        assert "support_intents" in page
        assert "23November2026" in page
        assert f"Page{number}of{len(pages)}" in page


def test_hostile_text_is_text() -> None:
    text = text_of("hostile")
    for words in (
        "<script>alert(1)</script>",
        "\\x1b[31mred",
        "\\u202eevil",
        "{{7*7}}",
        "\\x00",
        "[bold]markup[/bold]",
    ):
        assert text.count(squeezed(words)) > 20
    for page in read("hostile").pages:
        assert "/Annots" not in page, "no link is made of foreign text"


@pytest.mark.parametrize(
    "words",
    [
        '#panic("x") #include "/etc/passwd" $x$ @label <tag> *b* _i_ // c /* d */ \\u{41}',
        '#image("http://evil.example/x.png") #sys.inputs #read("report.json")',
        "w" * 5000,
        "a_very-long.name/with:signs," * 200,
        "lone \ud800 surrogate, NUL \x00, bidi \u202e and \u2066, tag \U000e0041, non-character \uffff",
        "=1+1 +1 -1 @SUM(A1) \t tab",
    ],
)
def test_any_text_is_set_as_it_is_and_never_as_markup(words: str) -> None:
    full = full_decision()
    facts = full.facts.model_copy(
        update={"title": words, "use_case": words, "instructions": words, "metric": words}
    )
    verdict = full.verdict.model_copy(update={"reasons": (words,)})
    baselines = (full.baselines[0].model_copy(update={"name": words}), *full.baselines[1:])
    d = full.model_copy(update={"facts": facts, "verdict": verdict, "baselines": baselines, "case": words})
    report = PdfReader(io.BytesIO(render_pdf(d, CONTEXT.model_copy(update={"data_card": words}))))
    assert "EVIDENCE" in squeezed(report.pages[1].extract_text())
    if words.isprintable() and len(words) < 200:
        assert squeezed(words) in "".join(squeezed(p.extract_text()) for p in report.pages)


def test_no_column_leaves_its_page() -> None:
    """A word as long as a line is broken, so that nothing stands beyond the right margin."""
    for name in ("full", "hostile"):
        for page in read(name).pages:
            ends: list[float] = []

            def visit(
                text: str,
                _cm: list[float],
                tm: list[float],
                _font: object,
                _size: float,
                ends: list[float] = ends,
            ) -> None:
                if text.strip():
                    ends.append(tm[4])

            page.extract_text(visitor_text=visit)
            assert all(x < 595 - 40 for x in ends)


def test_the_same_decision_gives_the_same_bytes() -> None:
    assert render_pdf(sparse_decision(), CONTEXT) == render_pdf(sparse_decision(), CONTEXT)


def test_it_is_tagged_dated_by_the_decision_and_says_its_language() -> None:
    reader = read("full")
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]  # type: ignore[index]
    assert root["/Lang"] == "en"
    assert reader.metadata is not None and reader.metadata.creation_date is not None
    assert reader.metadata.title == "Fine-tune: Route support messages"
    assert reader.metadata.creation_date.date() == full_decision().generated_at.date()
    assert b"pdfuaid" in reader.trailer["/Root"]["/Metadata"].get_data()  # type: ignore[index]


def test_charts_say_what_they_show() -> None:
    reader = read("full")

    def descriptions(node: object, found: list[str]) -> list[str]:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, dict):
            if "/Alt" in node:
                found.append(str(node["/Alt"]))
            descriptions(node.get("/K", []), found)
        elif isinstance(node, list):
            for child in node:
                descriptions(child, found)
        return found

    found = descriptions(reader.trailer["/Root"]["/StructTreeRoot"], [])  # type: ignore[index]
    assert any("per 1,000 requests" in squeezed(a) or "1,000" in a for a in found)
    assert len(found) >= 6


def test_its_fonts_come_with_it() -> None:
    fonts = set()
    for page in read("full").pages:
        for font in page["/Resources"].get("/Font", {}).values():  # type: ignore[union-attr]
            fonts.add(str(font.get_object()["/BaseFont"]).partition("+")[2])
    assert fonts
    assert all(f.startswith(("SourceSansPro", "DejaVuSansMono", "LibertinusSerif", "NewCM")) for f in fonts)


def test_characters_that_no_font_has_are_confessed() -> None:
    full = full_decision()
    d = full.model_copy(update={"facts": full.facts.model_copy(update={"title": "客服消息"})})
    first = squeezed(PdfReader(io.BytesIO(render_pdf(d))).pages[0].extract_text())
    assert squeezed("are in none of its fonts and are shown as boxes") in first


def test_pages_can_be_had_as_pictures() -> None:
    pages = render_pages(sparse_decision(), ppi=40)
    assert len(pages) == len(PdfReader(io.BytesIO(render_pdf(sparse_decision()))).pages)
    assert all(p.startswith(b"\x89PNG") for p in pages)


def test_the_template_takes_texts_from_data_alone() -> None:
    template = (files("advisor.reports") / "templates" / "report.typ").read_text(encoding="utf-8")
    assert "eval(" not in template
    content = pdf._content(hostile_decision(), pdf.build(hostile_decision(), CONTEXT), False)
    assert json.loads(json.dumps(content)) == content


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"advisor\[pdf\]"):
        render_pdf(sparse_decision())


def test_a_folder_of_fonts_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pdf.FONTS_ENV, "/nowhere/at/all")
    with pytest.raises(AdvisorError, match="is no folder"):
        render_pdf(sparse_decision())


def test_a_decision_of_any_kind_can_be_set() -> None:
    full = full_decision()
    for word in ("fine_tune", "do_not_fine_tune", "not_yet"):
        d: Decision = full.model_copy(update={"verdict": full.verdict.model_copy(update={"decision": word})})
        assert render_pdf(d).startswith(b"%PDF")
