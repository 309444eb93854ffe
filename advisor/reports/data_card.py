"""A case's data card (README.md) as blocks: its headings, lists, tables and text; never its markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from advisor.reports.document import Block, Bullets, Code, Heading, Paragraph, Span, Style, Table, Text

MOST_CHARACTERS = 20_000
"""What lies beyond is left out, and said to be."""
_STYLES: dict[str, Style] = {"strong_open": "strong", "em_open": "emphasis"}


def card_blocks(card: str) -> list[Block]:
    """The data card as blocks; HTML in it is text, and a link is its words and its address."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    blocks = list(_blocks(parser.parse(card[:MOST_CHARACTERS])))
    if len(card) > MOST_CHARACTERS:
        cut = f"The card goes on for {len(card) - MOST_CHARACTERS:,} more characters; see README.md of the case."
        blocks.append(Paragraph(text=(Span(text=cut, style="emphasis"),)))
    return blocks


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    """Blocks in order; lists within lists become one list, as depth is lost in no information."""
    items: list[Text] = []
    rows: list[list[Text]] = []
    context: list[str] = []
    for token in tokens:
        kind = token.type
        if kind.endswith("_open"):
            context.append(kind.removesuffix("_open"))
            if kind == "tr_open":
                rows.append([])
        elif kind.endswith("_close"):
            closed = context.pop()
            if closed in ("bullet_list", "ordered_list") and items and not _in_list(context):
                yield Bullets(items=tuple(items))
                items = []
            elif closed == "table" and rows:
                yield _table(rows)
                rows = []
        elif kind == "inline":
            words = _spans(token.children or [])
            if "table" in context:
                rows[-1].append(words)
            elif _in_list(context):
                items.append(words)
            elif words:
                # the card's own headings stand below the section's
                yield Heading(text=words, level=4) if "heading" in context else Paragraph(text=words)
        elif kind in ("fence", "code_block", "html_block"):
            if items:
                yield Bullets(items=tuple(items))
                items = []
            yield Code(lines=tuple(token.content.rstrip("\n").split("\n")))


def _in_list(context: Sequence[str]) -> bool:
    return "list_item" in context


def _table(rows: list[list[Text]]) -> Table:
    width = max(map(len, rows))
    full = [(*row, *[(Span(text=""),)] * (width - len(row))) for row in rows]
    header = tuple("".join(s.text for s in cell) for cell in full[0])
    return Table(title="From the data card", header=header, rows=tuple(full[1:]))


def _spans(tokens: Sequence[Token]) -> Text:
    found: list[Span] = []
    style: list[Style] = [""]
    address = ""
    for token in tokens:
        if token.type in _STYLES:
            style.append(_STYLES[token.type])
        elif token.type in ("strong_close", "em_close"):
            style.pop()
        elif token.type == "link_open":
            address = str(token.attrGet("href") or "")
        elif token.type == "link_close":
            if address and address not in "".join(s.text for s in found):
                found.append(Span(text=f" ({address})"))
        elif token.type == "code_inline":
            found.append(Span(text=token.content, style="code"))
        elif token.type in ("softbreak", "hardbreak"):
            found.append(Span(text=" "))
        elif token.content:
            found.append(Span(text=token.content, style=style[-1]))
    return tuple(found)
