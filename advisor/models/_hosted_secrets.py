"""Keys stay where they are: what an endpoint says may repeat parts of one, and is cleaned before it is kept."""

from __future__ import annotations

import re

HIDDEN = "[key]"
_PIECE = 8
"""So many characters of a key in a row count as a part of it."""

_PATTERNS = (
    re.compile(r"\bsk-[\w.*-]{3,}"),  # OpenAI and those who imitate it
    re.compile(r"\beyJ[\w-]{6,}(?:\.[\w-]*){1,2}"),  # tokens of Entra ID
    re.compile(r"(?i)(?<=bearer )[\w.~+/=*-]{4,}"),
    re.compile(r"(?i)(?<=api-key: )[\w.~+/=*-]{4,}"),
    re.compile(r"[\w-]*\*{3,}[\w-]*"),  # a key that an endpoint masked, its ends left readable
)


def scrub(text: str, *secrets: str | None) -> str:
    """A text without secrets: these in whole or in part, and whatever looks like a key."""
    for secret in sorted({s.strip() for s in secrets if s and s.strip()}, key=len, reverse=True):
        text = _without_pieces(text.replace(secret, HIDDEN), secret)
    for pattern in _PATTERNS:
        text = pattern.sub(HIDDEN, text)
    return re.sub(rf"(?:{re.escape(HIDDEN)})+", HIDDEN, text)


def _without_pieces(text: str, secret: str) -> str:
    pieces = {secret[i : i + _PIECE] for i in range(len(secret) - _PIECE + 1)}
    kept: list[str] = []
    i = 0
    while i < len(text):
        if text[i : i + _PIECE] not in pieces:
            kept.append(text[i])
            i += 1
            continue
        end = i + _PIECE
        while end < len(text) and text[end - _PIECE + 1 : end + 1] in pieces:
            end += 1
        kept.append(HIDDEN)
        i = end
    return "".join(kept)
