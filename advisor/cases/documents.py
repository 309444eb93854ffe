"""Documents that somebody brings for retrieval: their names and their texts, checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from advisor.cases.numbers import Part
from advisor.errors import Problem

DOCUMENT_FORMATS = ("md", "txt", "jsonl", "pdf")
MAX_DOCUMENT_BYTES = 50_000_000


class Document(Part):
    """A document that retrieval may search."""

    name: str
    content: bytes


def document_problems(documents: Sequence[Document]) -> list[Problem]:
    """What is wrong with documents: all of it."""
    problems = []
    taken: set[str] = set()
    for document in documents:
        name, path = document.name, Path("documents") / (document.name or "?")
        if (
            name != PurePosixPath(name.replace("\\", "/")).name
            or name.startswith(".")
            or not name.isprintable()
        ):
            problems.append(Problem(path, "cannot be the name of a document; rename the file"))
        elif PurePosixPath(name).suffix.lower().lstrip(".") not in DOCUMENT_FORMATS:
            problems.append(Problem(path, "has an unknown format; .md, .txt, .jsonl and .pdf are read"))
        elif len(document.content) > MAX_DOCUMENT_BYTES:
            problems.append(Problem(path, f"has more than {MAX_DOCUMENT_BYTES:,} bytes; bring it in parts"))
        elif name.lower() in taken:
            problems.append(Problem(path, "has the name of another document"))
        elif not name.lower().endswith(".pdf"):
            try:
                document_bytes(document)
            except UnicodeDecodeError:
                problems.append(Problem(path, "is not UTF-8; save it as UTF-8"))
        taken.add(name.lower())
    return problems


def document_bytes(document: Document) -> bytes:
    """What is written of a document: texts as UTF-8 without a mark, PDF as it is.

    Raises:
        UnicodeDecodeError: A text is not UTF-8.
    """
    if document.name.lower().endswith(".pdf"):
        return document.content
    return document.content.decode("utf-8-sig").encode()
