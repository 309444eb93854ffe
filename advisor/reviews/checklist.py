"""What to look at before signing: the ten questions, then what tuning needs. Pure."""

from __future__ import annotations

from advisor.records import Decision
from advisor.reviews.records import ChecklistItem

_STATUSES = {"ready": "ready", "partly": "partly ready", "missing": "missing", "not_needed": "not needed"}


def checklist(decision: Decision) -> tuple[ChecklistItem, ...]:
    """The items of a decision's review, in the order of the lesson."""
    questions = [
        ChecklistItem(
            id=q.id,
            title=q.question,
            answer=q.answer,
            text=q.summary,
            evidence=tuple((e.kind, e.text) for e in q.evidence),
            settled=q.answer != "unclear",
        )
        for q in decision.questions
    ]
    readiness = [
        ChecklistItem(
            id=f"readiness.{number}",
            title=item.item,
            answer=_STATUSES[item.status],
            text=item.text,
            settled=item.status in ("ready", "not_needed"),
        )
        for number, item in enumerate(decision.readiness, start=1)
    ]
    return (*questions, *readiness)
