"""Choosing a held-out set where nobody has: by a seed, and never through the middle of what belongs together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from advisor.cases.schema import Example


def clusters_of(examples: Sequence[Example], *, similar: bool) -> tuple[tuple[str, ...], ...]:
    """The ids that must stay on one side: of one group, or (nearly) the same input.

    Args:
        examples: All there are; their ids are unique.
        similar: Whether near duplicates, as the data audit finds them, belong together.
    """
    parent = {e.id: e.id for e in examples}

    def root(id: str) -> str:
        while parent[id] != id:
            parent[id] = parent[parent[id]]
            id = parent[id]
        return id

    first_of: dict[str, str] = {}
    for example in examples:
        keys = [f"input:{' '.join(example.input_text.lower().split())}"]
        keys += [f"group:{example.group}"] if example.group is not None else []
        for key in keys:
            parent[root(example.id)] = root(first_of.setdefault(key, example.id))
    if similar:
        from advisor.cases.duplicates import near_duplicates

        for pair in near_duplicates(examples, ()).within_train:
            parent[root(pair.second)] = root(pair.first)
    members: dict[str, list[str]] = {}
    for example in examples:
        members.setdefault(root(example.id), []).append(example.id)
    return tuple(tuple(ids) for ids in members.values())


def split_held_out(
    examples: Sequence[Example], *, share: float, seed: int, similar: bool = True, by_output: bool = False
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """(training examples, held-out examples), each in their given order; both empty of the other's groups.

    Clusters are taken in an order that ids and seed decide, each if it brings the held-out set nearer to its share:
    of every output where `by_output`, as labels should be, else of all examples.

    Args:
        examples: All there are.
        share: Of them, to hold out: above 0 and below 1.
        seed: Decides which.
        similar: Whether near duplicates stay on one side.
        by_output: Whether each output keeps its share.
    """
    kind = {e.id: str(e.output) if by_output else "" for e in examples}
    total = Counter(kind.values())
    target = {output: share * n for output, n in total.items()}
    have: Counter[str] = Counter()
    clusters = sorted(clusters_of(examples, similar=similar), key=lambda ids: _rank(min(ids), seed))
    chosen: set[str] = set()
    left = len(clusters)
    for ids in clusters:
        brings = Counter(kind[i] for i in ids)
        before = sum(abs(target[o] - have[o]) for o in brings)
        after = sum(abs(target[o] - have[o] - n) for o, n in brings.items())
        # what is seen in the held-out set only cannot be learned
        learnable = all(have[o] + n < total[o] for o, n in brings.items())
        if after < before and learnable and left > 1:
            chosen.update(ids)
            have += brings
            left -= 1
    if not chosen and len(clusters) > 1:
        chosen.update(sorted(clusters, key=len)[0])
    return (
        tuple(e for e in examples if e.id not in chosen),
        tuple(e for e in examples if e.id in chosen),
    )


def _rank(name: str, seed: int) -> str:
    return hashlib.sha256(f"held_out:{seed}:{name}".encode()).hexdigest()
