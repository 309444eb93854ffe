"""The decision report as GitHub-flavoured Markdown: what the HTML report says, without its charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from advisor.formatting import badge, clean, one_line
from advisor.records import Decision
from advisor.reports.context import ReportContext
from advisor.reports.document import (
    Asked,
    Block,
    Bullets,
    Code,
    Document,
    Heading,
    Notice,
    Paragraph,
    Quote,
    Section,
    Span,
    Table,
    Text,
)
from advisor.reports.escaping import code as code
from advisor.reports.escaping import escaped as escaped
from advisor.reports.escaping import inline
from advisor.reports.sections import build


def render_markdown(decision: Decision, context: ReportContext | None = None) -> str:
    """The report of a decision as Markdown."""
    document = build(decision, context, drawn=())
    parts = [_front(document), *map(_section, document.evidence), *map(_section, document.appendix)]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _front(document: Document) -> list[str]:
    page = document.front
    lines = [
        f"# {page.word}: {escaped(document.title)}",
        "",
        escaped(document.use_case),
        "",
        f"Case {code(document.case)} · {document.date} · {escaped(document.about)}",
        "",
        f"**{escaped(page.sentence)}**",
        "",
        *_table(
            ("", "", ""), [(escaped(t.label), f"**{escaped(t.value)}**", escaped(t.note)) for t in page.tiles]
        ),
    ]
    for title, texts in (
        ("Why", page.reasons),
        ("Mind", page.mind),
        ("What is at stake", page.stake),
        ("What would turn it", page.turns),
        ("What is missing", page.missing),
        ("Next steps", page.steps),
    ):
        if texts:
            lines += ["", f"**{title}**", "", *_bullets(texts)]
    for note in page.notes:
        lines += ["", f"*{escaped(note)}*"]
    return lines


def _section(section: Section) -> list[str]:
    drawn = [lines for block in section.blocks if (lines := _block(block))]
    if not drawn:  # nothing but charts
        return []
    return [f"## {escaped(section.title)}", *(line for lines in drawn for line in ("", *lines))]


def _block(block: Block) -> list[str]:
    """A block's lines; none for a chart, whose figures stand in the tables."""
    match block:
        case Heading():
            return [f"{'#' * block.level} {_text(block.text)}"]
        case Paragraph():
            return [_text(block.text)]
        case Bullets():
            return [f"- {_text(item)}" for item in block.items]
        case Table():
            header = tuple(escaped(h) for h in block.header)
            rows = [[_text(cell) for cell in row] for row in block.rows]
            if block.marked is not None:
                rows[block.marked][0] = f"**{rows[block.marked][0]}**"
            return _table(header, rows, right_from=block.right_from)
        case Quote():
            return [f"> {escaped(line)}".rstrip() for line in clean(block.text).split("\n")]
        case Code():
            return [f"    {clean(line)}" for line in block.lines]
        case Notice():
            return ["> [!WARNING]", *(f"> - {_text(item)}" for item in block.items)]
        case Asked():
            return _asked(block)
        case _:
            return []


def _asked(q: Asked) -> list[str]:
    return [
        f"### {q.number}. {escaped(q.question)}",
        "",
        f"*{escaped(q.section)}.* **{q.word}.** {escaped(q.summary)}",
        "",
        *(f"- {badge(kind)}: {escaped(words)}" for kind, words in q.evidence),
        *([""] if q.evidence else []),
        f"What would change it: {escaped(q.would_change)}",
    ]


def _text(words: Text) -> str:
    """A text in one line, its pieces escaped; what would begin a list or a heading does so at its start alone."""
    return "".join(_span(span, start=i == 0) for i, span in enumerate(words)).strip()


def _span(span: Span, *, start: bool) -> str:
    if span.style == "code":
        return code(span.text)
    inner = escaped(span.text) if start else inline(one_line(span.text))
    sign = {"strong": "**", "emphasis": "*"}.get(span.style, "")
    # signs of emphasis must touch their words, so white space stands outside of them
    before, after = (" " if span.text[:1].isspace() else ""), (" " if span.text[-1:].isspace() else "")
    return f"{before}{sign}{inner}{sign}{after}" if inner else before


def _bullets(texts: Iterable[str]) -> list[str]:
    return [f"- {escaped(text)}" for text in texts]


def _table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, right_from: int | None = None
) -> list[str]:
    """A table of cells that are escaped already; columns from `right_from` on stand to the right."""
    rule = ["---:" if right_from is not None and i >= right_from else "---" for i in range(len(header))]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]
