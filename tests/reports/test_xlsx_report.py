"""The workbook of all items: texts stay texts, numbers stay numbers, whatever stands in them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import openpyxl
import pytest

from advisor.cases.schema import Example
from advisor.records import Failure, ItemResult, Measured, Usage
from advisor.reports.workbook import CUT, MOST_CHARACTERS, render_workbook
from tests.reports.decisions import HOSTILE, full_decision, hostile_decision, sparse_decision

SHEETS = ["Decision", "Items", "Questions", "Costs over time", "Assumptions", "Notes"]
FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://evil.example","x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "{=1}",
    "\t=1",
    "_x0041_",
    "007",
]


def measured(answers: list[str | None]) -> tuple[Measured, ...]:
    items = [
        ItemResult(
            id=f"h{k}",
            answer=answer,
            scores={} if answer is None else {"accuracy": 1.0},
            failure=Failure(error="timeout", message="too slow") if answer is None else None,
            usage=Usage(input=112, cached_input=61, output=3),
            latency_s=0.25,
        )
        for k, answer in enumerate(answers)
    ]
    return (Measured(name="few_shot", kind="few_shot", model="small", items=items),)  # type: ignore[arg-type]


def examples(inputs: list[str]) -> tuple[Example, ...]:
    return tuple(Example(id=f"h{k}", input=text, output={"a": 1}, group="g") for k, text in enumerate(inputs))


def book(answers: list[str | None], decision: Any = None) -> openpyxl.Workbook:
    shown = [a or "" for a in answers]
    content = render_workbook(decision or full_decision(), measured(answers), examples(shown))
    return openpyxl.load_workbook(io.BytesIO(content))


def rows(sheet: Any) -> list[tuple[Any, ...]]:
    return list(sheet.iter_rows(values_only=True))


def test_it_has_its_sheets_with_headers_that_stay_and_can_be_filtered() -> None:
    found = book(["refund"])
    assert found.sheetnames == SHEETS
    for name in SHEETS[1:]:
        assert found[name].freeze_panes == "B2"
        assert found[name].auto_filter.ref
    assert "Fine-tune: Route support messages" in str(rows(found["Decision"])[0][0])


def test_an_item_stands_with_its_answer_score_tokens_latency_and_failure() -> None:
    header, first, second = rows(book(["refund", None])["Items"])
    by_name = dict(zip(header, first, strict=True))
    assert (by_name["Item"], by_name["Group"], by_name["Input"], by_name["Expected"]) == (
        "h0",
        "g",
        "refund",
        '{"a": 1}',
    )
    assert by_name["few_shot: answer"] == "refund"
    assert by_name["few_shot: score (accuracy)"] == 1
    assert by_name["few_shot: input tokens"] == 112
    assert by_name["few_shot: latency (s)"] == 0.25
    assert by_name["few_shot: cost (USD)"] is None, "what is not known is empty, and no zero"
    failed = dict(zip(header, second, strict=True))
    assert failed["few_shot: failure"] == "timeout: too slow"
    assert failed["few_shot: score (accuracy)"] == 0
    assert failed["few_shot: answer"] is None


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_becomes_a_formula_a_link_or_a_number(text: str) -> None:
    sheet = book([text])["Items"]
    assert sheet["E2"].data_type == "s"
    # a spreadsheet reads _x005F_ as an underscore, so that _x0041_ is not read as A
    assert sheet["E2"].value.replace("_x005F_", "_") == text
    assert sheet["E2"].hyperlink is None


def test_a_file_with_hostile_text_holds_no_formula_no_link_and_no_macro() -> None:
    content = render_workbook(
        hostile_decision(), measured([HOSTILE, *FORMULAS]), examples([HOSTILE, *FORMULAS])
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            text = archive.read(name).decode()
            assert "<f>" not in text and "<hyperlink" not in text
            assert "vba" not in name and "externalLink" not in name
            assert "\x1b" not in text and "\x00" not in text and "\u202e" not in text
    shown = {c for s in openpyxl.load_workbook(io.BytesIO(content)) for row in rows(s) for c in row}
    assert any("\\x1b[31mred" in str(c) and "<script>alert(1)</script>" in str(c) for c in shown)


def test_characters_that_no_workbook_may_hold_are_written_out_or_replaced() -> None:
    value = book(["a\x00b\ud800c\u202ed\ufffee\uffff\U0001f600 f\ng"])["Items"]["E2"].value
    assert value == "a\\x00b\\ud800c\\u202ed\ufffde\ufffd\U0001f600 f\ng"


@pytest.mark.parametrize("text", ["w" * 40_000, "\U0001f600" * 20_000, "\x00" * 32_767, "w" * 32_767])
def test_a_text_that_is_too_long_is_cut_and_says_so(text: str) -> None:
    value = book([text])["Items"]["E2"].value
    assert len(value.encode("utf-16-le")) // 2 <= MOST_CHARACTERS
    assert value == text if text == "w" * 32_767 else value.endswith(CUT)


def test_it_says_of_each_column_what_it_is() -> None:
    notes = {str(r[0]): str(r[1]) for r in rows(book(["x"])["Notes"])}
    assert "Estimated" in notes and "Empty cells" in notes
    assert "never zero" in notes["Empty cells"]


def test_questions_and_costs_stand_in_it_as_numbers_and_texts() -> None:
    found = book(["x"])
    assert len(rows(found["Questions"])) == 11
    assert rows(found["Costs over time"])[0][:3] == ("Baseline", "Month", "Requests")
    table = rows(found["Decision"])
    at = next(i for i, r in enumerate(table) if r[0] == "Baseline")
    few_shot = next(r for r in table[at:] if r[0] == "few_shot")
    by_name = dict(zip(table[at], few_shot, strict=True))
    assert isinstance(by_name["Over 12 months (USD)"], float | int)


def test_the_least_that_a_decision_can_hold_makes_a_workbook_too() -> None:
    content = render_workbook(sparse_decision(), (), ())
    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == SHEETS
