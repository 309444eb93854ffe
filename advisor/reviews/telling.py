"""A review in words: for a terminal, for Markdown, and for the report."""

from __future__ import annotations

from advisor.access import Identity
from advisor.formatting import clean, one_line
from advisor.reports import wording
from advisor.reports.context import ReviewFacts, Signature
from advisor.reports.escaping import escaped
from advisor.reviews.records import Outcome, ReviewRecord, SignOff, Vote

OUTCOMES: dict[Outcome, str] = {
    "approved": "Approved",
    "rejected": "Rejected",
    "pending": "Pending",
    "stale": "Stale: what was signed is no longer what is there",
}
VOTES: dict[Vote, str] = {"approve": "approves", "reject": "rejects", "abstain": "abstains"}


def person(who: Identity) -> str:
    """Who it is, and who says so."""
    email = f" <{one_line(who.email)}>" if who.email else ""
    return f"{one_line(who.name)}{email} (asserted by {one_line(who.asserted_by)})"


def signed(one: SignOff) -> str:
    """A sign-off in one line."""
    role = f" for {one.role}" if one.role else ""
    comment = f": {one_line(one.comment)}" if one.comment.strip() else ""
    return f"{VOTES[one.vote]}{role}{comment}"


def status_line(review: ReviewRecord) -> str:
    """What the review comes to, in one line."""
    r = review.result
    missing = f"; missing: {', '.join(r.missing)}" if r.missing else ""
    return (
        f"{OUTCOMES[r.outcome]}. {r.approvals} of {review.rule.quorum} approve, {r.rejections} reject, "
        f"{r.abstentions} abstain{missing}."
    )


def rule_line(review: ReviewRecord) -> str:
    """The quorum rule in one line."""
    roles = ", ".join(f"{n} for {role}" for role, n in review.rule.roles.items())
    return (
        f"Quorum: {review.rule.quorum}{f' (among them {roles})' if roles else ''}; "
        f"{'one rejection blocks' if review.rule.reject_blocks else 'it takes as many rejections to block'}; "
        f"whoever opened it {'may' if review.rule.opener_may_sign else 'may not'} sign."
    )


def facts_of(review: ReviewRecord) -> ReviewFacts:
    """What the report tells of a review."""
    counted = set(review.counted)
    return ReviewFacts(
        status=f"{status_line(review)} {rule_line(review)} Evidence {review.evidence[:16]}, "
        f"journal {review.journal_hash[:16]}.",
        signatures=tuple(
            Signature(
                who=person(s.who),
                when=f"{s.at:%Y-%m-%d %H:%M} UTC",
                what=signed(s)
                + ("" if s.number in counted else " (replaced by a later one, or not counted)"),
            )
            for s in review.sign_offs
        ),
        stale=" ".join(review.changed) or None,
    )


def review_lines(review: ReviewRecord) -> list[str]:
    """The review as lines of plain text."""
    lines = [
        f"Review of {review.case}, opened {review.opened_at:%Y-%m-%d %H:%M} UTC by {person(review.opened_by)}",
        *([f"  {one_line(review.comment)}"] if review.comment.strip() else []),
        f"Verdict that is signed: {wording.VERDICTS[review.decision.verdict.decision]}"
        f"{f' ({review.decision.verdict.recommended})' if review.decision.verdict.recommended else ''}",
        status_line(review),
        rule_line(review),
        *(f"  changed since: {one_line(text)}" for text in review.changed),
    ]
    counted = set(review.counted)
    for s in review.sign_offs:
        mark = "" if s.number in counted else "  (not counted: replaced by a later one, or by the rule)"
        lines.append(f"  {s.at:%Y-%m-%d %H:%M} UTC  {person(s.who)} {signed(s)}{mark}")
    open_items = [i for i in review.checklist if not i.settled]
    if open_items:
        lines.append("Open in the checklist:")
        lines += [f"  {i.id}: {one_line(i.title)} {i.answer}. {one_line(i.text)}" for i in open_items]
    lines.append(f"Evidence {review.evidence}")
    if not review.journal_intact:
        lines.append(
            "THE JOURNAL WAS TAMPERED WITH: an entry is not what was written. See advisor review log."
        )
    return [clean(line) for line in lines]


def review_markdown(review: ReviewRecord) -> str:
    """The review as a Markdown document, to be kept with the report."""
    looked = {
        i.id: sorted({s.who.name for s in review.sign_offs if i.id in s.checked}) for i in review.checklist
    }
    lines = [
        f"# Review: {escaped(review.decision.facts.title or review.case)}",
        "",
        f"**{escaped(status_line(review))}**",
        "",
        f"- Opened {review.opened_at:%Y-%m-%d %H:%M} UTC by {escaped(person(review.opened_by))}",
        f"- Verdict that is signed: {wording.VERDICTS[review.decision.verdict.decision]}",
        f"- {escaped(rule_line(review))}",
        f"- Evidence `{review.evidence}`, journal `{review.journal_hash}`"
        f"{'' if review.journal_intact else ' (**tampered with**)'}",
        *(f"- Changed since: {escaped(text)}" for text in review.changed),
        "",
        "## Sign-offs",
        "",
        "| When (UTC) | Who | What |",
        "|---|---|---|",
        *(
            f"| {s.at:%Y-%m-%d %H:%M} | {escaped(person(s.who))} | {escaped(signed(s))} |"
            for s in review.sign_offs
        ),
        "",
        "## Checklist",
        "",
        "| Item | Answer | Looked at by |",
        "|---|---|---|",
        *(
            f"| {escaped(i.title)} {escaped(i.text)} | {i.answer} | {escaped(', '.join(looked[i.id]) or '–')} |"
            for i in review.checklist
        ),
    ]
    return "\n".join(lines) + "\n"
