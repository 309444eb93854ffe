"""Who uses the app: the operator of this machine, or whoever an OpenID provider says signed in."""

from __future__ import annotations

import os
import time
from typing import Any

import streamlit as st

from advisor.access import ACCESS_VARIABLE, Identity, identity_of, load_access, local_operator, nobody
from advisor.errors import AccessError, AdvisorError
from advisor.reports.escaping import escaped

__all__ = ["admitted", "identity", "is_needed", "show_account"]

OPEN_VARIABLE = "ADVISOR_NO_SIGN_IN"
"""Set by `advisor ui --no-sign-in`: the app is open to whoever reaches it, and says so."""
SIGN_IN_HOLDS_S = 12 * 3600
"""The app's own limit: the cookie lasts 30 days, and roles may come from claims as old as it."""
_GUIDE = "docs/sign-in.md"


def is_needed() -> bool:
    """Whether people sign in: a file gives roles, or a provider is set up. Neither alone lets anybody in unasked."""
    return bool(os.environ.get(ACCESS_VARIABLE, "").strip()) or _is_set_up()


def identity() -> Identity:
    """Who is here; without any role where nobody has signed in, or did so too long ago.

    Raises:
        AccessError: The file of roles cannot be used, or the provider asserted nobody.
    """
    access = load_access()
    if not is_needed():
        return local_operator(access)
    if not _is_signed_in():
        return nobody()
    claims = st.user.to_dict()
    return identity_of(claims, str(claims.get("iss") or ""), access)


def admitted() -> bool:
    """Whether the page may be shown; otherwise a page to sign in, or what stands in the way, is shown in its place."""
    try:
        who = identity()
    except AdvisorError as error:
        _say("Sign-in does not work", error)
        return False
    if who.may("viewer"):
        return True
    if not is_needed():
        return True
    if not _is_set_up():
        _say(
            "Sign-in is not set up",
            AccessError(
                f"{ACCESS_VARIABLE} gives roles to people, but no provider is set up that says who they are.",
                hint=f"Add the section [auth] to .streamlit/secrets.toml, see {_GUIDE}, and start the app again.",
            ),
        )
    elif not _is_signed_in():
        _show_sign_in()
    else:
        _say(
            "No role yet",
            AccessError(
                f"You are signed in as {who.name}, and may not see cases here.",
                hint=f"Ask whoever keeps the file that {ACCESS_VARIABLE} names to give you a role.",
            ),
        )
        st.button("Sign out", on_click=st.logout, icon=":material/logout:")
    return False


def show_account() -> None:
    """In the sidebar: who is signed in, with which roles, and the way out; or that nobody has to be."""
    if not is_needed():
        if os.environ.get(OPEN_VARIABLE):
            st.sidebar.warning(
                "No sign-in: whoever reaches this address may run, change and sign.",
                icon=":material/lock_open:",
            )
        return
    who = identity()
    with st.sidebar.container(border=True):
        st.markdown(f":material/account_circle: **{escaped(who.name)}**")
        st.caption(escaped(", ".join(who.roles)))
        st.button("Sign out", on_click=st.logout, icon=":material/logout:", width="stretch")


def _is_set_up() -> bool:
    """Whether Streamlit's secrets name a provider."""
    return "is_logged_in" in st.user


def _is_signed_in() -> bool:
    """Whether the cookie names somebody, and was given in the last hours."""
    if not st.user.get("is_logged_in"):
        return False
    issued: Any = st.user.get("iat")
    return isinstance(issued, int | float) and time.time() - issued < SIGN_IN_HOLDS_S


def _providers() -> list[tuple[str | None, str]]:
    """What to sign in with: (name in the secrets, label of the button)."""
    section = st.secrets.get("auth", {})
    named = [n for n, v in section.items() if hasattr(v, "get") and v.get("client_id")]
    default = [(None, "Sign in")] if section.get("client_id") else []
    return [*default, *((name, f"Sign in with {name}") for name in named)]


def _show_sign_in() -> None:
    with _card():
        st.title(":material/balance: advisor")
        st.markdown("Should we fine-tune, or not? Sign in to see the cases of your team.")
        for name, label in _providers():
            # at once, not as a callback: what st.login raises is then shown here, in words
            if st.button(label, type="primary", width="stretch", icon=":material/login:", key=f"with {name}"):
                try:
                    st.login(name)
                except st.errors.Error as error:
                    st.error(escaped(str(error)), icon=":material/error:")
                    st.caption(f"What to do: see {_GUIDE}.")
        st.caption("Opened from a link? After you have signed in, open it again.")


def _say(title: str, error: AdvisorError) -> None:
    with _card():
        st.title(title)
        st.error("\n\n".join(escaped(line) for line in error.message.splitlines()), icon=":material/error:")
        if error.hint:
            st.caption(f"What to do: {escaped(error.hint)}")


def _card() -> Any:
    """A column in the middle of the page."""
    return st.columns([1, 2, 1])[1].container(border=True)
