"""Go/no-go reviews, the gate of a pipeline, and the journal of who did what.

Who asks is an `Identity`; without one it is the user of this machine. What they may do is checked here, and what they
did is in the journal before anything else is told of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.access import Identity
from advisor.cases.loading import LoadedCase
from advisor.cases.schema import ReviewRule
from advisor.errors import NoResultsError, UsageError
from advisor.records import Decision
from advisor.reviews.records import ReviewRecord, Vote
from advisor.workflow._cases import STORE_FOLDER, load, open_store
from advisor.workflow._evidence import decide_stored
from advisor.workflow._journal import authorised

if TYPE_CHECKING:
    from advisor.reports.context import ReviewFacts
    from advisor.reviews.gate import Gate
    from advisor.store.database import Store
    from advisor.store.journal import JournalEntry

OPENED, SIGNED = "review opened", "review signed"
LONGEST_COMMENT = 4_000
VOTES: tuple[Vote, ...] = ("approve", "reject", "abstain")


def open_review(
    case: Path | str, *, comment: str = "", store: str | None = None, identity: Identity | None = None
) -> ReviewRecord:
    """Freezes the decision as it is now, for people to sign. A review that went stale is replaced.

    Raises:
        AccessError: Whoever asks is no editor.
        NoResultsError: There is no decision yet.
        UsageError: A review of the same evidence is open already, or the comment is too long.
    """
    from advisor.reviews.evidence import evidence_hash, evidence_parts
    from advisor.store.journal import add_entry

    who = authorised(identity, "editor")
    loaded = load(case)
    _check_comment(comment)
    with open_store(loaded, store) as opened:
        decision = decide_stored(loaded, opened)
        parts = evidence_parts(decision)
        there = _newest(opened, loaded.case.name)
        if there is not None and there.details["evidence"] == evidence_hash(parts):
            raise UsageError(
                f"A review of this evidence is open since {there.at:%Y-%m-%d %H:%M} UTC (opened by {there.who.name}).",
                hint=f"Sign it: advisor review sign {loaded.folder} --approve",
            )
        add_entry(
            opened,
            case=loaded.case.name,
            what=OPENED,
            who=who,
            details={
                "evidence": evidence_hash(parts),
                "rule": (loaded.case.review or ReviewRule()).model_dump(mode="json"),
                "comment": comment,
                "decision": decision.to_dict(),
            },
        )
        found = _record(loaded, opened)
    assert found is not None
    return found


def sign(
    case: Path | str,
    vote: Vote,
    *,
    role: str | None = None,
    comment: str = "",
    checked: Sequence[str] = (),
    store: str | None = None,
    identity: Identity | None = None,
    evidence: str | None = None,
) -> ReviewRecord:
    """Signs the newest review of a case. It cannot be taken back; a later one of the same person counts in its place.

    Args:
        case: The case folder.
        vote: approve, reject or abstain.
        role: What the signer speaks for: one of the rule's roles.
        comment: Why; a rejection needs one.
        checked: Ids of the checklist that the signer looked at.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.
        identity: Who signs; None: the user of this machine.
        evidence: The evidence that the signer saw; another one by now is refused.

    Raises:
        AccessError: Whoever asks is no reviewer.
        UsageError: There is no review, it is stale, or something of the sign-off does not fit.
    """
    from advisor.store.journal import add_entry

    who = authorised(identity, "reviewer")
    loaded = load(case)
    _check_comment(comment)
    if vote not in VOTES:
        raise UsageError(f"There is no vote {vote!r}.", hint=f"There are {', '.join(VOTES)}.")
    if vote == "reject" and not comment.strip():
        raise UsageError(
            "A rejection needs a comment: what would have to be otherwise?", hint="Add --comment TEXT."
        )
    with open_store(loaded, store) as opened:
        review = _record(loaded, opened)
        if review is None:
            raise UsageError("No review was opened.", hint=f"Open one: advisor review open {loaded.folder}")
        if review.result.outcome == "stale":
            raise UsageError(
                "The review is stale: " + " ".join(review.changed),
                hint=f"Open a new one on the evidence as it is now: advisor review open {loaded.folder}",
            )
        if evidence is not None and evidence != review.evidence:
            raise UsageError("Another review was opened meanwhile.", hint="Look at it, then sign again.")
        _check_sign_off(review, who, role, checked)
        add_entry(
            opened,
            case=loaded.case.name,
            what=SIGNED,
            who=who,
            details={
                "review": review.number,
                "vote": vote,
                "role": role,
                "comment": comment,
                "checked": list(dict.fromkeys(checked)),
            },
        )
        found = _record(loaded, opened)
    assert found is not None
    return found


def review_status(case: Path | str, *, store: str | None = None) -> ReviewRecord | None:
    """The newest review of a case as it stands now; None where none was opened."""
    loaded = load(case)
    if store is None and not (loaded.folder / STORE_FOLDER / "store.sqlite").exists():
        return None
    with open_store(loaded, store) as opened:
        return _record(loaded, opened)


def review_facts(loaded: LoadedCase, store: Store | None, decision: Decision) -> ReviewFacts | None:
    """What the report of a decision tells of the newest review; None where none was opened."""
    from advisor.reviews.telling import facts_of

    found = None if store is None else _record(loaded, store, decision)
    return None if found is None else facts_of(found)


def gate(case: Path | str, *, store: str | None = None) -> Gate:
    """Whether a pipeline may go on; a case without results is not yet.

    Raises:
        CaseError: The case is wrong.
    """
    from advisor.reviews.gate import Check, Gate, gate_of

    loaded = load(case)
    here = store is not None or (loaded.folder / STORE_FOLDER / "store.sqlite").exists()
    opened = open_store(loaded, store) if here else None
    try:
        decision = decide_stored(loaded, opened)
        review = None if opened is None else _record(loaded, opened, decision)
    except NoResultsError as error:
        check = Check(name="There are results", passed=False, text=error.message)
        return Gate(case=loaded.case.name, answer="not_yet", checks=(check,))
    finally:
        if opened is not None:
            opened.close()
    return gate_of(decision, review, wanted=loaded.case.review is not None)


def journal(case: Path | str, *, store: str | None = None) -> tuple[list[JournalEntry], int | None]:
    """(who did what to a case, the oldest first; the first entry of the store that was tampered with, or None)."""
    from advisor.store.journal import broken_at, entries

    loaded = load(case)
    if store is None and not (loaded.folder / STORE_FOLDER / "store.sqlite").exists():
        return [], None
    with closing(open_store(loaded, store)) as opened:
        return entries(opened, loaded.case.name), broken_at(opened)


def _newest(store: Store, case_name: str) -> JournalEntry | None:
    from advisor.store.journal import entries

    found = entries(store, case_name, what=(OPENED,))
    return found[-1] if found else None


def _record(loaded: LoadedCase, store: Store, now: Decision | None = None) -> ReviewRecord | None:
    from advisor.reviews.checklist import checklist
    from advisor.reviews.evidence import evidence_hash, evidence_parts, what_changed
    from advisor.reviews.outcome import counting, outcome_of
    from advisor.reviews.records import SignOff
    from advisor.store.journal import broken_at, entries, last_hash

    there = _newest(store, loaded.case.name)
    if there is None:
        return None
    frozen = Decision.model_validate(there.details["decision"])
    rule = ReviewRule.model_validate(there.details["rule"])
    try:
        now = now or decide_stored(loaded, store)
        evidence_now: str | None = evidence_hash(evidence_parts(now))
        changed = what_changed(frozen, now)
    except NoResultsError:
        evidence_now, changed = None, ("There are no results of the case as it is now.",)
    sign_offs = tuple(
        SignOff(
            number=e.number,
            at=e.at,
            who=e.who,
            vote=e.details["vote"],
            role=e.details["role"],
            comment=e.details["comment"],
            checked=tuple(e.details["checked"]),
        )
        for e in entries(store, loaded.case.name, what=(SIGNED,))
        if e.details["review"] == there.number
    )
    return ReviewRecord(
        case=loaded.case.name,
        number=there.number,
        opened_at=there.at,
        opened_by=there.who,
        comment=there.details["comment"],
        evidence=there.details["evidence"],
        evidence_now=evidence_now,
        changed=changed,
        rule=rule,
        decision=frozen,
        checklist=checklist(frozen),
        sign_offs=sign_offs,
        counted=tuple(s.number for s in counting(sign_offs, rule, there.who)),
        result=outcome_of(sign_offs, rule, there.who, stale=evidence_now != there.details["evidence"]),
        journal_intact=broken_at(store) is None,
        journal_hash=last_hash(store),
    )


def _check_comment(comment: str) -> None:
    if len(comment) > LONGEST_COMMENT:
        raise UsageError(f"The comment has {len(comment):,} characters; {LONGEST_COMMENT:,} are allowed.")


def _check_sign_off(review: ReviewRecord, who: Identity, role: str | None, checked: Sequence[str]) -> None:
    if role is not None and role not in review.rule.roles:
        known = ", ".join(review.rule.roles) or "none"
        raise UsageError(
            f"The review knows no role {role!r}.", hint=f"The case's `review.roles` has: {known}."
        )
    if not review.rule.opener_may_sign and who.is_same_person(review.opened_by):
        raise UsageError(
            f"{who.name} opened the review, and the case's rule wants others to sign.",
            hint="Ask another reviewer, or set review.opener_may_sign in the case and open a new review.",
        )
    known_ids = {item.id for item in review.checklist}
    if unknown := [c for c in checked if c not in known_ids]:
        raise UsageError(
            f"The checklist has no item {', '.join(map(repr, unknown))}.",
            hint=f"It has: {', '.join(sorted(known_ids))}.",
        )
