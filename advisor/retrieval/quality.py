"""How good a retrieval is, where the relevant documents are known."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.records import RetrievalQuality


def retrieval_quality(
    ranked_documents: Sequence[Sequence[str]], relevant: Sequence[Sequence[str] | None], k: int
) -> RetrievalQuality | None:
    """Recall and mean reciprocal rank at `k`, over the items whose relevant documents are known.

    Recall is the share of an item's relevant documents among its first `k` passages; the reciprocal rank is 1
    over the place of the first passage of a relevant document, or 0 where there is none.

    Args:
        ranked_documents: For each item the documents of its passages, best first; one document may come
            several times.
        relevant: For each item the documents that hold the answer; None or empty where unknown.
        k: How many passages count.

    Returns:
        The means; None where no item's relevant documents are known.

    Raises:
        ValueError: The two lists differ in length, or k is not positive.

    Source: Manning, Raghavan and Schütze (2008), Introduction to Information Retrieval, chapter 8; Voorhees
    (1999), The TREC-8 Question Answering Track Report (mean reciprocal rank).
    """
    if k < 1:
        raise ValueError(f"k must be positive, not {k}")
    known = [(list(found[:k]), set(r)) for found, r in zip(ranked_documents, relevant, strict=True) if r]
    if not known:
        return None
    recalls = [len(wanted.intersection(found)) / len(wanted) for found, wanted in known]
    ranks = [
        next((1 / i for i, d in enumerate(found, start=1) if d in wanted), 0.0) for found, wanted in known
    ]
    return RetrievalQuality(
        recall=sum(recalls) / len(known),
        mean_reciprocal_rank=sum(ranks) / len(known),
        n=len(known),
        passages=k,
    )
