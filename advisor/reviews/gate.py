"""The gate of a pipeline: go, no-go or not yet, from the verdict and its review. Pure.

| verdict | review | gate |
|---|---|---|
| do not fine-tune | any | no-go |
| any | rejected, on this evidence | no-go |
| not yet | any other | not yet |
| fine-tune | not asked for, and none opened | go |
| fine-tune | approved, on this evidence | go |
| fine-tune | asked for or opened, and pending or stale | not yet |

A case asks for a review with its key `review`. A journal that was tampered with opens no gate.
"""

from __future__ import annotations

from typing import Literal

from advisor.records import Decision, Record
from advisor.reports import wording
from advisor.reviews.records import ReviewRecord

Answer = Literal["go", "no_go", "not_yet"]
EXIT_CODES: dict[Answer, int] = {"go": 0, "no_go": 10, "not_yet": 20}


class Check(Record):
    """One condition of the gate."""

    name: str
    passed: bool
    text: str


class Gate(Record):
    """What a pipeline may do, and why."""

    case: str
    answer: Answer
    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """0 go · 10 no-go · 20 not yet."""
        return EXIT_CODES[self.answer]


def gate_of(decision: Decision, review: ReviewRecord | None, *, wanted: bool) -> Gate:
    """The gate of a case.

    Args:
        decision: As it is now.
        review: The newest review, if one was opened.
        wanted: Whether the case asks for a review.
    """
    v = decision.verdict
    checks = [
        Check(
            name="The verdict is: fine-tune",
            passed=v.decision == "fine_tune",
            text="; ".join([wording.VERDICTS[v.decision], *v.reasons[:1]]),
        ),
        *(
            Check(name=f"Nothing is missing ({n})", passed=False, text=text)
            for n, text in enumerate(v.missing, start=1)
        ),
    ]
    outcome = review.result.outcome if review is not None else None
    if review is None and wanted:
        checks.append(
            Check(name="A review was opened", passed=False, text="The case asks for one: advisor review open")
        )
    if review is not None:
        r = review.result
        checks += [
            Check(
                name="The review is of this evidence",
                passed=outcome != "stale",
                text="; ".join(review.changed) or "Nothing changed since it was opened.",
            ),
            Check(
                name="Nobody rejected it", passed=outcome != "rejected", text=f"{r.rejections} rejected it."
            ),
            Check(
                name="The quorum is reached",
                passed=outcome == "approved",
                text=f"{r.approvals} approved it; missing: {', '.join(r.missing) or 'nothing'}.",
            ),
            Check(
                name="The journal is intact",
                passed=review.journal_intact,
                text="Each entry follows the one before."
                if review.journal_intact
                else "An entry is not what was written: see advisor review log.",
            ),
        ]
    answer: Answer
    if v.decision == "do_not_fine_tune" or outcome == "rejected":
        answer = "no_go"
    elif all(c.passed for c in checks):
        answer = "go"
    else:
        answer = "not_yet"
    return Gate(case=decision.case, answer=answer, checks=tuple(checks))
