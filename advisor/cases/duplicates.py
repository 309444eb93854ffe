"""Near duplicates: all pairs of items whose inputs are alike, without comparing all pairs.

Inputs are compared by the cosine of their character n-gram TF-IDF vectors (n = 3 to 5 within word borders), with a
threshold of 0.90. The pairs are exact, and found by prefix filtering (Bayardo, Ma & Srikant, "Scaling up all pairs
similarity search", WWW 2007): with features ordered by how few items hold them, rarest first, it is enough to look at
pairs that share one of the rare features that make up most of a vector. Common n-grams, which nearly all items
share, are looked at only where two vectors are compared in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.cases.schema import Example
from advisor.records import Record

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NEAR_DUPLICATE = 0.90
DUPLICATES_VERSION = 1
"""Of what is found for the same data; a change of it makes kept findings void."""
_ROUNDING = 1e-6
"""What of the threshold is forgiven to single precision."""
_SLACK = 1e-4
"""What a bound is wide of the mark, so that rounding loses no pair."""
_TAIL = 0.84
"""The norm of what may be left out of a vector in the search for candidates.

Below the threshold any value gives the same pairs. A higher one leaves fewer features to join by, a lower one prunes
more candidates before they are compared in full.
"""
_JOIN_AT_ONCE = 16_000_000  # products of two features, and so numbers in a block
_COMPARE_AT_ONCE = 2_000_000  # features of the vectors compared in full
_ROWS_AT_ONCE = 8_192

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class DuplicatePair(Record):
    """Two items whose inputs are (nearly) the same."""

    first: str
    second: str
    similarity: float
    same_output: bool

    @property
    def exact(self) -> bool:
        """Whether the inputs are equal but for white space and case."""
        return self.similarity >= 1.0


class Duplicates(Record):
    """The near duplicates of a case's data, the most similar first."""

    within_train: tuple[DuplicatePair, ...] = ()
    within_held_out: tuple[DuplicatePair, ...] = ()
    across: tuple[DuplicatePair, ...] = ()
    """(held-out item, its nearest training item)."""


def near_duplicates(train: Sequence[Example], held_out: Sequence[Example]) -> Duplicates:
    """The near duplicates within the training data, within the held-out set, and across.

    Time and memory go with the number of items and of pairs that are found, as long as inputs differ in their rare
    n-grams; an input that occurs often is compared once.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    everything = (*train, *held_out)
    texts = [_normalised(e) for e in everything]
    try:
        vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), dtype=np.float32).fit_transform(
            texts
        )
    except ValueError:  # no text holds a single n-gram
        return Duplicates()
    holders: dict[str, list[int]] = {}
    for k, text in enumerate(texts):
        if vectors.indptr[k] < vectors.indptr[k + 1]:
            holders.setdefault(text, []).append(k)
    groups = list(holders.values())
    different = vectors if len(groups) == len(texts) else vectors[[g[0] for g in groups]]
    del vectors, texts, holders
    found = [(a, b, min(s, 0.999)) for a, b, s in similar_rows(different, NEAR_DUPLICATE)]
    found += [(k, k, 1.0) for k, group in enumerate(groups) if len(group) > 1]

    n = len(train)
    in_train = [[i for i in group if i < n] for group in groups]
    in_held_out = [[i for i in group if i >= n] for group in groups]
    return Duplicates(
        within_train=_within(everything, in_train, found),
        within_held_out=_within(everything, in_held_out, found),
        across=_nearest(everything, in_held_out, in_train, found),
    )


def similar_rows(rows: csr_matrix, threshold: float) -> Iterator[tuple[int, int, float]]:
    """All pairs of rows whose cosine reaches a threshold, as (i, j, cosine) with i < j.

    Args:
        rows: Vectors of norm 1 and no negative value, shape (n, features).
        threshold: Above 0.
    """
    rows = _rarest_first(rows)
    heads, tails = _heads(rows, min(_TAIL, threshold - _SLACK))
    for start, end in _blocks(heads):
        # each pair once: a row meets those that come after it, and its own block
        block = heads[start:end] @ heads[start:].T.tocsr()
        # two rows share at most their common heads and the longer tail: a feature outside of both heads, or in
        # one of them, comes after the end of the head that ends first, and so is of that row's tail
        likely = np.flatnonzero(block.data >= threshold - _SLACK - tails[start:].max(initial=0.0))
        i = start + np.searchsorted(block.indptr, likely, side="right") - 1
        j = start + block.indices[likely].astype(np.int64)
        bound = block.data[likely] + np.maximum(tails[i], tails[j]) + _SLACK
        kept = (i < j) & (bound >= threshold)
        del block, likely, bound
        yield from _compared(rows, i[kept], j[kept], threshold)


def _rarest_first(rows: csr_matrix) -> csr_matrix:
    """The same, with features numbered by how few rows hold them."""
    from scipy.sparse import csr_matrix

    held_by = np.bincount(rows.indices, minlength=rows.shape[1])
    rank = np.empty(rows.shape[1], dtype=rows.indices.dtype)
    rank[np.argsort(held_by, kind="stable")] = np.arange(rows.shape[1])
    renumbered = csr_matrix((rows.data.copy(), rank[rows.indices], rows.indptr), shape=rows.shape)
    renumbered.sort_indices()
    return renumbered


def _heads(rows: csr_matrix, tail: float) -> tuple[csr_matrix, Floats]:
    """(of each row its first features, as few as leave a rest of at most this norm; the norm of each rest)."""
    from scipy.sparse import csr_matrix

    n = rows.shape[0]
    values, columns, lengths = [], [], []
    norms = np.zeros(n)
    for start in range(0, n, _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        count = np.diff(part.indptr)
        squares = np.concatenate([[0.0], np.cumsum(part.data.astype(np.float64) ** 2)])
        # what each feature and those after it weigh
        rest = np.repeat(squares[part.indptr[1:]], count) - squares[:-1]
        head = rest > tail**2
        in_head = np.concatenate([[0], np.cumsum(head)])[part.indptr]
        values.append(part.data[head])
        columns.append(part.indices[head])
        lengths.append(np.diff(in_head))
        after = squares[part.indptr[1:]] - squares[part.indptr[:-1] + lengths[-1]]
        norms[start : start + len(count)] = np.sqrt(np.maximum(after, 0.0))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]) if lengths else np.zeros(1, dtype=int)
    content = (np.concatenate(values), np.concatenate(columns), starts) if n else ([], [], starts)
    return csr_matrix(content, shape=rows.shape), norms


def _blocks(heads: csr_matrix) -> Iterator[tuple[int, int]]:
    """(start, end) of rows that are joined at once, so that a block fits into memory."""
    held_by = np.bincount(heads.indices, minlength=heads.shape[1])
    work = np.concatenate([[0], np.cumsum(held_by[heads.indices], dtype=np.int64)])[heads.indptr]
    start = 0
    while start < heads.shape[0]:
        end = int(np.searchsorted(work, work[start] + _JOIN_AT_ONCE, side="right")) - 1
        end = min(max(end, start + 1), heads.shape[0])
        yield start, end
        start = end


def _compared(rows: csr_matrix, i: Ints, j: Ints, threshold: float) -> Iterator[tuple[int, int, float]]:
    """Of candidate pairs those that reach the threshold."""
    if not len(i):
        return
    length = np.diff(rows.indptr)
    edges = np.cumsum(length[i] + length[j], dtype=np.int64) // _COMPARE_AT_ONCE
    for part in np.split(np.arange(len(i)), np.flatnonzero(np.diff(edges)) + 1):
        a, b = i[part], j[part]
        cosine = np.asarray(rows[a].multiply(rows[b]).sum(axis=1)).ravel()
        reached = cosine >= threshold - _ROUNDING
        yield from zip(
            a[reached].tolist(), b[reached].tolist(), cosine[reached].astype(float).tolist(), strict=True
        )


Group = list[int]
Found = Sequence[tuple[int, int, float]]


def _within(items: Sequence[Example], groups: Sequence[Group], found: Found) -> tuple[DuplicatePair, ...]:
    """All pairs of items from the pairs of their texts; in each the item that comes first stands first."""
    pairs = []
    for a, b, similarity in found:
        for n, i in enumerate(groups[a]):
            others = groups[a][n + 1 :] if a == b else groups[b]
            pairs += [_pair(items[min(i, j)], items[max(i, j)], similarity) for j in others]
    return tuple(sorted(pairs, key=_order))


def _nearest(
    items: Sequence[Example], held_out: Sequence[Group], train: Sequence[Group], found: Found
) -> tuple[DuplicatePair, ...]:
    """Each held-out item with its nearest training item; of equally near ones, the first by id."""
    nearest: dict[int, tuple[float, str, int]] = {}
    first = [min(((items[i].id, i) for i in group), default=None) for group in train]
    for a, b, similarity in found:
        for h, t in {(a, b), (b, a)}:
            there = first[t]
            if there is not None and held_out[h]:
                candidate = (-similarity, *there)
                nearest[h] = min(nearest.get(h, candidate), candidate)
    pairs = [
        _pair(items[i], items[j], -minus)
        for h, (minus, _, j) in nearest.items()
        for i in held_out[h]
    ]  # fmt: skip
    return tuple(sorted(pairs, key=_order))


def _pair(first: Example, second: Example, similarity: float) -> DuplicatePair:
    same = first.output == second.output
    return DuplicatePair.model_construct(
        first=first.id, second=second.id, similarity=similarity, same_output=same
    )


def _order(pair: DuplicatePair) -> Any:
    return -pair.similarity, pair.first, pair.second


def _normalised(example: Example) -> str:
    return " ".join(example.input_text.lower().split())
