"""The go/no-go review: what is signed, the checklist, who signed, and whether that still holds."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st
import ui_explain as explain
import ui_shared as ui

from advisor.access import Identity
from advisor.reports import wording as w
from advisor.reviews.records import ChecklistItem, Outcome, ReviewRecord, Vote
from advisor.reviews.telling import OUTCOMES, person, review_markdown, rule_line, signed
from advisor.workflow import reviewing

BANNERS = {
    "approved": (st.success, ":material/check_circle:"),
    "rejected": (st.error, ":material/block:"),
    "pending": (st.info, ":material/hourglass_empty:"),
    "stale": (st.warning, ":material/history:"),
}
VOTES: dict[Vote, str] = {"approve": "Approve", "reject": "Reject", "abstain": "Abstain"}
STORE = os.environ.get("ADVISOR_STORE")


def show_outcome(review: ReviewRecord) -> None:
    """What the sign-offs come to, and what is missing."""
    r = review.result
    outcome: Outcome = r.outcome
    box, icon = BANNERS[outcome]
    lines = [f"### {OUTCOMES[outcome]}"]
    if r.missing:
        lines.append(f"Missing: {ui.escaped(', '.join(r.missing))}.")
    lines += [f"- {ui.escaped(text)}" for text in review.changed]
    box("\n\n".join(lines), icon=icon)
    v = review.decision.verdict
    explain.facts(
        [
            ("Verdict that is signed", w.VERDICTS[v.decision]),
            ("Recommended", v.recommended or "none yet"),
            ("Approvals", f"{r.approvals} of {review.rule.quorum}"),
            ("Rejections, abstentions", f"{r.rejections}, {r.abstentions}"),
        ]
    )
    opened = f"Opened {review.opened_at:%Y-%m-%d %H:%M} UTC by {person(review.opened_by)}."
    st.caption(ui.escaped(f"{opened} {rule_line(review)}"))
    if review.comment.strip():
        st.markdown(f"Comment: {ui.escaped(review.comment)}")
    if not review.journal_intact:
        st.error(
            "The journal was tampered with: an entry is not what was written. Do not rely on these sign-offs; "
            "`advisor review log` says which entry it is.",
            icon=":material/gpp_bad:",
        )


def show_item(item: ChecklistItem, number: int) -> None:
    """One thing to look at, with its evidence."""
    state = "" if item.settled else "  :orange-badge[:material/pending: open]"
    with st.expander(f"{number}. {ui.escaped(item.title)}  **{item.answer}**{state}"):
        st.markdown(ui.escaped(item.text))
        for kind, text in item.evidence:
            st.markdown(f"{explain.evidence_badge(kind)} {ui.escaped(text)}")


def show_checklist(review: ReviewRecord) -> None:
    """The ten questions and the readiness list."""
    st.subheader("Checklist", anchor=False)
    left = sum(not i.settled for i in review.checklist)
    st.caption(f"The ten questions, then what tuning needs. {left} of {len(review.checklist)} left open.")
    for number, item in enumerate(review.checklist, start=1):
        show_item(item, number)


def show_sign_offs(review: ReviewRecord) -> None:
    """Who signed what; all of it stays."""
    st.subheader("Sign-offs", anchor=False)
    if not review.sign_offs:
        st.caption("Nobody has signed yet.")
        return
    counted = set(review.counted)
    rows = [
        (
            f"{s.at:%Y-%m-%d %H:%M}",
            person(s.who),
            signed(s),
            f"{len(s.checked)} of {len(review.checklist)}",
            "yes" if s.number in counted else "no, replaced or ruled out",
        )
        for s in review.sign_offs
    ]
    explain.table("Sign-offs cannot be changed", ("When (UTC)", "Who", "What", "Looked at", "Counts"), rows)


def show_form(folder: Path, review: ReviewRecord, who: Identity) -> None:
    """The form to sign with; whoever may not is told why."""
    st.subheader("Sign", anchor=False)
    if review.result.outcome == "stale":
        st.caption("A stale review cannot be signed: open a new one on the evidence as it is now.")
        return
    if not who.may("reviewer"):
        has = ", ".join(who.roles) or "no role"
        st.info(
            f"Only reviewers sign. You are {ui.escaped(person(who))}, with the role: {has}.",
            icon=":material/lock:",
        )
        return
    st.caption(
        f"You sign as {ui.escaped(person(who))}. It cannot be taken back; a later sign-off replaces it."
    )
    with st.form("sign", border=True):
        vote = st.radio("Your vote", list(VOTES), format_func=lambda v: VOTES[v], horizontal=True, index=None)
        role = st.selectbox(
            "You speak for", [None, *review.rule.roles], format_func=lambda r: r or "nobody in particular"
        )
        comment = st.text_area(
            "Comment", placeholder="Why; a rejection needs it", max_chars=reviewing.LONGEST_COMMENT
        )
        titles = {item.id: f"{n}. {item.title}" for n, item in enumerate(review.checklist, start=1)}
        checked = st.multiselect(
            "What you looked at",
            list(titles),
            format_func=lambda id: titles[id],
            placeholder="Items of the checklist",
        )
        sent = st.form_submit_button("Sign", type="primary", icon=":material/draw:")
    if not sent:
        return
    if vote is None:
        st.error("Choose a vote first: approve, reject or abstain.", icon=":material/error:")
        return
    with ui.errors_in_words():
        reviewing.sign(
            folder,
            vote,
            role=role,
            comment=comment or "",
            checked=checked,
            store=STORE,
            identity=who,
            evidence=review.evidence,
        )
    st.rerun()


def show_opening(folder: Path, who: Identity, *, first: bool) -> None:
    """The form that opens a review."""
    if not who.may("editor"):
        st.caption("Editors open reviews; you may look at them.")
        return
    with st.form("open", border=True):
        comment = st.text_input("Comment", placeholder="What the meeting is about", max_chars=500)
        label = "Open a review" if first else "Open a new review on the evidence as it is now"
        sent = st.form_submit_button(label, type="primary", icon=":material/how_to_reg:")
    if sent:
        with ui.errors_in_words():
            reviewing.open_review(folder, comment=comment or "", store=STORE, identity=who)
        st.rerun()


def show_history(folder: Path) -> None:
    """Who did what to the case."""
    with st.expander("Who did what", icon=":material/history:"):
        entries, broken = reviewing.journal(folder, store=STORE)
        rows = [
            (str(e.number), f"{e.at:%Y-%m-%d %H:%M:%S}", e.what, person(e.who))
            for e in reversed(entries[-200:])
        ]
        if rows:
            explain.table("The newest first", ("Entry", "When (UTC)", "What", "Who"), rows)
        st.caption(
            "Each entry holds the hash of the one before. "
            + (
                "All of them are what was written."
                if broken is None
                else f"Entry {broken} is not what was written."
            )
        )


def show_exports(review: ReviewRecord) -> None:
    """The record as files."""
    name = "".join(c if c.isalnum() or c in "_.-" else "_" for c in review.case)
    with st.container(horizontal=True):
        for label, suffix, mime, content in (
            ("Record (Markdown)", "md", "text/markdown", review_markdown(review)),
            ("Record (JSON)", "json", "application/json", review.model_dump_json(indent=2)),
        ):
            st.download_button(
                label,
                content,
                f"{name}-review.{suffix}",
                mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"review-{suffix}",
            )
    st.caption("The report has the review as a section of its own.")


folder = ui.chosen_case()
with ui.errors_in_words():
    who = ui.identity()
    review = reviewing.review_status(folder, store=STORE)
st.title("Review")
if review is None:
    with ui.errors_in_words():
        decision = ui.decide(folder)
    st.markdown(f"{ui.escaped(decision.facts.title)}  {explain.verdict_badge(decision.verdict.decision)}")
    st.markdown(
        "No review was opened yet. Opening one freezes the decision as it is now, with its evidence and assumptions, "
        "for people to sign. If any of that changes later, what was signed goes stale."
    )
    show_opening(folder, who, first=True)
else:
    st.markdown(ui.escaped(review.decision.facts.title or review.case))
    show_outcome(review)
    if review.result.outcome == "stale":
        show_opening(folder, who, first=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_checklist(review)
    with right:
        show_form(folder, review, who)
    show_sign_offs(review)
    show_exports(review)
    show_history(folder)
    st.caption(f"Evidence {review.evidence[:16]}…, journal {review.journal_hash[:16]}…")
