"""Reading an Excel workbook row by row, without trusting it: sizes are bounded before anything is unpacked."""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from advisor.errors import CaseError, Problem

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

MAX_ROWS = 200_000
MAX_COLUMNS = 200
MAX_UNPACKED_BYTES = 500_000_000
MAX_PARTS = 5_000
MAX_CELLS = 20_000_000
TALLEST = 1_048_576
"""Rows of a sheet; no spreadsheet program writes more."""
_BLOCK = 1 << 20
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z0-9:$]{1,20})"')


@dataclass(frozen=True)
class Sheet:
    """A sheet's rows as plain values, and what a reader should know."""

    sheet: str
    sheets: tuple[str, ...]
    rows: list[tuple[int, list[JsonValue]]]
    notes: list[str]


def read_workbook(content: bytes, path: Path, sheet: str | None) -> Sheet:
    """The values of a sheet: of formulas what the spreadsheet program stored last, else their text.

    Raises:
        CaseError: It is no workbook, would unpack to too much, or has no such sheet.
    """
    import openpyxl

    merged = _checked(content, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which do not matter here
            book = openpyxl.load_workbook(
                io.BytesIO(content), read_only=True, data_only=False, keep_links=False
            )
            try:
                sheets = tuple(w.title for w in book.worksheets)
                if not sheets:
                    raise _wrong(path, "has no sheet with cells")
                chosen = sheets[0] if sheet is None else sheet
                if chosen not in sheets:
                    raise _wrong(path, f"has no sheet {chosen!r}; it has {', '.join(map(repr, sheets))}")
                rows, formulas = _rows(book, chosen, path)
            finally:
                book.close()
            notes = []
            if formulas:
                stored = _stored(content, chosen, formulas, path)
                lost = 0
                for row, column in formulas:
                    value = stored.get((row, column))
                    if value is None:
                        lost += 1
                    else:
                        rows[row][column] = value
                notes.append(
                    f"{len(formulas):,} cells are formulas: their last stored values were taken, nothing was computed."
                )
                if lost:
                    notes.append(
                        f"{lost:,} of them have no stored value; the formula's text stands in its place."
                    )
    except CaseError:
        raise
    except Exception as error:
        raise _wrong(
            path, f"is not a readable workbook ({type(error).__name__}); save it as .xlsx again"
        ) from error
    if len(sheets) > 1:
        notes.append(f"Sheet {chosen!r} was read, of {len(sheets)}.")
    if merged:
        notes.append(
            f"Cells are merged (e.g. {merged[0]}): only the first cell of such a block has its value, the others are "
            "empty."
        )
    return Sheet(chosen, sheets, list(rows.items()), notes)


def _rows(book: Workbook, sheet: str, path: Path) -> tuple[dict[int, list[JsonValue]], list[tuple[int, int]]]:
    rows: dict[int, list[JsonValue]] = {}
    formulas: list[tuple[int, int]] = []
    seen = 0
    for number, cells in enumerate(_cells(book, sheet), start=1):
        seen += len(cells)
        if seen > MAX_CELLS or number > TALLEST:
            raise _wrong(
                path, "has too many cells, most of them empty; copy what matters to a new sheet", number
            )
        values: list[JsonValue] = []
        last = 0
        for place, cell in enumerate(cells):
            raw = cell.value
            value = None if raw is None else _plain(raw)
            if value is not None:
                last = place + 1
                if cell.data_type == "f":
                    formulas.append((number, place))
            values.append(value)
        if last:
            rows[number] = values[:last]
            if len(rows) > MAX_ROWS + 1:
                raise _wrong(path, f"has more than {MAX_ROWS:,} rows; bring a part of them", number)
            if last > MAX_COLUMNS:
                what = f"has more than {MAX_COLUMNS} columns; leave out those that are not needed"
                raise _wrong(path, what, number)
    return rows, formulas


def _stored(
    content: bytes, sheet: str, formulas: Sequence[tuple[int, int]], path: Path
) -> dict[tuple[int, int], JsonValue]:
    """What the spreadsheet program computed last, for the cells that are formulas."""
    import openpyxl

    wanted = set(formulas)
    rows = {row for row, _ in formulas}
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    try:
        return {
            (number, place): _plain(cell.value)
            for number, cells in enumerate(_cells(book, sheet), start=1)
            if number in rows
            for place, cell in enumerate(cells)
            if (number, place) in wanted and cell.value is not None
        }
    finally:
        book.close()


def _cells(book: Workbook, sheet: str) -> Iterator[tuple[Any, ...]]:
    worksheet: Any = book[sheet]
    worksheet.reset_dimensions()  # what a file says of its own size may be wrong
    yield from worksheet.iter_rows()


def _plain(value: Any) -> JsonValue:
    """A cell's value as JSON has it; dates in ISO form."""
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, dt.datetime):
        return (value.date() if value.time() == dt.time() else value).isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    text = getattr(value, "text", None)  # an array formula
    words = text if isinstance(text, str) else str(value)
    return words if words.strip() else None


def _checked(content: bytes, path: Path) -> list[str]:
    """Makes sure that a workbook is one, and unpacks to a bounded size; returns its merged cells.

    An entry is never unpacked beyond the size that the archive states for it, so the stated sizes bound it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            total = sum(p.file_size for p in parts)
            if len(parts) > MAX_PARTS or total > MAX_UNPACKED_BYTES:
                what = (
                    f"would unpack to {total:,} bytes in {len(parts):,} parts; {MAX_UNPACKED_BYTES:,} bytes and "
                    f"{MAX_PARTS:,} parts are allowed. Save the sheet that matters as .csv"
                )
                raise _wrong(path, what)
            if any(p.flag_bits & 0x1 for p in parts):
                raise _wrong(path, "is protected by a password; save it without one")
            if not any(p.filename == "[Content_Types].xml" for p in parts):
                raise _wrong(path, "is a zip archive but no workbook; bring the file that is inside")
            merged: list[str] = []
            for part in parts:
                if part.filename.lower().endswith((".xml", ".rels")):
                    merged += _scanned(archive, part, path)
            return merged
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError) as error:
        raise _wrong(path, "is not a readable workbook; save it as .xlsx again") from error


def _scanned(archive: zipfile.ZipFile, part: zipfile.ZipInfo, path: Path) -> list[str]:
    """Refuses what no spreadsheet program writes: document types, with which entities could multiply."""
    merged: list[str] = []
    tail = b""
    with archive.open(part) as file:
        first = True
        while block := file.read(_BLOCK):
            if first and not block.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
                raise _wrong(
                    path, f"has a part that is not plain XML ({part.filename!r}); save it as .xlsx again"
                )
            first = False
            text = tail + block
            if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                raise _wrong(path, "declares XML entities, which no spreadsheet program does; it is not read")
            if not merged:
                merged = [m.decode() for m in _MERGED.findall(text)]
            tail = block[-100:]
    return merged


def _wrong(path: Path, what: str, row: int | None = None) -> CaseError:
    return CaseError([Problem(path, what, row)])
