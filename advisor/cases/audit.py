"""The data audit: what the examples can carry, and what would flatter a result.

Near duplicates (`advisor.cases.duplicates`) are counted within and *across* the splits: a held-out item with a near
duplicate in the training data is called leaked, and quality is reported with and without such items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from advisor.cases.duplicates import DuplicatePair, Duplicates, near_duplicates
from advisor.cases.loading import LoadedCase
from advisor.cases.schema import Example
from advisor.records import Record


class SplitSize(Record):
    """How much there is of one split."""

    name: str
    examples: int
    groups: int | None
    outputs: dict[str, int] | None
    """Examples by label, for classification."""
    median_input_characters: int


class Audit(Record):
    """What the audit found."""

    splits: tuple[SplitSize, ...]
    within_train: tuple[DuplicatePair, ...]
    within_held_out: tuple[DuplicatePair, ...]
    across: tuple[DuplicatePair, ...]
    """(held-out item, its nearest training item)."""
    groups_across: tuple[str, ...]
    n_documents: int
    findings: tuple[str, ...]

    @property
    def leaked(self) -> frozenset[str]:
        """Ids of held-out items with a near duplicate in the training data."""
        return frozenset(pair.first for pair in self.across)


def audit(loaded: LoadedCase, duplicates: Duplicates | None = None) -> Audit:
    """Audits a case's data; calls no model.

    Args:
        loaded: The case.
        duplicates: Its near duplicates, where they are known already: they are what takes time.
    """
    duplicates = duplicates or near_duplicates(loaded.train, loaded.held_out)
    labels = loaded.case.task.labels
    splits = tuple(
        _size(name, examples, labels)
        for name, examples in (("learn", loaded.learn), ("dev", loaded.dev), ("held_out", loaded.held_out))
    )
    groups_across = sorted(
        {e.group for e in loaded.train if e.group} & {e.group for e in loaded.held_out if e.group}
    )
    n_documents = sum(1 for p in loaded.documents.rglob("*") if p.is_file()) if loaded.documents else 0
    found = Audit(
        splits=splits,
        within_train=duplicates.within_train,
        within_held_out=duplicates.within_held_out,
        across=duplicates.across,
        groups_across=tuple(groups_across),
        n_documents=n_documents,
        findings=(),
    )
    return found.model_copy(update={"findings": tuple(_findings(loaded, found))})


def _size(name: str, examples: Sequence[Example], labels: Sequence[str] | None) -> SplitSize:
    outputs = None
    if labels is not None:
        counts = Counter(str(e.output) for e in examples)
        outputs = {label: counts[label] for label in labels}
    groups = {e.group for e in examples if e.group is not None}
    lengths = [len(e.input_text) for e in examples]
    return SplitSize(
        name=name,
        examples=len(examples),
        groups=len(groups) or None,
        outputs=outputs,
        median_input_characters=int(np.median(lengths)) if lengths else 0,
    )


def _findings(loaded: LoadedCase, found: Audit) -> list[str]:
    """What a reader should know, most serious first."""
    findings = []
    n = len(loaded.held_out)
    if found.across:
        exact = sum(p.exact for p in found.across)
        worst = ", ".join(f"{p.first} ~ {p.second}" for p in found.across[:3])
        findings.append(
            f"{len(found.across)} of {n} held-out items ({len(found.across) / n:.1%}) have a near duplicate in the "
            f"training data, {exact} of them an exact one (e.g. {worst}): quality is also reported without them."
        )
    if found.groups_across:
        shown = ", ".join(found.groups_across[:3])
        findings.append(
            f"{len(found.groups_across)} groups stand in both splits (e.g. {shown}): "
            "held-out quality may flatter what learned from them."
        )
    contradictions = [p for p in found.within_train if p.exact and not p.same_output]
    if contradictions:
        first = contradictions[0]
        findings.append(
            f"{len(contradictions)} pairs of training items have the same input and different outputs "
            f"(e.g. {first.first} and {first.second}): no model can learn both."
        )
    for name, pairs in (("training", found.within_train), ("held-out", found.within_held_out)):
        if pairs:
            findings.append(
                f"{len(pairs)} pairs of {name} items are near duplicates "
                f"(e.g. {pairs[0].first} ~ {pairs[0].second}): the set says less than its size."
            )
    train = Counter(str(e.output) for e in loaded.train)
    held_out = Counter(str(e.output) for e in loaded.held_out)
    for label in loaded.case.task.labels or ():
        if not train[label]:
            findings.append(f"Label {label!r} has no training example.")
        elif train[label] < 5:
            findings.append(f"Label {label!r} has only {train[label]} training examples.")
        if not held_out[label]:
            findings.append(f"Label {label!r} has no held-out example: nothing is learned about it.")
    return findings
