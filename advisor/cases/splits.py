"""The dev split, cut from the training data by a seed: no setting is chosen on the held-out set. And nested parts."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from advisor.cases.schema import Example


def split_dev(
    examples: Sequence[Example], *, fraction: float, seed: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """(examples to learn from, dev examples), each in their given order.

    Whole groups go to one side where groups are given. Where every output is a text, as labels are, and there are
    no groups, each output keeps its share. The choice depends on ids and seed alone: an added example moves
    no other one, except at the edge of its label's share.
    """
    if len(examples) < 2:
        return tuple(examples), ()
    target = max(1, round(fraction * len(examples)))
    if any(e.group is not None for e in examples):
        dev = _whole_groups(examples, target, seed)
    else:
        dev = _stratified(examples, target, fraction, seed)
    return tuple(e for e in examples if e.id not in dev), tuple(e for e in examples if e.id in dev)


def nested_part(examples: Sequence[Example], n: int, *, seed: int, by_output: bool) -> tuple[Example, ...]:
    """`n` of the examples, in their given order; a smaller part is always within a larger one.

    Args:
        examples: All there are.
        n: How many, at least 1 and at most all.
        seed: Decides which; with the ids alone, so that the order of the file does not matter.
        by_output: Whether each output keeps its share in every part, as labels should.
    """
    strata: dict[str, list[str]] = defaultdict(list)
    for example in sorted(examples, key=lambda e: _rank(e.id, seed)):
        strata[str(example.output) if by_output else ""].append(example.id)
    # the k-th of m of an output stands at (k + 1/2) / m of the whole order, so every beginning holds its share
    places = [
        ((k + 0.5) / len(ids), _rank(f"output:{output}", seed), id)
        for output, ids in strata.items()
        for k, id in enumerate(ids)
    ]
    chosen = {id for _, _, id in sorted(places)[:n]}
    return tuple(e for e in examples if e.id in chosen)


def _whole_groups(examples: Sequence[Example], target: int, seed: int) -> set[str]:
    groups: dict[str, list[str]] = defaultdict(list)
    for example in examples:
        # an example without a group is a group of its own; the prefix keeps it apart from a group of that name
        groups[f"group:{example.group}" if example.group is not None else f"id:{example.id}"].append(
            example.id
        )
    dev: set[str] = set()
    names = sorted(groups, key=lambda name: _rank(name, seed))
    for name in names[:-1]:  # one group at least is left to learn from
        if len(dev) >= target:
            break
        dev.update(groups[name])
    return dev


def _stratified(examples: Sequence[Example], target: int, fraction: float, seed: int) -> set[str]:
    strata: dict[str, list[str]] = defaultdict(list)
    texts = {e.output for e in examples if isinstance(e.output, str)}
    stratify = len(texts) <= len(examples) // 2 and all(isinstance(e.output, str) for e in examples)
    for example in examples:
        strata[str(example.output) if stratify else ""].append(example.id)
    dev: list[str] = []
    for ids in strata.values():
        dev += sorted(ids, key=lambda i: _rank(i, seed))[: int(fraction * len(ids))]
    rest = sorted((e.id for e in examples if e.id not in set(dev)), key=lambda i: _rank(i, seed))
    dev += rest[: max(0, target - len(dev))]
    return set(dev)


def _rank(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
