"""Search by words: BM25."""

from __future__ import annotations

from collections.abc import Sequence

import bm25s
import numpy as np

from advisor.prompts import Passage


class LexicalIndex:
    """BM25 over the titles and texts of passages, without English stop words.

    Source: Robertson and Zaragoza (2009), The Probabilistic Relevance Framework: BM25 and Beyond; k1 = 1.5, b
    = 0.75.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = tuple(passages)
        words = _words([f"{p.title}\n{p.text}" for p in passages])
        self._index: bm25s.BM25 | None = None
        if any(words):  # without a single word there is nothing to index
            self._index = bm25s.BM25(k1=1.5, b=0.75, backend="numpy")
            self._index.index(words, show_progress=False)

    def search(self, query: str, k: int) -> list[tuple[Passage, float]]:
        """The passages that share words with the query, best first, at most `k`; ties as given."""
        words = _words([query])[0]
        if self._index is None or not words:
            return []
        scores = self._index.get_scores(words)
        best = np.argsort(-scores, kind="stable")[:k]
        return [(self._passages[i], float(scores[i])) for i in best if scores[i] > 0]


def _words(texts: Sequence[str]) -> list[list[str]]:
    # The longer list: questions are full of "how", "do", "my" and "when", which a short one lets through.
    tokens: list[list[str]] = bm25s.tokenize(
        list(texts), stopwords="english_plus", return_ids=False, show_progress=False
    )
    return tokens
