"""Documents of a folder, and the passages that they are cut into."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from advisor.errors import CaseError, MissingExtraError, Problem
from advisor.prompts import Passage
from advisor.records import Record

SUFFIXES = (".md", ".txt", ".jsonl", ".pdf")

_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")


class Document(Record):
    """A text that can be searched.

    `name` is the file's path relative to the folder, with forward slashes; for a line of a .jsonl file its
    `id`, or `path#line` where it has none.
    """

    name: str
    title: str
    text: str


def load_documents(folder: Path) -> list[Document]:
    """All documents in a folder and the folders below it, by path; other kinds of files are left alone.

    A Markdown file's first heading is its title, a .jsonl line may have a `title` beside its `text`, a PDF
    its own; otherwise the title comes from the file's name.

    Raises:
        CaseError: The folder is missing, or files cannot be used; all of them are named.
        MissingExtraError: There are PDFs, and the package that reads them is not installed.
    """
    if not folder.is_dir():
        raise CaseError([Problem(folder, "there is no such folder", key="data.documents")])
    documents: list[Document] = []
    problems: list[Problem] = []
    taken: set[str] = set()
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES]
    for path in sorted(files, key=lambda p: p.relative_to(folder).as_posix()):
        for line, found in _read(path, path.relative_to(folder).as_posix()):
            if isinstance(found, str):
                problems.append(Problem(path, found, line=line))
            elif not found.text.strip():
                problems.append(Problem(path, "holds no text", line=line))
            elif found.name in taken:
                problems.append(
                    Problem(path, f"a document named {found.name!r} stands there twice", line=line)
                )
            else:
                taken.add(found.name)
                documents.append(found)
    if problems:
        raise CaseError(problems)
    return documents


def chunk(document: Document, max_words: int = 120, overlap_words: int = 20) -> list[Passage]:
    """Cuts a document into passages of whole paragraphs, or of whole sentences where a paragraph is too long.

    A heading stays with the paragraph below it. Every passage but the first begins with the last words of the
    one before, so that what stands on a border is found from both sides; no passage is longer than
    `max_words`.

    Args:
        document: What to cut.
        max_words: Words of a passage at most, overlap included.
        overlap_words: Words that a passage repeats from the one before.

    Raises:
        ValueError: The overlap leaves no room for anything new.
    """
    if not 0 <= overlap_words < max_words:
        raise ValueError(f"an overlap of {overlap_words} words does not fit into passages of {max_words}")
    room = max_words - overlap_words
    bodies: list[str] = []
    body, words = "", 0
    for separator, piece in _pieces(document.text, room):
        length = len(piece.split())
        if body and words + length > max_words:
            bodies.append(body)
            tail = body.split()[-overlap_words:] if overlap_words else []
            body, words, separator = " ".join(tail), len(tail), " "
        body = f"{body}{separator}{piece}" if body else piece
        words += length
    if body:
        bodies.append(body)
    return [Passage(document=document.name, title=document.title, text=text) for text in bodies]


def _pieces(text: str, room: int) -> Iterator[tuple[str, str]]:
    """(separator before it, piece of at most `room` words): paragraphs, or parts of long ones."""
    for paragraph in _paragraphs(text):
        if len(paragraph.split()) <= room:
            yield "\n\n", paragraph
            continue
        separator = "\n\n"
        for sentence in _SENTENCE_END.split(paragraph):
            words = sentence.split()
            for start in range(0, len(words), room):
                yield separator, " ".join(words[start : start + room])
                separator = " "


def _paragraphs(text: str) -> list[str]:
    paragraphs: list[str] = []
    heading = ""
    for block in re.split(r"\n\s*\n", text.strip()):
        paragraph = f"{heading}\n{block.strip()}" if heading else block.strip()
        heading = ""
        if _HEADING.fullmatch(paragraph.splitlines()[-1] if paragraph else ""):
            heading = paragraph
        elif paragraph:
            paragraphs.append(paragraph)
    return [*paragraphs, heading] if heading else paragraphs


def _read(path: Path, name: str) -> Iterator[tuple[int | None, Document | str]]:
    """(line, document or what is wrong) for everything in one file."""
    if path.suffix.lower() == ".pdf":
        yield None, _read_pdf(path, name)
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        yield None, "is not UTF-8 text"
        return
    if path.suffix.lower() == ".jsonl":
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield number, _read_line(line, f"{name}#{number}", _title_of(path))
        return
    first, _, rest = text.strip().partition("\n")
    heading = _HEADING.fullmatch(first.strip()) if path.suffix.lower() == ".md" else None
    if heading and heading[1] and rest.strip():
        yield None, Document(name=name, title=heading[1], text=rest.strip())
    else:
        yield None, Document(name=name, title=_title_of(path), text=text.strip())


def _read_line(line: str, default_name: str, default_title: str) -> Document | str:
    try:
        fields = json.loads(line)
    except ValueError as error:
        return f"is not JSON: {error}"
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        return "needs `text`, a string"
    return Document(
        name=str(fields.get("id", default_name)),
        title=str(fields.get("title") or default_title),
        text=fields["text"].strip(),
    )


def _read_pdf(path: Path, name: str) -> Document | str:
    try:
        from pypdf import PdfReader
        from pypdf.errors import PyPdfError
    except ImportError as error:
        raise MissingExtraError("Reading PDF documents", "pdf") from error
    try:
        reader = PdfReader(path)
        text = "\n\n".join(page.extract_text() for page in reader.pages)
        title = (reader.metadata.title if reader.metadata else None) or _title_of(path)
    except (PyPdfError, ValueError, KeyError) as error:
        return f"cannot be read as a PDF: {error}"
    if not text.strip():
        return "holds no text (pages that are pictures must be turned into text first)"
    return Document(name=name, title=title, text=text.strip())


def _title_of(path: Path) -> str:
    """A file's name as a title: `annual-leave.md` is "Annual leave"."""
    words = re.sub(r"[-_\s]+", " ", path.stem).strip()
    return words[:1].upper() + words[1:]
