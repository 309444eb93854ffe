"""Where new cases are kept: a folder of cases, and a free place in it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from advisor.cases.loading import CASE_FILE
from advisor.errors import UsageError

CASES_VARIABLE = "ADVISOR_CASES"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")


def workspace_folder(environment: Mapping[str, str]) -> Path:
    """The first folder of `ADVISOR_CASES` that is no case itself and can be written; else `cases` where we are."""
    for named in environment.get(CASES_VARIABLE, "").split(os.pathsep):
        folder = Path(named.strip())
        if (
            named.strip()
            and folder.is_dir()
            and not (folder / CASE_FILE).exists()
            and os.access(folder, os.W_OK)
        ):
            return folder.resolve()
    return Path("cases").resolve()


def place_for(name: str, workspace: Path) -> Path:
    """The folder of a new case in a workspace.

    Raises:
        UsageError: The name cannot be a folder's, or something is there already, be it a link to nowhere.
    """
    if not _NAME.match(name):
        raise UsageError(
            f"{name!r} cannot be the name of a case.",
            hint="Use letters, digits, _ . and -, at most 64 of them, and begin with a letter or a digit.",
        )
    place = workspace / name
    if os.path.lexists(place):
        raise UsageError(f"There is a {name!r} in {workspace} already.", hint="Choose another name.")
    return place
