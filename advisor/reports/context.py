"""What a report tells beside the decision: the data card, the configuration, and the review.

The workflow makes it from the case; a report without it leaves those sections out.
"""

from __future__ import annotations

from advisor.cases.audit import SplitSize
from advisor.records import BaselineKind, Record


class ConfiguredBaseline(Record):
    """A baseline as the case says it."""

    name: str
    kind: BaselineKind
    model: str | None
    provider: str | None
    settings: str
    """All that is not the default, in one line."""


class Signature(Record):
    """Who signed a review off."""

    who: str
    when: str
    what: str
    """Go, no-go, or not yet; and a comment."""


class ReviewFacts(Record):
    """The go/no-go review of a decision, for its report."""

    status: str
    signatures: tuple[Signature, ...] = ()
    stale: str | None = None
    """Why it no longer holds; None where it does."""


class ReportContext(Record):
    """Facts of a case that its decision does not hold."""

    data_card: str | None = None
    """The case's README.md."""
    splits: tuple[SplitSize, ...] = ()
    findings: tuple[str, ...] = ()
    """Of the data audit."""
    prompt: str = ""
    """The system message that every baseline is asked with."""
    baselines: tuple[ConfiguredBaseline, ...] = ()
    review: ReviewFacts | None = None
