"""Which tool wrote a file: told by what it holds, not by its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from advisor.errors import CaseError, Problem

ZIP_MAGIC = b"PK\x03\x04"


def recognised(path: Path) -> Literal["jsonl", "promptfoo", "inspect"]:
    """The format of a file; what is neither promptfoo's nor Inspect's is taken for JSONL.

    Raises:
        CaseError: It cannot be read.
    """
    content = read_bytes(path)
    if content.startswith(ZIP_MAGIC):
        return "inspect"
    try:
        document = json.loads(content)
    except ValueError:  # several lines
        return "jsonl"
    if not isinstance(document, dict):
        return "jsonl"
    if isinstance(document.get("eval"), dict) and ("samples" in document or "plan" in document):
        return "inspect"
    results = document.get("results")
    if isinstance(results, list) or (isinstance(results, dict) and isinstance(results.get("results"), list)):
        return "promptfoo"
    return "jsonl"


def read_bytes(path: Path) -> bytes:
    """A file's content.

    Raises:
        CaseError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise CaseError([Problem(path, f"cannot be read: {error.strerror}")]) from error


def read_document(path: Path) -> dict[str, Any]:
    """A file that holds one JSON object.

    Raises:
        CaseError: It cannot be read, or holds something else.
    """
    try:
        document = json.loads(read_bytes(path))
    except ValueError as error:
        raise CaseError([Problem(path, f"is not valid JSON: {error}")]) from error
    if not isinstance(document, dict):
        raise CaseError([Problem(path, "must be a JSON object")])
    return document
