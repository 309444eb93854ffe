"""The case's documents, made searchable once per way of searching."""

from __future__ import annotations

from functools import cached_property

from advisor.baselines.base import PassageIndex, SearchKind
from advisor.cases.loading import LoadedCase
from advisor.errors import UsageError
from advisor.prompts import Passage


class PassageIndexes:
    """Searches over the passages of a case, built when first asked for."""

    def __init__(self, loaded: LoadedCase) -> None:
        self._loaded = loaded
        self._built: dict[SearchKind, PassageIndex] = {}

    def __call__(self, kind: SearchKind) -> PassageIndex:
        """The search of one kind.

        Raises:
            UsageError: The case has no documents.
            MissingExtraError: Embeddings are asked for, and no embedder is installed.
        """
        if kind not in self._built:
            self._built[kind] = self._build(kind)
        return self._built[kind]

    def _build(self, kind: SearchKind) -> PassageIndex:
        if kind == "lexical":
            from advisor.retrieval.lexical import LexicalIndex

            return LexicalIndex(self._passages)
        from advisor.retrieval.dense import DenseIndex, HybridIndex, load_embedder

        if kind == "dense":
            return DenseIndex(self._passages, load_embedder())
        return HybridIndex([self("lexical"), self("dense")])

    @cached_property
    def _passages(self) -> list[Passage]:
        from advisor.retrieval.chunking import chunk, load_documents

        if self._loaded.documents is None:
            raise UsageError(
                "The case has no documents to retrieve from.", hint="Name them in `data.documents`."
            )
        return [passage for document in load_documents(self._loaded.documents) for passage in chunk(document)]
