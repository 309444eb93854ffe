"""Folders that come with the package: beside it in a checkout, inside it in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from advisor.errors import AdvisorError

_PACKAGE = Path(__file__).resolve().parent


def sample_cases_folder() -> Path:
    """Where the sample cases are."""
    return _first(_PACKAGE / "_sample_cases", _PACKAGE.parent / "sample_cases")


def ui_folder() -> Path:
    """Where the Streamlit app is."""
    return _first(_PACKAGE / "_ui", _PACKAGE.parent / "ui")


def _first(*folders: Path) -> Path:
    for folder in folders:
        if folder.is_dir():
            return folder
    raise AdvisorError(
        f"{folders[-1].name} did not come with this installation.", hint="Install the package again."
    )
