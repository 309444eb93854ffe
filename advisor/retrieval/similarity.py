"""The training examples nearest to a question, for few-shot prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn.pipeline import FeatureUnion


class NearestExamples:
    """Cosine similarity of TF-IDF vectors of words and of character n-grams, half and half.

    Words carry the topic; character n-grams forgive other endings, compounds and typing errors.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._n = len(texts)
        self._features: FeatureUnion | None = None
        if not any(character.isalnum() for text in texts for character in text):
            return
        # loading it takes longer than many a command that looks for no examples
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import FeatureUnion

        self._features = FeatureUnion(
            [
                ("words", TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True)),
                ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)),
            ]
        )
        self._vectors = self._features.fit_transform(texts)

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        """(position, similarity 0..1) of the `k` nearest texts, nearest first; equals in the order given."""
        if self._features is None:
            return [(position, 0.0) for position in range(min(k, self._n))]
        # Each half has length 1 (or 0), so half of the dot product is the mean of both cosines. Rounding
        # keeps ties ties on machines that add in another order.
        similarity = np.round((self._vectors @ self._features.transform([query]).T).toarray().ravel() / 2, 9)
        best = np.argsort(-similarity, kind="stable")[:k]
        return [(int(i), float(similarity[i])) for i in best]
