"""Who may do what: from claims and a list, never from what nobody verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advisor.access import (
    ROLES,
    Access,
    Identity,
    identity_of,
    load_access,
    local_operator,
    nobody,
    require,
)
from advisor.errors import AccessError

ISSUER = "https://id.example.org"
TEAM = Access.model_validate(
    {
        "people": [
            {"email": "Ann@Example.org", "roles": ["reviewer"]},
            {"subject": "u-7", "issuer": ISSUER, "roles": ["editor"]},
        ],
        "claim": {"name": "groups", "roles": {"ml-reviewers": "reviewer", "ml": ["editor", "viewer"]}},
    }
)


def claims(**more: Any) -> dict[str, Any]:
    return {"sub": "u-1", "name": "Ann", **more}


def test_off_by_default_whoever_runs_it_may_do_everything() -> None:
    assert load_access({}) is None
    me = local_operator(environment={})
    assert me.roles == ROLES
    assert me.asserted_by == "this machine"


def test_a_verified_address_gives_its_role_and_another_does_not() -> None:
    verified = identity_of(claims(email="ann@example.org", email_verified=True), ISSUER, TEAM)
    assert verified.roles == ("viewer", "reviewer")
    assert verified.email == "ann@example.org"
    for flag in (False, None, "false", 1, [True]):
        other = identity_of(claims(email="ann@example.org", email_verified=flag), ISSUER, TEAM)
        assert other.roles == ("viewer",)
        assert other.email is None
    assert identity_of(claims(email="ann@example.org"), ISSUER, TEAM).roles == ("viewer",)


def test_a_subject_counts_with_its_own_provider_only() -> None:
    assert identity_of(claims(sub="u-7"), f"{ISSUER}/", TEAM).may("editor")
    assert not identity_of(claims(sub="u-7"), "https://elsewhere.example.org", TEAM).may("editor")


@pytest.mark.parametrize(
    ("name", "values", "roles"),
    [
        ("groups", {"groups": ["ml-reviewers", "cooks"]}, ("viewer", "reviewer")),
        ("groups", {"groups": "ml"}, ("viewer", "editor")),
        ("realm.roles", {"realm": {"roles": ["ml"]}}, ("viewer", "editor")),
        ("https://x.org/roles", {"https://x.org/roles": ["ml"]}, ("viewer", "editor")),
        ("groups", {}, ("viewer",)),
        ("groups", {"groups": {"ml": True}}, ("viewer",)),
        ("groups", {"groups": [["ml"], 3, None, {"ml": 1}]}, ("viewer",)),
        ("groups.deeper.still", {"groups": ["ml"]}, ("viewer",)),
        ("groups", {"groups": 7}, ("viewer",)),
    ],
)
def test_roles_from_a_claim_whatever_its_type(
    name: str, values: dict[str, Any], roles: tuple[str, ...]
) -> None:
    mapping = {"ml-reviewers": "reviewer", "ml": ["editor"]}
    access = Access.model_validate({"claim": {"name": name, "roles": mapping}})
    assert identity_of(claims(**values), ISSUER, access).roles == roles


@pytest.mark.parametrize("subject", [None, "", "  ", 7, ["u"], "x" * 300])
def test_without_a_subject_nobody_was_asserted(subject: Any) -> None:
    with pytest.raises(AccessError, match="asserted nobody"):
        identity_of({"sub": subject}, ISSUER, TEAM)


def test_sign_in_without_a_list_gives_viewers() -> None:
    assert identity_of(claims(), ISSUER, None).roles == ("viewer",)


def test_editor_and_reviewer_are_apart_and_each_is_a_viewer() -> None:
    editor = Identity(subject="e", name="Ed", roles=("editor",))
    reviewer = Identity(subject="r", name="Rita", roles=("reviewer",))
    require(editor, "viewer")
    require(reviewer, "viewer")
    with pytest.raises(AccessError, match=r"Ed may not sign reviews.*role reviewer.*this machine"):
        require(editor, "reviewer")
    with pytest.raises(AccessError):
        require(reviewer, "editor")
    with pytest.raises(AccessError, match="has no role"):
        require(nobody(), "viewer")


def test_on_the_command_line_a_user_of_the_machine_has_the_roles_of_the_list(tmp_path: Path) -> None:
    me = local_operator(environment={}).subject
    file = tmp_path / "access.yaml"
    file.write_text("default: viewer\n")
    assert local_operator(environment={"ADVISOR_ACCESS": str(file)}).roles == ("viewer",)
    file.write_text(f"os_users:\n  {me}: [editor]\n")
    assert local_operator(environment={"ADVISOR_ACCESS": str(file)}).roles == ("viewer", "editor")
    file.write_text("default: null\n")
    assert local_operator(environment={"ADVISOR_ACCESS": str(file)}).roles == ()
    file.write_text("default: reviewer\n")
    assert not local_operator(environment={"ADVISOR_ACCESS": str(file)}).may("reviewer")


def test_the_name_of_the_user_is_not_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "ann-the-reviewer")
    assert local_operator(environment={}).subject != "ann-the-reviewer"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("[1, 2]", "must be a mapping"),
        ("", "must be a mapping"),
        ("people: [", "not valid YAML"),
        ("poeple: []", "poeple: is not a key of this file"),
        ("people: [{email: a@b.c, roles: [boss]}]", "people.0.roles.0"),
        ("people: [{roles: [viewer]}]", "named by `email` or by `subject`"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_and_never_off(
    tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "access.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(AccessError, match=said.replace("(", r"\(")):
        load_access({"ADVISOR_ACCESS": str(file)})


def test_one_person_signing_in_two_ways_is_one() -> None:
    page = Identity(subject="u-1", name="Ann", email="ann@example.org", asserted_by=ISSUER)
    shell = Identity(subject="ann", name="ann", email="Ann@example.org")
    assert page.is_same_person(shell)
    assert not page.is_same_person(
        Identity(subject="u-1", name="Ann", asserted_by="https://other.example.org")
    )
