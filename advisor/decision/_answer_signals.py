"""What can be seen in an answer's text alone: loops, chat-template tokens, another script, a broken form."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

from pydantic import JsonValue

from advisor.cases.schema import Task
from advisor.scoring.structured import parse_json
from advisor.scoring.text import expected_texts

_TEMPLATE = re.compile(
    r"<\|[a-z_]{2,30}\|>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>|<pad>|\[PAD\]|<unk>"
    r"|^\s*(?:assistant|user|system|human)\s*:|^\s*###\s*(?:instruction|response|assistant|human)\b",
    re.IGNORECASE | re.MULTILINE,
)
_LOOP_WORDS, _LOOP_CHARACTERS = 12, 40
_DISTINCT_WORDS, _DISTINCT_CHARACTERS = 0.34, 0.2
_LETTERS = 5
"""Fewer letters than this have no script worth speaking of."""
_SCRIPT_SHARE = 0.2
"""Of an expected output's letters, from which a script belongs to it."""
_JAPANESE = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}


def is_loop(text: str) -> bool:
    """Whether it says the same again and again: few distinct triples of words, or of characters without words."""
    words = text.split()
    if len(words) >= _LOOP_WORDS:
        triples = list(zip(words, words[1:], words[2:], strict=False))
        return len(set(triples)) / len(triples) < _DISTINCT_WORDS
    if len(text) >= _LOOP_CHARACTERS:
        pieces = [text[i : i + 3] for i in range(len(text) - 2)]
        return len(set(pieces)) / len(pieces) < _DISTINCT_CHARACTERS
    return False


def template_token(text: str) -> str | None:
    """A token of a chat template that stands in an answer."""
    found = _TEMPLATE.search(text)
    return found[0].strip() if found else None


def breaks_form(text: str, task: Task) -> bool:
    """Whether it is no label where labels are asked for, or no JSON where JSON is."""
    if task.labels is not None:
        return text.strip() not in task.labels
    if task.kind == "extraction":
        try:
            parse_json(text)
        except ValueError:
            return True
    return False


def other_script(text: str, expected: JsonValue, task: Task) -> bool:
    """Whether most of its letters are of a script that the expected output does not have."""
    answered, wanted = _scripts(text), _scripts(" ".join(expected_texts(expected, task)))
    letters, all_wanted = sum(answered.values()), sum(wanted.values())
    if letters < _LETTERS or not all_wanted:
        return False
    script, most = answered.most_common(1)[0]
    return most > letters / 2 and wanted[script] < _SCRIPT_SHARE * all_wanted


def _scripts(text: str) -> Counter[str]:
    """Letters by script."""
    return Counter(s for s in map(_script, text) if s)


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    """A letter's script, from the first word of its Unicode name; empty for what is no letter."""
    if not character.isalpha():
        return ""
    first = unicodedata.name(character, "OTHER").split()[0].split("-")[0]
    return _JAPANESE.get(first, first)
