"""The training file of hosted fine-tuning: JSON Lines, one conversation a line, in the chat format.

What is written is what the caller hands over, word by word. A file that the user brings is read tolerantly:
whatever is wrong with a line is kept with its number, so that a check can tell all of it at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from advisor.errors import TuningError
from advisor.files import write_whole
from advisor.tuning.base import TrainingExample

MAX_DEPTH = 100
"""Levels of nesting in a line; real ones have fewer than ten."""

_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
# Characters that some readers take for the end of a line; the standard library leaves them as they are.
_SEPARATORS = {ord(c): f"\\u{ord(c):04x}" for c in "\x85\u2028\u2029"}


@dataclass(frozen=True)
class TrainingLine:
    """A line of a training file that is not blank: its value, or why it has none."""

    number: int
    """Counted from 1, blank lines included."""
    value: object = None
    problem: str | None = None

    @property
    def messages(self) -> tuple[Mapping[str, object], ...]:
        """Those of its messages that are objects; none where the line has another form."""
        found = self.value.get("messages") if isinstance(self.value, dict) else None
        return tuple(m for m in found if isinstance(m, dict)) if isinstance(found, list) else ()


@dataclass(frozen=True)
class TrainingFile:
    """A training file as it was read, with everything a check wants to tell of it."""

    lines: tuple[TrainingLine, ...]
    blank_lines: tuple[int, ...] = ()
    has_bom: bool = False


TrainingSource = Path | TrainingFile | Sequence[TrainingExample]
"""A training file on disk, one that was read, or the examples that one is written from."""


def write_training_file(examples: Sequence[TrainingExample], path: Path) -> None:
    """Writes the examples in their order, whole or not at all; equal examples give equal bytes.

    UTF-8 without a byte order mark; lines are separated by a line feed, and none follows the last.

    Args:
        examples: Prompt messages and the completion to learn. Where the endpoint enforces labels, they
            already have the form that it enforces; see `advisor.models.structured`.
        path: Where to; an existing file is replaced, a missing folder is made.

    Raises:
        TuningError: The file cannot be written, or an example holds what is no Unicode text.
    """
    content = _encoded(examples)
    try:
        write_whole(path, content)
    except OSError as error:
        raise TuningError(
            f"The training file {path} cannot be written: {error.strerror}.",
            hint="Check that the folder can be written to, and that there is space.",
        ) from error


def read_training_file(path: Path) -> TrainingFile:
    """Reads a training file, good or bad.

    Raises:
        TuningError: There is no such file, or it cannot be read at all.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise TuningError(
            f"The training file {path} does not exist.",
            hint="Check the path; it is a file in JSON Lines format.",
        ) from error
    except OSError as error:
        raise TuningError(
            f"The training file {path} cannot be read: {error.strerror}.",
            hint="It must be a file, and yours to read.",
        ) from error
    if content.startswith(_UTF16_BOMS):
        raise TuningError(f"The training file {path} is UTF-16.", hint="Save it as UTF-8.")
    return parse_training_file(content)


def parse_training_file(content: bytes) -> TrainingFile:
    """The training file that these bytes are; never fails."""
    lines: list[TrainingLine] = []
    blank: list[int] = []
    raw_lines = content.removeprefix(_BOM).split(b"\n")
    if raw_lines[-1] == b"":  # the last line feed ends a line and begins none
        raw_lines.pop()
    for number, raw in enumerate(raw_lines, start=1):
        if raw.strip():
            lines.append(_parsed(number, raw))
        else:
            blank.append(number)
    return TrainingFile(tuple(lines), tuple(blank), content.startswith(_BOM))


def as_training_file(source: TrainingSource) -> TrainingFile:
    """The training file of a source, read where it is on disk.

    Raises:
        TuningError: As `read_training_file` and `write_training_file`.
    """
    if isinstance(source, TrainingFile):
        return source
    if isinstance(source, Path):
        return read_training_file(source)
    return parse_training_file(_encoded(source))


def _encoded(examples: Sequence[TrainingExample]) -> bytes:
    lines = []
    for number, (prompt, completion) in enumerate(examples, start=1):
        messages = [{"role": m.role, "content": m.content} for m in prompt]
        messages.append({"role": "assistant", "content": completion})
        text = json.dumps({"messages": messages}, ensure_ascii=False).translate(_SEPARATORS)
        try:
            lines.append(text.encode())
        except UnicodeEncodeError as error:
            raise TuningError(
                f"Training example {number} holds a character that is no valid Unicode.",
                hint="It is half of a surrogate pair, often from text that was cut; remove it from the data.",
            ) from error
    return b"\n".join(lines)


def _parsed(number: int, raw: bytes) -> TrainingLine:
    try:
        value = json.loads(raw.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return TrainingLine(number, problem=f"not UTF-8: byte 0x{raw[error.start]:02x}")
    except json.JSONDecodeError as error:
        return TrainingLine(number, problem=f"{error.msg}, column {error.colno}")
    except RecursionError:
        return TrainingLine(number, problem="nested too deeply")
    except ValueError as error:
        return TrainingLine(number, problem=str(error))
    if _deeper(value, MAX_DEPTH):
        return TrainingLine(number, problem="nested too deeply")
    return TrainingLine(number, value)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _deeper(value: object, depth: int) -> bool:
    """Whether a value is nested deeper than so many levels; without recursion."""
    level = [value]
    for _ in range(depth + 1):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        if not inner:
            return False
        level = inner
    return True
