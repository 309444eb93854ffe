"""`advisor rehearse` goes the whole way against the contract server, and leaves no trace in the case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import write_case


@pytest.mark.parametrize("system", ["openai", "azure_openai"])
def test_the_whole_path_is_rehearsed_and_marked_as_simulated(
    tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-users-own-key")
    case = write_case(tmp_path / "case")  # it has no fine-tuned baseline: the rehearsal adds one
    before = {p.name: p.read_bytes() for p in case.iterdir()}
    found = cli("rehearse", case, "--system", system, "--training", "0.3", "--json")
    assert found.code == 0, found.err
    assert found.json["simulated"] is True
    assert found.json["facts"]["title"].startswith("SIMULATED")
    assert found.json["warnings"][0].startswith("SIMULATED")
    tuned = next(b for b in found.json["baselines"] if b["kind"] == "fine_tuned")
    assert tuned["n"] == 60
    assert tuned["tuning"]["system"] == system
    assert found.json["rehearsal"]["rejected"] == []
    assert found.json["rehearsal"]["standing_deployments"] == []
    assert {p.name: p.read_bytes() for p in case.iterdir()} == before
    assert "sk-the-users-own-key" not in found.out + found.err


def test_a_provider_that_cannot_be_rehearsed_is_named(tmp_path: Path, cli: Callable[..., Any]) -> None:
    found = cli("rehearse", write_case(tmp_path / "case"), "--system", "elsewhere")
    assert found.code == 2
    assert "openai, azure_openai" in found.err


def test_what_is_kept_is_marked_too(tmp_path: Path, cli: Callable[..., Any]) -> None:
    case, kept = write_case(tmp_path / "case"), tmp_path / "kept"
    assert cli("rehearse", case, "--training", "0.3", "--keep", kept).code == 0
    decided = cli("decide", kept, "--json")
    assert decided.json["facts"]["title"].startswith("SIMULATED")
    assert cli("rehearse", case, "--keep", kept).code == 2
