"""`advisor ui`: others reach the app only where people sign in, or where somebody said aloud that they need not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Started:
    """In place of the app's process."""

    calls: list[tuple[list[str], dict[str, str]]]

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.calls.append((command, env))

    def wait(self) -> int:
        return 0


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    Started.calls = []
    monkeypatch.setattr(subprocess, "Popen", Started)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.delenv("ADVISOR_ACCESS", raising=False)
    monkeypatch.delenv("ADVISOR_NO_SIGN_IN", raising=False)
    return Started.calls


def test_by_default_only_this_machine_reaches_it_and_that_is_said(
    started: Any, cli: Callable[..., Any]
) -> None:
    result = cli("ui", "--no-browser")
    assert result.code == 0
    assert "only this machine reaches the app" in result.err
    command, environment = started[0]
    assert command[command.index("--server.address") + 1] == "127.0.0.1"
    assert "ADVISOR_NO_SIGN_IN" not in environment


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_others_do_not_reach_it_unasked(address: str, started: Any, cli: Callable[..., Any]) -> None:
    result = cli("ui", "--address", address)
    assert result.code == 2
    assert not started
    assert "docs/sign-in.md" in result.err
    assert "--no-sign-in" in result.err


@pytest.mark.parametrize("address", ["localhost", "127.0.0.2", "::1"])
def test_other_names_of_this_machine_are_this_machine(
    address: str, started: Any, cli: Callable[..., Any]
) -> None:
    assert cli("ui", "--address", address).code == 0


def test_without_sign_in_only_when_said_and_then_it_is_said_loudly(
    started: Any, cli: Callable[..., Any]
) -> None:
    result = cli("ui", "--address", "0.0.0.0", "--no-sign-in")
    assert result.code == 0
    assert "WARNING: no sign-in" in result.err
    assert started[0][1]["ADVISOR_NO_SIGN_IN"] == "1"


def test_with_roles_people_sign_in(
    tmp_path: Path, started: Any, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "access.yaml").write_text("people: []\n")
    monkeypatch.setenv("ADVISOR_ACCESS", str(tmp_path / "access.yaml"))
    result = cli("ui", "--address", "0.0.0.0")
    assert result.code == 0
    assert "People sign in" in result.err
    assert cli("ui", "--no-sign-in").code == 2


def test_a_file_of_roles_that_cannot_be_read_stops_the_start(
    tmp_path: Path, started: Any, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVISOR_ACCESS", str(tmp_path / "gone.yaml"))
    result = cli("ui")
    assert result.code != 0
    assert "gone.yaml" in result.err
    assert not started


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, cli: Callable[..., Any]) -> None:
    refused = cli("ui", tmp_path / "nope")
    assert refused.code == 2
    assert "no folder" in refused.err
