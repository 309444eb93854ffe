"""A table that somebody brings is read as it is shown in a spreadsheet program, or refused in words."""

from __future__ import annotations

import io
import time
import zipfile
from typing import Any

import openpyxl
import pytest

from advisor.cases import _workbook, upload
from advisor.cases.upload import Table, read_table
from advisor.errors import CaseError


def workbook(*rows: list[Any], **sheets: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for name, more in sheets.items():
        other = book.create_sheet(name)
        for row in more:
            other.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def refused(content: bytes, name: str, **options: Any) -> str:
    with pytest.raises(CaseError) as error:
        read_table(content, name, **options)
    return str(error.value)


def cells(table: Table) -> list[tuple[Any, ...]]:
    return [row.values for row in table.rows]


TEXT = "message;queue\nWhere is my café order?;delivery\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("cp1252"),
        TEXT.replace("\n", "\r\n").encode("cp1252"),
        ("sep=;\n" + TEXT).encode(),
        TEXT.replace(";", "\t").encode(),
        TEXT.replace(";", "|").encode(),
        TEXT.replace(";", ",").encode(),
    ],
)
def test_a_csv_of_any_make_reads_the_same(content: bytes) -> None:
    table = read_table(content, "a.csv")
    assert table.columns == ("message", "queue")
    assert cells(table) == [("Where is my café order?", "delivery")]


def test_a_guessed_encoding_is_said_and_can_be_corrected() -> None:
    content = "сообщение,очередь\nГде заказ,доставка\n".encode("cp1251")
    assert any("Windows-1252" in note for note in read_table(content, "a.csv").notes)
    table = read_table(content, "a.csv", encoding="cp1251")
    assert cells(table) == [("Где заказ", "доставка")]


def test_rows_have_the_numbers_of_the_spreadsheet() -> None:
    table = read_table(b'q,a\n"two\nlines",x\n\n,\nfive,y\n', "a.csv")
    assert [row.number for row in table.rows] == [2, 5]
    assert table.rows[0].values == ("two\nlines", "x")
    assert "2 empty rows were left out." in table.notes


def test_in_a_workbook_too_and_blank_rows_above_the_header_do_not_matter() -> None:
    table = read_table(workbook([], [None], ["q", "a"], ["one", 1], [], ["two", 2.5]), "a.xlsx")
    assert table.columns == ("q", "a")
    assert [(r.number, r.values) for r in table.rows] == [(4, ("one", 1)), (6, ("two", 2.5))]


def test_columns_get_names_of_their_own() -> None:
    table = read_table(b"text,,text,text (2)\na,b,c,d\n", "a.csv")
    assert len(set(table.columns)) == 4
    assert table.columns[:2] == ("text", "Column 2")
    assert any("Two columns are called 'text'" in note for note in table.notes)
    assert cells(table) == [("a", "b", "c", "d")]


def test_a_formula_is_its_stored_value_or_its_text_and_never_run() -> None:
    content = workbook(["q", "a"], ["one", "=1+1"], ["two", '=HYPERLINK("http://x","y")'])
    table = read_table(content, "a.xlsx")
    assert cells(table) == [("one", "=1+1"), ("two", '=HYPERLINK("http://x","y")')]
    assert any("nothing was computed" in note for note in table.notes)
    stored = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stored, "w") as new:
        for part in old.infolist():
            text = old.read(part)
            if part.filename.endswith("sheet1.xml"):
                text = text.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>").replace(
                    b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>"
                )
                assert b"<v>2</v>" in text
            new.writestr(part, text)
    assert cells(read_table(stored.getvalue(), "a.xlsx"))[0] == ("one", 2)
    assert cells(read_table(b"q,a\none,=cmd|' /C calc'!A0\n", "a.csv")) == [("one", "=cmd|' /C calc'!A0")]


def test_merged_cells_are_pointed_out() -> None:
    book = openpyxl.Workbook()
    for row in (["q", "a"], ["one", "x"], ["two", None]):
        book.active.append(row)
    book.active.merge_cells("B2:B3")
    file = io.BytesIO()
    book.save(file)
    table = read_table(file.getvalue(), "a.xlsx")
    assert cells(table) == [("one", "x"), ("two", None)]
    assert any("merged (e.g. B2:B3)" in note for note in table.notes)


def test_a_sheet_can_be_named() -> None:
    content = workbook(["q", "a"], ["one", "x"], Other=[["q", "a"], ["two", "y"]])
    assert read_table(content, "a.xlsx").sheets == ("Sheet", "Other")
    assert cells(read_table(content, "a.xlsx", sheet="Other")) == [("two", "y")]
    assert "'Sheet', 'Other'" in refused(content, "a.xlsx", sheet="None")


def test_json_lines_keep_their_values_and_all_broken_lines_are_named() -> None:
    table = read_table(b'{"input": "a", "output": {"n": 1}}\n\n{"input": "b", "more": null}\n', "a.jsonl")
    assert table.columns == ("input", "output", "more")
    assert [(r.number, r.values) for r in table.rows] == [(1, ("a", {"n": 1}, None)), (3, ("b", None, None))]
    wrong = refused(b'{"a": 1}\n{"a": \n[1]\n{"a": NaN}\n', "a.jsonl")
    assert all(f"a.jsonl:{line}" in wrong for line in (2, 3, 4))


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.csv", "is empty"),
        (b"  \n", "a.csv", "is empty"),
        (b"q,a\n", "a.csv", "one row only"),
        (b"\xd0\xcf\x11\xe0rest", "a.xls", "save it as .xlsx without a password"),
        (b"PK\x03\x04rest", "a.xlsx", "not a readable workbook"),
        (b"%PDF-1.4", "a.pdf", "unknown format"),
        (b"q,a\n\x81\x8d,\xff\n", "a.csv", "choose its encoding"),
        (b'{"q": "\\ud800"}', "a.jsonl", "half a character"),
        (",".join(f"c{i}" for i in range(300)).encode() + b"\n1\n", "a.csv", "more than 200 columns"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(content: bytes, name: str, said: str) -> None:
    assert said in refused(content, name)


def test_folders_in_a_name_do_not_count() -> None:
    assert read_table(b"q,a\n1,2\n", "../../etc/x.csv").name == "x.csv"
    assert read_table(b"q,a\n1,2\n", "C:\\temp\\x.csv").name == "x.csv"


def test_too_large_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_FILE_BYTES", 10)
    assert "bytes" in refused(b"q,a\nlonger,than that\n", "a.csv")


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_ROWS", 3)
    assert "more than 3 rows" in refused(b"q\n" + b"x\n" * 4, "a.csv")
    monkeypatch.setattr(_workbook, "MAX_ROWS", 3)
    assert "more than 3 rows" in refused(workbook(["q"], *[["x"]] * 6), "a.xlsx")


def bomb(part: str, content: bytes) -> bytes:
    good, file = workbook(["q"], ["x"]), io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(good)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, content if entry.filename == part else old.read(entry))
        if part not in old.namelist():
            new.writestr(part, content)
    return file.getvalue()


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workbook, "MAX_UNPACKED_BYTES", 1_000_000)
    content = bomb("xl/media/image1.png", b"\0" * 5_000_000)
    assert len(content) < 50_000
    assert "would unpack to" in refused(content, "a.xlsx")


def test_entities_are_not_expanded() -> None:
    lol = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'
    assert "declares XML entities" in refused(bomb("xl/worksheets/sheet1.xml", lol), "a.xlsx")


@pytest.mark.parametrize(
    "cell",
    [
        '<row r="999999999999"><c r="A1"><v>1</v></c></row>',
        "".join(f'<row r="{n}"><c r="ZZZ{n}"/></row>' for n in (2, 3, 4)),
    ],
)
def test_a_sheet_that_claims_to_be_huge_ends_soon(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workbook, "MAX_CELLS", 20_000)
    sheet = (
        '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f'<sheetData><row r="1"><c r="A1"><v>1</v></c></row>{cell}</sheetData></worksheet>'
    ).encode()
    start = time.perf_counter()
    assert "too many cells" in refused(bomb("xl/worksheets/sheet1.xml", sheet), "a.xlsx")
    assert time.perf_counter() - start < 20


def test_fifty_thousand_rows_are_read_in_a_moment() -> None:
    rows = 50_000
    text = "q,a\n" + "".join(f"question number {i} about something,label {i % 7}\n" for i in range(rows))
    start = time.perf_counter()
    assert len(read_table(text.encode(), "a.csv").rows) == rows
    assert time.perf_counter() - start < 10
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("s")
    for i in range(rows + 1):
        sheet.append([f"question {i}", i % 7])
    file = io.BytesIO()
    book.save(file)
    start = time.perf_counter()
    assert len(read_table(file.getvalue(), "a.xlsx").rows) == rows
    assert time.perf_counter() - start < 60
