"""The price catalogue on the command line reads as text, not as data."""

from __future__ import annotations

from typing import Any


def test_the_list_names_versions_sources_and_gpus(cli: Any) -> None:
    out = cli("prices", "list").out
    assert "openai gpt-4o of 2024-08-06 or 2024-11-20, tuned: " in out
    assert "  A100: where " in out
    assert "['" not in out
    assert "[Azure Retail Prices API, 2026-08-11]" in out


def test_models_of_which_the_same_is_to_be_said_share_a_line(cli: Any) -> None:
    lines = cli("prices", "check").out.splitlines()
    stale = [line for line in lines if line.startswith("stale: openai ")]
    assert len(stale) == 1
    assert "gpt-4.1; gpt-4.1-mini; " in stale[0]
