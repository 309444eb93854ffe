"""A report as blocks of text, tables and charts: what Markdown, HTML and PDF are written from.

A block holds text, never markup: whoever renders it escapes it for its form, or hands it over as data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from advisor.records import AnswerWord, DecisionWord, EvidenceKind, Record

Style = Literal["", "strong", "emphasis", "code"]


class Span(Record):
    """A piece of text, and how it is set."""

    text: str
    style: Style = ""


Text = tuple[Span, ...]


class Heading(Record):
    """A heading inside a section."""

    type: Literal["heading"] = "heading"
    text: Text
    level: int = 3


class Paragraph(Record):
    """A paragraph; `muted` says what a table or a chart is about."""

    type: Literal["paragraph"] = "paragraph"
    text: Text
    muted: bool = False


class Bullets(Record):
    """A list without order."""

    type: Literal["bullets"] = "bullets"
    items: tuple[Text, ...]


class Table(Record):
    """A table with one row of headers; the first column names the row."""

    type: Literal["table"] = "table"
    title: str = ""
    """What it shows, for who cannot see it."""
    header: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    right_from: int | None = None
    """The first of the columns that hold numbers."""
    marked: int | None = None
    """A row that stands out: the recommended baseline's."""


class Figure(Record):
    """A chart, by its id in `charts.CHARTS`."""

    type: Literal["figure"] = "figure"
    chart: str
    title: str
    description: str


class Quote(Record):
    """Somebody else's words, with their line breaks."""

    type: Literal["quote"] = "quote"
    text: str


class Code(Record):
    """Lines to be typed, or shown as they are."""

    type: Literal["code"] = "code"
    lines: tuple[str, ...]


class Notice(Record):
    """What must not be overlooked."""

    type: Literal["notice"] = "notice"
    items: tuple[Text, ...]


class Asked(Record):
    """One of the lesson's questions with its answer."""

    type: Literal["asked"] = "asked"
    number: int
    section: str
    question: str
    answer: AnswerWord
    word: str
    summary: str
    evidence: tuple[tuple[EvidenceKind, str], ...]
    would_change: str


Block = Annotated[
    Heading | Paragraph | Bullets | Table | Figure | Quote | Code | Notice | Asked,
    Field(discriminator="type"),
]


class Section(Record):
    """A part of the report with its heading."""

    id: str
    title: str
    blocks: tuple[Block, ...]


class Tile(Record):
    """One of the few figures that carry a verdict."""

    label: str
    value: str
    note: str


class FrontPage(Record):
    """What the decision-maker reads: one page."""

    decision: DecisionWord
    word: str
    sentence: str
    tiles: tuple[Tile, ...]
    reasons: tuple[str, ...]
    stake: tuple[str, ...] = ()
    """The money at stake."""
    mind: tuple[str, ...] = ()
    """Dangers that whoever follows the verdict must know."""
    turns: tuple[str, ...] = ()
    """What would turn the verdict, the nearest first."""
    missing: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    """What to do next."""
    notes: tuple[str, ...] = ()
    """That the run stopped early, what to use meanwhile, and whether it was signed off."""
    figure: Figure | None = None


class Document(Record):
    """A whole report."""

    case: str
    title: str
    use_case: str
    about: str
    """Case, day and sizes in one line."""
    date: str
    front: FrontPage
    evidence: tuple[Section, ...]
    appendix: tuple[Section, ...]
    """Method, data, configuration, prices, provenance."""


def text(*pieces: str | Span) -> Text:
    """A text of plain and set pieces."""
    return tuple(Span(text=p) if isinstance(p, str) else p for p in pieces)


def code(name: str) -> Span:
    """A name as it is typed."""
    return Span(text=name, style="code")


def strong(words: str) -> Span:
    """Words that stand out."""
    return Span(text=words, style="strong")


def paragraph(*pieces: str | Span, muted: bool = False) -> Paragraph:
    """A paragraph of plain and set pieces."""
    return Paragraph(text=text(*pieces), muted=muted)


def bullets(lines: Iterable[str | Text]) -> Bullets:
    """A list of plain lines, or of set ones."""
    return Bullets(items=tuple(text(line) if isinstance(line, str) else line for line in lines))


def heading(words: str | Text) -> Heading:
    """A heading inside a section."""
    return Heading(text=text(words) if isinstance(words, str) else words)


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str | Span | Text]],
    *,
    title: str = "",
    right_from: int | None = None,
    marked: int | None = None,
) -> Table:
    """A table of plain and set cells."""
    return Table(
        title=title,
        header=tuple(header),
        rows=tuple(tuple(_cell(c) for c in row) for row in rows),
        right_from=right_from,
        marked=marked,
    )


def facts(title: str, rows: Iterable[tuple[str, str | Span | Text]]) -> Table:
    """Names and values in two columns."""
    return table(("", ""), rows, title=title)


def plain(words: Text) -> str:
    """The text alone."""
    return "".join(s.text for s in words)


def _cell(cell: str | Span | Text) -> Text:
    return (cell,) if isinstance(cell, Span) else text(cell) if isinstance(cell, str) else cell
