"""What sign-offs come to: the quorum, roles, one vote a person, and a rejection that blocks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.access import Identity
from advisor.cases.schema import ReviewRule
from advisor.reviews.outcome import counting, outcome_of
from advisor.reviews.records import SignOff, Vote

ISSUER = "https://id.example"


def person(name: str, **more: str) -> Identity:
    return Identity(subject=name, name=name, roles=("reviewer",), asserted_by=ISSUER, **more)


OPENER = person("opener")


def signed(number: int, name: str, vote: Vote = "approve", role: str | None = None, **more: str) -> SignOff:
    return SignOff(
        number=number,
        at=datetime(2026, 11, 25, tzinfo=UTC),
        who=person(name, **more),
        vote=vote,
        role=role,
        comment="",
        checked=(),
    )


def outcome(*sign_offs: SignOff, stale: bool = False, **rule: object) -> str:
    return outcome_of(sign_offs, ReviewRule.model_validate(rule), OPENER, stale=stale).outcome


def test_it_takes_as_many_people_as_the_quorum() -> None:
    assert outcome(signed(1, "ann"), quorum=2) == "pending"
    assert outcome(signed(1, "ann"), signed(2, "bob"), quorum=2) == "approved"


def test_a_person_counts_once_with_the_newest_sign_off() -> None:
    assert outcome(signed(1, "ann"), signed(2, "ann"), quorum=2) == "pending"
    assert outcome(signed(1, "ann", "reject"), signed(2, "ann"), quorum=1) == "approved"
    assert outcome(signed(1, "ann"), signed(2, "ann", "abstain"), quorum=1) == "pending"


def test_one_address_is_one_person_whoever_asserts_it() -> None:
    here = signed(1, "ann", email="Ann@example.org")
    there = signed(2, "other-subject", email="ann@example.org")
    assert outcome(here, there, quorum=2) == "pending"


def test_a_rejection_blocks_unless_the_rule_says_otherwise() -> None:
    both = signed(1, "ann"), signed(2, "bob", "reject")
    assert outcome(*both, quorum=1) == "rejected"
    assert outcome(*both, quorum=1, reject_blocks=False) == "rejected"
    assert outcome(*both, signed(3, "cyd"), quorum=2, reject_blocks=False) == "approved"


def test_roles_must_be_spoken_for() -> None:
    rule = {"quorum": 2, "roles": {"data": 1}}
    assert outcome(signed(1, "ann"), signed(2, "bob"), **rule) == "pending"
    assert outcome(signed(1, "ann"), signed(2, "bob", role="data"), **rule) == "approved"
    found = outcome_of(
        (signed(1, "ann"), signed(2, "bob")), ReviewRule.model_validate(rule), OPENER, stale=False
    )
    assert "speaks for data" in found.missing[0]


def test_whoever_opened_it_counts_only_if_the_rule_allows_it() -> None:
    assert outcome(signed(1, "opener"), quorum=1) == "approved"
    assert outcome(signed(1, "opener"), quorum=1, opener_may_sign=False) == "pending"


def test_stale_is_stale_whoever_signed() -> None:
    assert outcome(signed(1, "ann"), signed(2, "bob", "reject"), stale=True) == "stale"


votes = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["approve", "reject", "abstain"])), max_size=12
)


@given(votes, st.integers(1, 4))
def test_more_approvals_of_others_never_undo_an_approval(given_: list[tuple[str, Vote]], quorum: int) -> None:
    sign_offs = tuple(signed(n, name, vote) for n, (name, vote) in enumerate(given_, start=1))
    if outcome(*sign_offs, quorum=quorum) == "approved":
        assert outcome(*sign_offs, signed(99, "somebody else"), quorum=quorum) == "approved"
    names = [s.who.name for s in counting(sign_offs, ReviewRule(), OPENER)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "rule", [{"quorum": 0}, {"roles": {"data": 0}}, {"roles": {"<b>": 1}}, {"quorums": 1}]
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"validation error"):
        ReviewRule.model_validate(rule)
