"""What a decision rests on: the case, what was measured, and when it is taken."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from advisor.cases.schema import Case
from advisor.catalogue.lifecycle import ServiceEnd, Tunability, remaining_months
from advisor.catalogue.prices import Price
from advisor.records import HumanLabel, Measured, Provenance, Record


class DataFacts(Record):
    """What the data audit says, as far as a decision needs it."""

    n_learn: int
    n_dev: int
    n_held_out: int
    n_documents: int
    leaked: frozenset[str]
    """Held-out items with a near duplicate in the training data."""
    clusters: dict[str, str] = {}
    """Group of a held-out item, where it has one."""
    findings: tuple[str, ...] = ()
    input_characters: dict[str, int] = {}
    """Length of a held-out item's input."""
    with_documents: frozenset[str] = frozenset()
    """Held-out items that name the documents which hold their answer."""


class CaseEvidence(Record):
    """All that a decision is computed from: the same evidence gives the same decision."""

    case: Case
    data: DataFacts
    measured: tuple[Measured, ...]
    """In the order of the case's baselines; those without results are absent."""
    run: str | None
    now: datetime
    provenance: Provenance
    warnings: tuple[str, ...] = ()
    expected: dict[str, JsonValue] = {}
    """Expected output by held-out item; for metrics that only a whole set has, slices and diagnosis."""
    prices: dict[str, Price] = {}
    """What the model of a baseline costs by the token, where it is known."""
    ends: dict[str, ServiceEnd] = {}
    """When the service of a baseline's model ends, where an end is known."""
    tunability: dict[str, Tunability] = {}
    """Whether a model can be tuned, by the case's name of it."""

    human_labels: tuple[HumanLabel, ...] = ()
    """People's scores of answers, which correct a judge's."""

    def life_months(self, baseline: str) -> float | None:
        """Months until the service of a baseline's model ends; None where no end is known."""
        end = self.ends.get(baseline)
        return None if end is None else remaining_months(end.date, self.now.date())
