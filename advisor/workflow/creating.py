"""Making and changing cases: from a table, from a sample, and what is declared in an existing one.

Each verb asks for the role `editor` and leaves an entry in the journal of the case's store: who, when, and what.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from advisor import access
from advisor.cases.loading import CASE_FILE, load_case
from advisor.cases.workspace import place_for, workspace_folder
from advisor.errors import AdvisorError, CaseError, Problem, UsageError
from advisor.files import write_whole
from advisor.workflow import Checked, check
from advisor.workflow._journal import keep

if TYPE_CHECKING:
    from advisor.cases.creation import NewCase, PreparedCase

_ONE_AT_A_TIME = threading.Lock()
"""Between looking at a file and writing over it, no other user of the app may do the same."""


@dataclass(frozen=True)
class Previewed:
    """A case that is not saved yet: what its rows come to, its audit, and the plan of a run."""

    prepared: PreparedCase
    checked: Checked


@dataclass(frozen=True)
class ProposedChange:
    """A case file as it stands, and as it would be."""

    before: str
    after: str
    fingerprint: str
    """Of the file as it stands; `change_case` writes only over this one."""
    diff: tuple[str, ...]
    """Unified diff, by line; empty where nothing would change."""


def preview_case(request: NewCase) -> Previewed:
    """Checks a case before it is saved, in a temporary folder; calls no model.

    Raises:
        CaseError: With all problems, by the rows of the spreadsheet.
    """
    from advisor.cases.creation import fill_folder, prepare

    prepared = prepare(request)
    with tempfile.TemporaryDirectory(prefix="advisor-preview-") as scratch:
        folder = Path(scratch) / prepared.case.name
        fill_folder(prepared, folder)
        return Previewed(prepared, check(folder))


def create_case(
    request: NewCase | PreparedCase, identity: access.Identity, *, workspace: Path | None = None
) -> Path:
    """Saves a case; its folder is there whole or not at all.

    Args:
        request: What was asked for, or what was made of it already.
        identity: Who asks; needs the role `editor`.
        workspace: The folder of cases; by default what the environment says.

    Raises:
        AccessError: The identity may not.
        CaseError: With all problems, by the rows of the spreadsheet.
        UsageError: There is something in its place.
    """
    from advisor.cases.creation import PreparedCase, prepare, write_case

    access.require(identity, "editor")
    prepared = request if isinstance(request, PreparedCase) else prepare(request)
    with _saying("The case cannot be saved"):
        folder = write_case(prepared, workspace or workspace_folder(os.environ))
        _keep(folder, identity, "case created", {"from": prepared.request.table.name})
    return folder


def copy_sample(sample: str, name: str, identity: access.Identity, *, workspace: Path | None = None) -> Path:
    """Copies a sample case into the workspace.

    Raises:
        AccessError: The identity may not.
        UsageError: The sample is unknown, or there is something in its place.
    """
    from advisor.cases.scaffold import create_case as copy

    access.require(identity, "editor")
    folder = place_for(name, workspace or workspace_folder(os.environ))
    with _saying("The case cannot be saved"):
        copy(folder, sample=sample)
        _keep(folder, identity, "case created", {"from": f"sample {sample}"})
    return folder


def propose_change(folder: Path, changes: Mapping[tuple[str, ...], JsonValue]) -> ProposedChange:
    """What changing some keys of a case file would do to it; nothing is written.

    Args:
        folder: The case folder.
        changes: New values by key, each key as a tuple from the top; None takes one out.

    Raises:
        CaseError: With all problems that the changed file would have.
        UsageError: The file cannot be changed in place.
    """
    from advisor.cases.edit import edited
    from advisor.cases.yaml_file import read_case_text, read_text

    file = folder / CASE_FILE
    before, problems = read_text(file)
    if before is None:
        raise CaseError(problems)
    after = edited(before, changes)
    _, problems = read_case_text(after, file)
    if problems:
        raise CaseError([Problem(p.path, p.message, key=p.key) for p in problems])
    diff = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{CASE_FILE}, now", f"{CASE_FILE}, then", lineterm="", n=2
    )
    return ProposedChange(before, after, fingerprint(before), tuple(diff))


def change_case(
    folder: Path,
    changes: Mapping[tuple[str, ...], JsonValue],
    identity: access.Identity,
    *,
    expected: str,
) -> ProposedChange:
    """Changes some keys of a case file, keeping all else as it is.

    Args:
        folder: The case folder.
        changes: New values by key, each key as a tuple from the top; None takes one out.
        identity: Who asks; needs the role `editor`.
        expected: The fingerprint of the file that the change was made for (`ProposedChange.fingerprint`).

    Raises:
        AccessError: The identity may not.
        CaseError: With all problems that the changed file would have.
        UsageError: Somebody else has changed the file meanwhile, or it cannot be changed in place.
    """
    access.require(identity, "editor")
    file = folder / CASE_FILE
    with _ONE_AT_A_TIME:
        return _change(folder, file, changes, identity, expected)


def _change(
    folder: Path,
    file: Path,
    changes: Mapping[tuple[str, ...], JsonValue],
    identity: access.Identity,
    expected: str,
) -> ProposedChange:
    proposed = propose_change(folder, changes)
    if proposed.fingerprint != expected:
        raise UsageError(
            f"{CASE_FILE} was changed by somebody else meanwhile; nothing was saved.",
            hint="Load the page again, look at what is there now, and make your change once more.",
        )
    if proposed.after == proposed.before:
        return proposed
    with _saying("The case cannot be changed"):
        # a link is followed: what it names is what the case is made of
        target = file.resolve()
        if not target.is_relative_to(folder.resolve()):
            raise UsageError(f"{CASE_FILE} links to a place outside the case; it is not changed.")
        write_whole(target, proposed.after)
        after = fingerprint(proposed.after)
        _keep(
            folder,
            identity,
            "case changed",
            {"before": expected, "after": after, "diff": list(proposed.diff)},
        )
    return proposed


def fingerprint(text: str) -> str:
    """A hash of a case file's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _keep(folder: Path, identity: access.Identity, what: str, about: dict[str, Any]) -> None:
    keep(load_case(folder), identity, what, about)


class _saying:
    """A failure of the file system, in words."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise AdvisorError(
                f"{self._what}: {error.filename or ''} {error.strerror or error}.".replace("  ", " "),
                hint="Let the folder be written by whoever runs the app, or name another in ADVISOR_CASES.",
            ) from error
