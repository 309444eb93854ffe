"""The decision report as PDF, for a meeting: A4, tagged for screen readers, charts as vectors, the same bytes again.

Typst sets it. Every text is handed over in a JSON file and never becomes a part of the markup; fonts come with the
packages of the extra `pdf`, and nothing is fetched. `ADVISOR_PDF_FONTS` may name a folder of further fonts, for scripts
that those do not have.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import AdvisorError, MissingExtraError
from advisor.formatting import clean, one_line, set_text, shortened
from advisor.records import Decision
from advisor.reports import charts
from advisor.reports.context import ReportContext
from advisor.reports.document import (
    Block,
    Document,
    FrontPage,
    Quote,
    Section,
    Table,
    bullets,
    heading,
    plain,
)
from advisor.reports.sections import build
from advisor.reports.sections.front import REPORT_CHARTS
from advisor.version import __version__

if TYPE_CHECKING:
    pass

SANS = "Source Sans Pro"
MONO = "DejaVu Sans Mono"  # comes with Typst
FONTS_ENV = "ADVISOR_PDF_FONTS"
_FONT_FILES = ("Regular", "Semibold", "Bold", "It", "SemiboldIt", "BoldIt")
_TEMPLATE = "report.typ"

FRONT_LINE = 240
"""Characters of a line on the first page; where it is longer, all of it stands in the evidence."""
FRONT_LINES = {"reasons": 6, "mind": 2, "stake": 3, "turns": 4, "missing": 6, "steps": 4, "notes": 3}
SHORT = 30
"""Characters up to which a column of a table is as wide as what stands in it."""
ROOM = 135
"""Characters that a row of a table holds, about."""
LONGEST_WORD = 16
"""Characters after which a word may be broken, so that no column is wider than its page."""
_WORDS = {"type", "chart", "style", "decision", "answer"}
"""Keys whose values the template compares, and does not show."""
_LACKING = (
    "Some characters of this report are in none of its fonts and are shown as boxes. The HTML report shows them; "
    f"{FONTS_ENV} may name a folder of fonts for the PDF."
)


def require_typst() -> None:
    """Makes sure that PDFs can be made.

    Raises:
        MissingExtraError: What makes them is not installed.
    """
    if find_spec("typst") is None or find_spec("font_source_sans_pro") is None:
        raise MissingExtraError("A PDF report", "pdf")


def render_pdf(decision: Decision, context: ReportContext | None = None) -> bytes:
    """The report of a decision as a PDF (PDF/UA-1, unless a character is in no font).

    Raises:
        MissingExtraError: What makes PDFs is not installed.
        AdvisorError: It could not be set.
    """
    pages = _compiled(decision, context, "pdf", 0)
    return pages[0]


def render_pages(decision: Decision, context: ReportContext | None = None, *, ppi: int = 96) -> list[bytes]:
    """The pages of the same report as PNG pictures.

    Raises:
        MissingExtraError: What makes PDFs is not installed.
        AdvisorError: It could not be set.
    """
    return _compiled(decision, context, "png", ppi)


def _compiled(decision: Decision, context: ReportContext | None, format: str, ppi: int) -> list[bytes]:
    require_typst()
    import typst

    with tempfile.TemporaryDirectory(prefix="advisor-pdf-") as scratch:
        root = Path(scratch)
        document = build(decision, context, _write_charts(decision, root / "charts"))
        template = files("advisor.reports") / "templates" / _TEMPLATE
        (root / _TEMPLATE).write_bytes(template.read_bytes())
        fonts = _fonts(root / "fonts")
        for lacking in (False, True):
            content = _content(decision, document, lacking)
            (root / "report.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
            try:
                return _run(typst, root, fonts, format, ppi, decision, standard=not lacking)
            except typst.TypstError as error:
                # a character without a glyph is against the standard for accessible documents
                if lacking or "could not be displayed" not in f"{error} {error.diagnostic}":
                    raise AdvisorError(
                        f"The PDF could not be set: {one_line(str(error))}",
                        hint="Write it as HTML, and tell us: this is a fault of the product.",
                    ) from error
    raise AssertionError("unreachable")


def _run(
    engine: Any,
    root: Path,
    fonts: list[str],
    format: str,
    ppi: int,
    decision: Decision,
    *,
    standard: bool,
) -> list[bytes]:
    options: dict[str, Any] = {
        "root": str(root),
        "font_paths": fonts,
        "ignore_system_fonts": True,
        "format": format,
        "timestamp": int(decision.generated_at.timestamp()),
        # packages would be fetched; there are none
        "package_path": str(root / "none"),
        "package_cache_path": str(root / "none"),
    }
    if format == "pdf":
        options["pdf_standards"] = ["ua-1"] if standard else []
    else:
        options["ppi"] = float(ppi)
    made = engine.compile(str(root / _TEMPLATE), **options)
    return list(made) if isinstance(made, list) else [made]


def _fonts(folder: Path) -> list[str]:
    """Folders with the fonts to use: our own few files, and those that the user names."""
    import font_source_sans_pro

    folder.mkdir()
    there = Path(str(font_source_sans_pro.__file__)).parent / "files"
    for name in _FONT_FILES:
        shutil.copy(there / f"SourceSansPro-{name}.ttf", folder)
    own = os.environ.get(FONTS_ENV)
    if own and not Path(own).is_dir():
        raise AdvisorError(
            f"{FONTS_ENV} is no folder: {own}", hint="Name a folder with .ttf or .otf files, or unset it."
        )
    return [str(folder), *([own] if own else [])]


def _further_families() -> list[str]:
    """Families of the user's own fonts, to fall back on."""
    import typst

    own = os.environ.get(FONTS_ENV)
    if not own:
        return []
    found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[own])
    return [f for f in found.families() if f not in (SANS, MONO)]


def _write_charts(decision: Decision, folder: Path) -> list[str]:
    """The charts as SVG, in the report's font; returns which there are."""
    folder.mkdir()
    drawn = []
    for name in REPORT_CHARTS:
        _, draw = charts.CHARTS[name]
        with charts.unchecked():
            chart = draw(decision, theme=charts.LIGHT, width=charts.WIDE)
            svg = None if chart is None else charts.to_svg(chart, name)
        if svg is not None:
            svg = re.sub(r'font-family="[^"]*"', f'font-family="{SANS}, {MONO}"', svg)
            svg = svg.replace('font-weight="500"', 'font-weight="400"')  # a weight that it does not have
            (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
            drawn.append(name)
    return drawn


def _content(decision: Decision, document: Document, lacking: bool) -> dict[str, Any]:
    """The document as the template reads it: cleaned, long words breakable, the front page cut to its size."""
    front, cut = _cut(document.front)
    head = {
        "title": shortened(document.title, 160),
        "use_case": shortened(document.use_case, 400),
        "about": shortened(f"Case {document.case} · {document.about}", 300),
    }
    told = (document.title, document.use_case, f"Case {document.case} · {document.about}")
    cut = cut or any(one_line(whole) != head[k] for k, whole in zip(head, told, strict=True))
    whole = (_in_full(document.front, told),) if cut else ()
    day = decision.generated_at
    page = front.model_dump(mode="json") | {"use_case": head["use_case"]}
    page["notes"] = [*page["notes"], *([_LACKING] if lacking else [])]
    content = {
        **document.model_dump(mode="json", exclude={"front", "evidence", "appendix"}),
        "front": page,
        "title": head["title"],
        "about": head["about"],
        "running": shortened(f"{document.case} · {document.front.word}", 90),
        "footer": f"advisor {__version__}{f' · run {shortened(decision.run, 60)}' if decision.run else ''}",
        "evidence": [_section(s) for s in (*whole, *document.evidence)],
        "appendix": [_section(s) for s in document.appendix],
    }
    fixed = {
        "day": [day.year, day.month, day.day],
        "fonts": [SANS, MONO, "Libertinus Serif", "New Computer Modern", *_further_families()],
        "mono": [MONO, SANS, "Libertinus Serif", *_further_families()],
    }
    return {**_breakable(content), **fixed}


def _cut(front: FrontPage) -> tuple[FrontPage, bool]:
    """The front page with few and short lines, and whether something was left out."""
    page = front.model_copy(
        update={
            name: _first(tuple(shortened(line, FRONT_LINE) for line in getattr(front, name)), most)
            for name, most in FRONT_LINES.items()
        }
        | {"sentence": shortened(front.sentence, FRONT_LINE)}
        | {
            "tiles": tuple(
                t.model_copy(
                    update={
                        "label": shortened(t.label, 60),
                        "value": shortened(t.value, 40),
                        "note": shortened(t.note, 90),
                    }
                )
                for t in front.tiles
            )
        }
    )
    names = (*FRONT_LINES, "sentence", "tiles")
    return page, any(_flat(getattr(page, n)) != _flat(getattr(front, n)) for n in names)


def _first(lines: tuple[str, ...], most: int) -> tuple[str, ...]:
    """The first lines, and how many more there are: they stand in full on the page after the first."""
    if len(lines) <= most:
        return lines
    return (*lines[: most - 1], f"and {len(lines) - most + 1} more, page 2")


def _flat(value: Any) -> Any:
    """A text in one line, so that only what is really missing counts as cut."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, tuple):
        return tuple(_flat(v) for v in value)
    return value if not hasattr(value, "model_dump") else tuple(map(_flat, value.model_dump().values()))


def _in_full(front: FrontPage, head: tuple[str, ...]) -> Section:
    """The lines of the first page without cuts; what would turn the verdict has a section of its own anyway."""
    blocks: list[Block] = [bullets((*head, front.sentence, *front.notes))]
    for title, lines in (
        ("Why", front.reasons),
        ("Mind", front.mind),
        ("What is at stake", front.stake),
        ("What is missing", front.missing),
        ("Next steps", front.steps),
        ("Figures", tuple(f"{t.label}: {t.value} ({t.note})" for t in front.tiles)),
    ):
        blocks += [heading(title), bullets(lines)] if lines else []
    return Section(id="verdict", title="The verdict in full", blocks=tuple(blocks))


def _section(section: Section) -> dict[str, Any]:
    return {"title": section.title, "blocks": [_block(b) for b in section.blocks]}


def _block(block: Block) -> dict[str, Any]:
    found = block.model_dump(mode="json")
    if isinstance(block, Quote):
        found["lines"] = clean(block.text).split("\n")
    elif isinstance(block, Table):
        found["widths"] = _widths(block)
    elif block.type == "figure":
        found["width"] = 90
    return found


def _widths(table: Table) -> list[int]:
    """The share of each column; 0 for one that is as wide as what stands in it.

    Columns of words share what is left, by how much stands in them.
    """
    header = [max((len(word) for word in name.split()), default=0) for name in table.header]
    columns = [[len(plain(row[i])) for row in table.rows] for i in range(len(header))]
    needs = [max([head, *lengths]) for head, lengths in zip(header, columns, strict=True)]
    shares = [
        min(40, max(12, round(sum(lengths) / max(1, len(lengths))), need // 3))
        if need > SHORT
        else max(12, need)
        for lengths, need in zip(columns, needs, strict=True)
    ]
    fits = sum(min(need, SHORT) for need in needs) <= ROOM - 2 * len(needs)
    # where all is short there is room for it; else every column has its share, so that none is squeezed out
    return (
        [0 if need <= SHORT else share for need, share in zip(needs, shares, strict=True)] if fits else shares
    )


def _breakable(value: Any) -> Any:
    """Every text cleaned, and with places where a long word may be broken."""
    if isinstance(value, dict):
        return {k: v if k in _WORDS else _breakable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_breakable(v) for v in value]
    if not isinstance(value, str):
        return value
    kept = set_text(clean(value).replace("\n", " "))
    return re.sub(rf"\S{{{LONGEST_WORD},}}", _with_breaks, kept)


def _with_breaks(word: re.Match[str]) -> str:
    """Zero-width spaces after signs, and within what has none for long."""
    pieces = re.findall(rf"[^_\-./:=,]{{1,{LONGEST_WORD}}}[_\-./:=,]*|[_\-./:=,]+", word[0])
    return "\u200b".join(pieces)
