"""A review in frozen records: what was opened, who signed, and what that comes to."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from advisor.access import Identity
from advisor.cases.schema import ReviewRule
from advisor.records import Decision, EvidenceKind, Record

Vote = Literal["approve", "reject", "abstain"]
Outcome = Literal["approved", "rejected", "pending", "stale"]


class ChecklistItem(Record):
    """One thing to look at before signing: one of the ten questions, or one of the readiness list."""

    id: str
    title: str
    answer: str
    """yes, no, unclear; or ready, partly, missing, not needed."""
    text: str
    evidence: tuple[tuple[EvidenceKind, str], ...] = ()
    settled: bool
    """Whether nothing is left open there."""


class SignOff(Record):
    """What somebody signed, and who says that it was them."""

    number: int
    """Of the journal's entry."""
    at: datetime
    who: Identity
    vote: Vote
    role: str | None
    """What they speak for, such as `data`; one of the rule's roles."""
    comment: str
    checked: tuple[str, ...]
    """Ids of the checklist that they say they looked at."""


class Counted(Record):
    """What the sign-offs come to under the rule."""

    outcome: Outcome
    approvals: int
    rejections: int
    abstentions: int
    missing: tuple[str, ...]
    """What is missing for an approval, in words."""


class ReviewRecord(Record):
    """A review as it stands: frozen evidence, rule, sign-offs, outcome."""

    case: str
    number: int
    """Of the journal's entry that opened it."""
    opened_at: datetime
    opened_by: Identity
    comment: str
    evidence: str
    """Hash of the frozen evidence."""
    evidence_now: str | None
    """Hash of the evidence as it is now; null where nothing is there to decide from any more."""
    changed: tuple[str, ...]
    """What changed since it was opened, in words; empty where nothing did."""
    rule: ReviewRule
    decision: Decision
    """The decision that was frozen."""
    checklist: tuple[ChecklistItem, ...]
    sign_offs: tuple[SignOff, ...]
    """All of them, the oldest first."""
    counted: tuple[int, ...]
    """Numbers of the sign-offs that count: the newest of each person."""
    result: Counted
    journal_intact: bool
    """Whether the journal is what was written, entry by entry."""
    journal_hash: str
    """Of its newest entry."""
