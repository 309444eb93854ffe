"""The wheel offers the same as a checkout: the app and the sample cases are in it, and what a run made is not."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_wheel_carries_app_samples_templates_and_migrations(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True)
    wheel = next(tmp_path.glob("advisor-*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "advisor/py.typed",
        "advisor/decision.schema.json",
        "advisor/_ui/streamlit_app.py",
        "advisor/_ui/app_pages/decisions.py",
        "advisor/_ui/.streamlit/config.toml",
        "advisor/_sample_cases/support_intents/case.yaml",
        "advisor/_sample_cases/support_intents/results.jsonl",
        "advisor/_sample_cases/policy_qa/documents/parental-leave.md",
        "advisor/reports/templates/decision.html.j2",
        "advisor/store/migrations/versions/0001_first.py",
    ):
        assert needed in names
    assert not [n for n in names if ".advisor/" in n or "__pycache__" in n or n.startswith(("ui/", "tests/"))]
