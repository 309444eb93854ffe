"""Metrics of free text against an expected text.

Where a question has several expected answers (a list of strings), the best score over them counts.
"""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable

from pydantic import JsonValue
from rapidfuzz.distance import LCSseq

from advisor.cases.schema import Task

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WORDS = re.compile(r"[^\W_]+")


def normalize(text: str) -> str:
    """Text as SQuAD v1.1 compares it: lower case, no punctuation, no articles, single spaces.

    Two things go further than the original, which was made for English prose: all of Unicode's punctuation is
    dropped, and articles stay where nothing else is left, so that "A" can be an answer.

    Source: Rajpurkar et al. (2016), SQuAD: 100,000+ Questions for Machine Comprehension of Text, section 6.1.
    """
    bare = "".join(
        c for c in text.lower() if c not in string.punctuation and unicodedata.category(c)[0] != "P"
    )
    words = _ARTICLES.sub(" ", bare).split()
    return " ".join(words or bare.split())


def exact_match(expected: JsonValue, answer: str, task: Task) -> float:
    """1 if the normalized texts are equal."""
    return _best(expected, answer, task, lambda e, a: float(normalize(e) == normalize(a)))


def token_f1(expected: JsonValue, answer: str, task: Task) -> float:
    """F1 of the normalized words that both texts share, each as often as it stands in both (SQuAD v1.1)."""
    return _best(expected, answer, task, _token_f1)


def contains(expected: JsonValue, answer: str, task: Task) -> float:
    """1 if the normalized words of the expected text stand in the answer in a row, as whole words."""
    return _best(expected, answer, task, _contains)


def rouge_l(expected: JsonValue, answer: str, task: Task) -> float:
    """F1 of the longest common subsequence of words; case and punctuation do not count, no stemming.

    Source: Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries, section 3.1, with beta = 1.
    """
    return _best(expected, answer, task, _rouge_l)


def _best(expected: JsonValue, answer: str, task: Task, score: Callable[[str, str], float]) -> float:
    return max(score(text, answer) for text in expected_texts(expected, task))


def expected_texts(expected: JsonValue, task: Task) -> list[str]:
    """The texts that count as right: several only for questions; other values than strings as JSON."""
    several = task.kind == "question_answering" and isinstance(expected, list) and len(expected) > 0
    accepted = expected if several and isinstance(expected, list) else [expected]
    return [x if isinstance(x, str) else json.dumps(x, ensure_ascii=False) for x in accepted]


def _token_f1(expected: str, answer: str) -> float:
    wanted, given = normalize(expected).split(), normalize(answer).split()
    return _f1((Counter(wanted) & Counter(given)).total(), len(wanted), len(given))


def _contains(expected: str, answer: str) -> float:
    wanted = normalize(expected)
    if not wanted:
        return float(not normalize(answer))
    # An article that is itself the expected answer is looked for among all words.
    words = _WORDS.findall(answer.lower()) if _ARTICLES.fullmatch(wanted) else normalize(answer).split()
    return float(f" {wanted} " in f" {' '.join(words)} ")


def _rouge_l(expected: str, answer: str) -> float:
    wanted, given = _WORDS.findall(expected.lower()), _WORDS.findall(answer.lower())
    return _f1(LCSseq.similarity(wanted, given), len(wanted), len(given))


def _f1(shared: int, wanted: int, given: int) -> float:
    """2 · shared / (wanted + given); two empty texts are equal."""
    return 2 * shared / (wanted + given) if wanted + given else 1.0
