"""Who may do what: viewers see, editors run and change, reviewers sign.

Off on a laptop, where whoever runs the program may do everything. For a team the environment variable `ADVISOR_ACCESS`
names a file that gives roles to the people whom an OpenID provider asserts, and to users of the machine. It is checked
where something is done, not where a button is drawn.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from advisor.errors import AccessError
from advisor.records import Record

ACCESS_VARIABLE = "ADVISOR_ACCESS"
THIS_MACHINE = "this machine"
Role = Literal["viewer", "editor", "reviewer"]
ROLES: tuple[Role, ...] = get_args(Role)
_MAX_BYTES = 1_000_000
_MAX_TEXT = 255
_DOES = {
    "viewer": "look at cases",
    "editor": "run and change cases and open reviews",
    "reviewer": "sign reviews",
}


class Identity(Record):
    """Who asks, and who says so."""

    subject: str
    """Unique with whoever asserts it: an OpenID `sub`, or a user of this machine."""
    name: str
    email: str | None = None
    """Only one that the provider has verified."""
    roles: tuple[Role, ...] = ()
    asserted_by: str = THIS_MACHINE
    """The provider's issuer URL, or `this machine`."""

    def may(self, role: Role) -> bool:
        """Whether it has a role; editors and reviewers are viewers too, but neither is the other."""
        return role in self.roles or (role == "viewer" and bool(self.roles))

    def is_same_person(self, other: Identity) -> bool:
        """Whether both are one person: the same subject of the same provider, or the same verified address."""
        if (self.asserted_by, self.subject) == (other.asserted_by, other.subject):
            return True
        return (
            self.email is not None
            and other.email is not None
            and _address(self.email) == _address(other.email)
        )


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Person(_Part):
    """Someone on the list, by address or by the provider's subject."""

    email: str | None = None
    subject: str | None = None
    issuer: str | None = None
    """The provider that must assert it; without one, any that the app signs in with."""
    roles: tuple[Role, ...]

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.email is None) == (self.subject is None):
            raise ValueError("a person is named by `email` or by `subject`, and by one of them")
        return self


class ClaimRoles(_Part):
    """Roles from a claim, such as the groups that a provider asserts."""

    name: str = Field(min_length=1)
    """The claim; dots lead into nested ones (`realm_access.roles`)."""
    roles: dict[str, Role | tuple[Role, ...]]
    """Roles by the claim's value."""


class OsUser(_Part):
    """A user of this machine, for the command line."""

    roles: tuple[Role, ...] = ()
    email: str | None = None
    """Whose they are, so that signing here and through the provider counts once."""


class Access(_Part):
    """The file that `ADVISOR_ACCESS` names."""

    people: tuple[Person, ...] = ()
    claim: ClaimRoles | None = None
    default: Role | None = "viewer"
    """The role of everyone who is signed in; null: none."""
    os_users: dict[str, OsUser] = {}

    @field_validator("os_users", mode="before")
    @classmethod
    def _roles_alone(cls, value: Any) -> Any:
        """`ann: [editor]` is short for `ann: {roles: [editor]}`."""
        if not isinstance(value, dict):
            return value
        return {k: {"roles": v} if isinstance(v, list) else v for k, v in value.items()}


def load_access(environment: Mapping[str, str] | None = None) -> Access | None:
    """Who may do what, as the file of the environment says; None where access is off.

    Raises:
        AccessError: A file is named and cannot be used. It never counts as "off".
    """
    named = (os.environ if environment is None else environment).get(ACCESS_VARIABLE, "").strip()
    if not named:
        return None
    hint = f"{ACCESS_VARIABLE} names this file. It is described in docs/method/reviews.md."
    try:
        path = Path(named)
        if path.stat().st_size > _MAX_BYTES:
            raise AccessError(f"{named}: has more than {_MAX_BYTES:,} bytes.", hint=hint)
        values = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise AccessError(f"{named}: cannot be read: {error.strerror}.", hint=hint) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise AccessError(f"{named}: is not valid YAML in UTF-8.", hint=hint) from error
    if not isinstance(values, dict):
        raise AccessError(
            f"{named}: must be a mapping with the keys {', '.join(Access.model_fields)}.", hint=hint
        )
    try:
        return Access.model_validate(values)
    except ValidationError as error:
        wrong = [f"  {'.'.join(map(str, e['loc'])) or 'file'}: {_problem(e)}" for e in error.errors()]
        raise AccessError("\n".join([f"{named}: cannot be used:", *wrong]), hint=hint) from error


def local_operator(access: Access | None = None, *, environment: Mapping[str, str] | None = None) -> Identity:
    """The user of this machine who runs the program.

    They have all roles where access is off; where it is on, those that `os_users` gives them, else `default`'s viewer.

    Args:
        access: Who may do what; by default what the environment names.
        environment: In place of the process's own.

    Raises:
        AccessError: The file of the environment cannot be used.
    """
    access = access or load_access(environment)
    user = _os_user()
    if access is None:
        return Identity(subject=user, name=user, roles=ROLES)
    listed = access.os_users.get(user, OsUser())
    # `default` speaks of people who signed in; a user of the machine gets no more than a look from it
    roles = [*listed.roles, *(["viewer"] if access.default is not None else [])]
    return Identity(subject=user, name=user, email=listed.email, roles=_ordered(roles))


def identity_of(claims: Mapping[str, Any], issuer: str, access: Access | None) -> Identity:
    """Whom a provider asserts, with the roles that the list or a claim gives them.

    Args:
        claims: The claims of the ID token, as the provider gave them. Odd types give no role.
        issuer: The provider's issuer URL.
        access: Who may do what; None: everyone who is signed in is a viewer.

    Raises:
        AccessError: There is no subject, so nobody was asserted.
    """
    subject = _text(claims.get("sub"))
    if subject is None or not issuer.strip():
        raise AccessError(
            "The provider asserted nobody: its claims have no `sub` or no issuer.",
            hint="Ask whoever runs the provider; an ID token of OpenID Connect always has both.",
        )
    access = access or Access()
    email = _verified_email(claims)
    roles: list[str] = [access.default] if access.default is not None else []
    for person in access.people:
        if person.issuer is not None and person.issuer.rstrip("/") != issuer.rstrip("/"):
            continue
        by_address = (
            person.email is not None and email is not None and _address(person.email) == _address(email)
        )
        if by_address or (person.subject is not None and person.subject == subject):
            roles += person.roles
    if access.claim is not None:
        for value in _claim_values(claims, access.claim.name):
            given = access.claim.roles.get(value, ())
            roles += [given] if isinstance(given, str) else given
    name = _text(claims.get("name")) or _text(claims.get("preferred_username")) or email or subject
    return Identity(subject=subject, name=name, email=email, roles=_ordered(roles), asserted_by=issuer)


def nobody() -> Identity:
    """Someone who is not signed in where that is needed: without any role."""
    return Identity(subject="", name="not signed in", roles=(), asserted_by="nobody")


def require(identity: Identity, role: Role) -> None:
    """Makes sure that an identity has a role.

    Raises:
        AccessError: It has not.
    """
    if not identity.may(role):
        has = f"is {' and '.join(identity.roles)}" if identity.roles else "has no role"
        raise AccessError(
            f"{identity.name} may not {_DOES[role]}: that needs the role {role}, and {identity.name} {has} "
            f"(asserted by {identity.asserted_by}).",
            hint=f"Ask whoever keeps the file that {ACCESS_VARIABLE} names to give you the role {role}.",
        )


def _os_user() -> str:
    """The name of the process's user; not of its environment, which anybody may set."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, AttributeError, KeyError):
        pass
    uid = getattr(os, "getuid", None)
    return f"uid {uid()}" if uid is not None else getpass.getuser()


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    """The address, if the provider says that it is the person's; some give the flag as text."""
    email, verified = _text(claims.get("email")), claims.get("email_verified")
    if email is None or "@" not in email:
        return None
    return email if verified is True or verified == "true" else None


def _claim_values(claims: Mapping[str, Any], name: str) -> list[str]:
    found: Any = claims.get(name)
    if found is None:  # a name may itself have dots, such as a URL; only then they lead into nested claims
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    values: Iterable[Any] = found if isinstance(found, list | tuple) else [found]
    return [v for v in values if isinstance(v, str)]


def _text(value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= _MAX_TEXT else None


def _address(email: str) -> str:
    return email.strip().casefold()


def _ordered(roles: Iterable[str]) -> tuple[Role, ...]:
    given = set(roles)
    return tuple(r for r in ROLES if r in given)


def _problem(error: Any) -> str:
    return {"extra_forbidden": "is not a key of this file", "missing": "is missing"}.get(
        error["type"], str(error["msg"]).removeprefix("Value error, ")
    )
