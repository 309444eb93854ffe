"""What sign-offs come to: the quorum rule, and nothing else. Pure.

    stale      the evidence or an assumption is another one than what was signed
    rejected   somebody rejected it (or, where one rejection does not block, as many as the quorum)
    approved   as many approve as the quorum, and enough of them speak for each role
    pending    otherwise

A person counts once, with the newest sign-off; an abstention is on record, and counts neither way.
"""

from __future__ import annotations

from collections.abc import Sequence

from advisor.access import Identity
from advisor.cases.schema import ReviewRule
from advisor.reviews.records import Counted, Outcome, SignOff


def counting(sign_offs: Sequence[SignOff], rule: ReviewRule, opened_by: Identity) -> tuple[SignOff, ...]:
    """The sign-offs that count: the newest of each person, the oldest of these first."""
    newest: list[SignOff] = []
    for one in sorted(sign_offs, key=lambda s: s.number, reverse=True):
        if not rule.opener_may_sign and one.who.is_same_person(opened_by):
            continue
        if not any(one.who.is_same_person(other.who) for other in newest):
            newest.append(one)
    return tuple(reversed(newest))


def outcome_of(
    sign_offs: Sequence[SignOff], rule: ReviewRule, opened_by: Identity, *, stale: bool
) -> Counted:
    """The outcome of a review.

    Args:
        sign_offs: All of them.
        rule: The quorum rule.
        opened_by: Who opened the review.
        stale: Whether what was signed is no longer what is there.
    """
    counted = counting(sign_offs, rule, opened_by)
    approvals = [s for s in counted if s.vote == "approve"]
    rejections = [s for s in counted if s.vote == "reject"]
    missing = []
    if len(approvals) < rule.quorum:
        more = rule.quorum - len(approvals)
        missing.append(
            f"{more} more {'approval' if more == 1 else 'approvals'} ({len(approvals)} of {rule.quorum})"
        )
    for role, wanted in rule.roles.items():
        have = sum(s.role == role for s in approvals)
        if have < wanted:
            missing.append(f"an approval that speaks for {role} ({have} of {wanted})")
    outcome: Outcome = "pending"
    if stale:
        outcome = "stale"
        missing = ["a new review, on the evidence as it is now"]
    elif len(rejections) >= (1 if rule.reject_blocks else rule.quorum):
        outcome = "rejected"
    elif not missing:
        outcome = "approved"
    return Counted(
        outcome=outcome,
        approvals=len(approvals),
        rejections=len(rejections),
        abstentions=len(counted) - len(approvals) - len(rejections),
        missing=tuple(missing) if outcome in ("pending", "stale") else (),
    )
