"""What pages share: which cases there are, and what failed, in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from advisor.cases.loading import CASE_FILE
from advisor.errors import AdvisorError
from advisor.reports.markdown import escaped
from advisor.resources import sample_cases_folder

CASES_VARIABLE = "ADVISOR_CASES"


def case_folders(environment: Mapping[str, str]) -> list[Path]:
    """The cases to choose from: those that the environment names, then the sample cases.

    A folder that is no case stands for the cases in it; one without any stays, so that choosing it says why.
    """
    named = [Path(p) for p in environment.get(CASES_VARIABLE, "").split(os.pathsep) if p.strip()]
    found: list[Path] = []
    for folder in (*named, sample_cases_folder()):
        inside = sorted(p.parent for p in folder.glob(f"*/{CASE_FILE}"))
        found += [folder] if (folder / CASE_FILE).is_file() or not inside else inside
    return list(dict.fromkeys(p.resolve() for p in found))


def case_label(folder: Path, folders: list[Path]) -> str:
    """A folder's name, with its parent's where two have the same."""
    twins = [f for f in folders if f.name == folder.name]
    return folder.name if len(twins) < 2 else f"{folder.parent.name}/{folder.name}"


def last_change(folder: Path) -> float:
    """When a file of a case, its results included, was last written: seconds since the epoch."""
    times = [0.0]
    for path in folder.rglob("*"):
        try:
            times.append(path.stat().st_mtime)
        except OSError:  # gone between being listed and being looked at
            continue
    return max(times)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Shows an error of the package as a message, and ends the page there."""
    try:
        yield
    except AdvisorError as error:
        st.error("\n\n".join(escaped(line) for line in error.message.splitlines()), icon=":material/error:")
        if error.hint:
            st.caption(f"What to do: {escaped(error.hint)}")
        st.stop()
