"""Reading a table that somebody brings: CSV of any make, JSON Lines, or an Excel workbook.

The first row that holds anything names the columns. Rows keep the numbers that the spreadsheet program shows, so that
a problem can be found there. Nothing in a file is executed: a formula is its stored value, or its text.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import JsonValue

from advisor.cases._workbook import MAX_COLUMNS, MAX_ROWS, read_workbook
from advisor.errors import CaseError, Problem, first_of

MAX_FILE_BYTES = 100_000_000
FORMATS = ("csv", "tsv", "txt", "jsonl", "ndjson", "xlsx")
"""How names of files end that are read."""
ENCODINGS = ("utf-8", "utf-16", "cp1252", "cp1250", "cp1251", "mac_roman")
"""Encodings to choose from where the letters look wrong."""
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_SNIFFED_CHARACTERS = 200_000
_SNIFFED_RECORDS = 200
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")

Records = Iterable[tuple[int, Sequence[JsonValue]]]
"""(number of the row, its cells)."""


@dataclass(frozen=True)
class Row:
    """One row: the number that a spreadsheet program shows, and a value for each column."""

    number: int
    values: tuple[JsonValue, ...]


@dataclass(frozen=True)
class Table:
    """What a file holds. An empty cell is None; texts are as they were written."""

    name: str
    """The file's name, without folders."""
    columns: tuple[str, ...]
    """Names, no two alike."""
    rows: tuple[Row, ...]
    """Those that hold anything."""
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    """The sheets of a workbook."""
    notes: tuple[str, ...] = field(default=())
    """What was decided while reading, in sentences."""

    def column(self, name: str) -> list[JsonValue]:
        """The values of a column, by row.

        Raises:
            KeyError: There is no such column.
        """
        if name not in self.columns:
            raise KeyError(name)
        at = self.columns.index(name)
        return [row.values[at] for row in self.rows]


def read_table(
    content: bytes,
    name: str,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Table:
    """Reads a table from a file's content.

    Args:
        content: The file.
        name: Its name, which tells the format. Folders in it do not count.
        sheet: The sheet of a workbook; by default the first.
        encoding: Of a text file; by default what its first bytes say, else UTF-8, else Windows-1252.
        delimiter: Of a CSV file; by default the one that cuts all rows alike.

    Raises:
        CaseError: It cannot be read, is too large, or holds no rows; with what to do.
    """
    name = PurePosixPath(name.replace("\\", "/")).name or "file"
    path = Path(name)
    if len(content) > MAX_FILE_BYTES:
        raise _wrong(
            path, f"has {len(content):,} bytes; {MAX_FILE_BYTES:,} are allowed. Bring a part of its rows"
        )
    if not content.strip():
        raise _wrong(path, "is empty")
    suffix = path.suffix.lower().lstrip(".")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise _wrong(
            path, "is an old workbook (.xls), or one with a password; save it as .xlsx without a password"
        )
    if suffix == "xlsx" or content.startswith(b"PK\x03\x04"):
        found = read_workbook(content, path, sheet)
        return _table(path, found.rows, found.notes, sheet=found.sheet, sheets=found.sheets)
    if suffix not in FORMATS:
        raise _wrong(
            path, "has an unknown format; .csv, .jsonl and .xlsx are read. Save or export it as one of them"
        )
    text, notes = _decoded(content, path, encoding)
    if suffix in ("jsonl", "ndjson"):
        return _json_lines(path, text, notes)
    marked = re.match(r"sep=(.)\r?\n", text)  # as Excel writes for itself
    if marked:
        delimiter = delimiter or marked[1]
        text, skipped = text[marked.end() :], 1
    else:
        skipped = 0
    if delimiter is None:
        delimiter = _sniffed(text)
        if delimiter != ",":
            notes.append(f"Cells are separated by {DELIMITERS[delimiter]}s.")
    return _table(path, _csv_records(path, text, delimiter, skipped), notes)


def text_of(value: JsonValue) -> str:
    """A cell as text: numbers without a needless ".0", structures as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def _decoded(content: bytes, path: Path, encoding: str | None) -> tuple[str, list[str]]:
    """The text, and a note where its encoding was guessed."""
    if encoding is not None:
        if encoding not in ENCODINGS:
            raise _wrong(path, f"cannot be read as {encoding!r}; known are {', '.join(ENCODINGS)}")
        try:
            return content.decode(encoding).removeprefix("\ufeff"), [f"Read as {encoding}, as you chose."]
        except UnicodeDecodeError:
            raise _wrong(path, f"is not {encoding}; choose another encoding") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        guess = "utf-16"
    else:
        # Latin text in UTF-16 has a zero in every other byte, whether it is marked or not
        start = content[:2000]
        even, odd = start[::2].count(0), start[1::2].count(0)
        wide = max(even, odd) > 0.3 * len(start) / 2 and min(even, odd) < 0.1 * len(start) / 2
        guess = ("utf-16-be" if even > odd else "utf-16-le") if wide else "utf-8-sig"
    try:
        text = content.decode(guess)
        return text, ["Read as UTF-16."] if guess.startswith("utf-16") else []
    except UnicodeDecodeError:
        pass
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        raise _wrong(
            path, "is neither UTF-8 nor Windows-1252; choose its encoding, or save it as UTF-8"
        ) from None
    return text, [
        "The file is not UTF-8; it was read as Windows-1252. If letters look wrong, choose another encoding."
    ]


def _sniffed(text: str) -> str:
    """The delimiter that cuts most rows into the same number of cells, and more than one."""
    sample = text[:_SNIFFED_CHARACTERS]
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        counts: list[int] = []
        try:
            for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
                if any(cell.strip() for cell in record):
                    counts.append(len(record))
                if len(counts) == _SNIFFED_RECORDS:
                    break
        except csv.Error:
            continue
        if not counts or counts[0] < 2:  # the header names the columns, so it is cut too
            continue
        # what is cut off in the middle of the sample does not count against it
        alike = sum(c == counts[0] for c in counts) / len(counts)
        score = alike + min(counts[0], 20) / 1000
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _csv_records(path: Path, text: str, delimiter: str, skipped: int) -> Records:
    csv.field_size_limit(MAX_FILE_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = skipped
    while True:
        number += (
            1  # a cell may have line breaks; the row's number is the record's, as a spreadsheet shows it
        )
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _wrong(path, f"is not valid CSV: {error}", number) from None
        yield number, [cell if cell.strip() else None for cell in record]


def _json_lines(path: Path, text: str, notes: list[str]) -> Table:
    columns: dict[str, None] = {}
    objects: list[tuple[int, dict[str, Any]]] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            problems.append(Problem(path, f"is not valid JSON: {reason}", number))
            continue
        if not isinstance(values, dict):
            problems.append(Problem(path, 'must be a JSON object, such as {"input": …, "output": …}', number))
            continue
        columns.update(dict.fromkeys(values))
        objects.append((number, values))
        if len(columns) > MAX_COLUMNS:
            problems.append(Problem(path, f"has more than {MAX_COLUMNS} different keys", number))
            break
    if problems:
        raise CaseError(first_of(problems, path))
    header: list[JsonValue] = list(columns)

    def records() -> Iterator[tuple[int, Sequence[JsonValue]]]:
        yield 0, header
        for number, values in objects:
            yield number, [_cell(values.get(c)) for c in columns]

    return _table(path, records(), notes)


def _cell(value: JsonValue) -> JsonValue:
    return None if isinstance(value, str) and not value.strip() else value


def _table(path: Path, records: Records, notes: Sequence[str], **about: Any) -> Table:
    """A table from records, of which the first that holds anything names the columns."""
    header: list[JsonValue] | None = None
    rows: list[Row] = []
    empty, width, problems = 0, 0, []
    for number, cells in records:
        if all(c is None for c in cells):
            empty += header is not None
            continue
        if len(cells) > MAX_COLUMNS and any(c is not None for c in cells[MAX_COLUMNS:]):
            raise _wrong(
                path, f"has more than {MAX_COLUMNS} columns; leave out those that are not needed", number
            )
        if header is None:
            header = list(cells)
            continue
        if len(rows) == MAX_ROWS:
            raise _wrong(path, f"has more than {MAX_ROWS:,} rows; bring a part of them", number)
        for c in cells:
            if isinstance(c, float) and not math.isfinite(c):
                problems.append(Problem(path, "holds a number that is not finite", number))
            elif isinstance(c, str) and _HALF_CHARACTER.search(c):
                problems.append(Problem(path, "holds half a character; type that cell again", number))
        rows.append(Row(number, tuple(cells)))
        width = max(width, _filled(cells))
    if problems:
        raise CaseError(first_of(problems, path))
    if header is None:
        raise _wrong(path, "holds nothing")
    if not rows:
        raise _wrong(
            path, "has one row only, which names the columns; bring the examples in the rows below it"
        )
    columns, more = _names(header, max(width, _filled(header)))
    n = len(columns)
    shaped = tuple(Row(row.number, (*row.values[:n], *[None] * (n - len(row.values)))) for row in rows)
    trailing = "" if not empty else f"{empty:,} empty rows were left out."
    return Table(
        name=path.name,
        columns=tuple(columns),
        rows=shaped,
        notes=tuple(n for n in (*notes, *more, trailing) if n),
        **about,
    )


def _names(header: list[JsonValue], width: int) -> tuple[list[str], list[str]]:
    """A name for each column, no two alike; and what had to be done for that."""
    plain = [" ".join(text_of(c).split()) for c in [*header, *[None] * width][:width]]
    taken = Counter(plain)
    notes: list[str] = []
    names: list[str] = []
    seen: set[str] = set()
    for place, name in enumerate(plain, start=1):
        chosen = name or f"Column {place}"
        again = 2
        while chosen in seen or (chosen != name and chosen in taken):
            chosen = f"{name or f'Column {place}'} ({again})"
            again += 1
        if not name:
            notes.append(f"Column {place} has no name in the first row; it is called {chosen!r}.")
        elif chosen != name:
            notes.append(f"Two columns are called {name!r}; the later one is called {chosen!r} here.")
        seen.add(chosen)
        names.append(chosen)
    return names, notes


def _filled(cells: Sequence[JsonValue]) -> int:
    """The number of cells up to the last one that holds anything."""
    return next((i for i in range(len(cells), 0, -1) if cells[i - 1] is not None), 0)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _wrong(path: Path, what: str, row: int | None = None) -> CaseError:
    return CaseError([Problem(path, what, row)])
