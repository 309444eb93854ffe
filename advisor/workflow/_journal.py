"""Who may do something to a case, and that they did it: kept in the journal of the case's store."""

from __future__ import annotations

import os
from typing import Any

from advisor.access import Identity, Role, local_operator, require
from advisor.cases.loading import LoadedCase
from advisor.workflow._cases import open_store

STORE_VARIABLE = "ADVISOR_STORE"


def authorised(identity: Identity | None, role: Role) -> Identity:
    """Whoever asks, or the user of this machine where nobody is named, if they have a role.

    Raises:
        AccessError: They have not.
    """
    who = identity or local_operator()
    require(who, role)
    return who


def keep(
    loaded: LoadedCase,
    who: Identity,
    what: str,
    details: dict[str, Any] | None = None,
    *,
    store: str | None = None,
) -> None:
    """Adds to the journal that somebody did something to a case.

    Args:
        loaded: The case.
        who: Who did it.
        what: What it was, in a few words, such as "run started".
        details: More on it, as plain JSON values; never keys or other secrets.
        store: A SQLAlchemy URL; by default what the environment names, else a SQLite file in the case folder.

    Raises:
        StoreError: It cannot be written.
    """
    from advisor.store.journal import add_entry

    with open_store(loaded, store or os.environ.get(STORE_VARIABLE)) as opened:
        add_entry(opened, case=loaded.case.name, what=what, who=who, details=details or {})
