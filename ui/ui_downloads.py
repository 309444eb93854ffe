"""The report as files, each made when it is asked for."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import streamlit as st

from advisor.files import safe_name
from advisor.records import Decision
from advisor.workflow import reporting

__all__ = ["buttons"]

FORMATS = {
    "html": ("Report (HTML)", "text/html"),
    "pdf": ("Report (PDF)", "application/pdf"),
    "md": ("Report (Markdown)", "text/markdown"),
    "json": ("Decision (JSON)", "application/json"),
    "xlsx": (
        "Every item (XLSX)",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}
NEEDS = {"pdf": ("typst", "font_source_sans_pro")}
"""What makes a format, where it may not be installed."""


def buttons(folder: Path, decision: Decision) -> None:
    """A button for each format that can be made here."""
    for suffix in reporting.FORMATS:
        if suffix not in FORMATS or not all(map(find_spec, NEEDS.get(suffix, ()))):
            continue
        label, mime = FORMATS[suffix]
        st.download_button(
            label,
            lambda suffix=suffix: _made(folder, suffix),
            f"{safe_name(decision.case)}.{suffix}",
            mime,
            on_click="ignore",
            icon=":material/download:",
            key=f"download_{suffix}",
        )


def _made(folder: Path, suffix: str) -> bytes:
    found = reporting.reportable(folder, store=os.environ.get("ADVISOR_STORE"))
    return reporting.render_bytes(found, suffix)
