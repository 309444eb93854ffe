"""Tokens are counted as the provider counts them, and no network is needed for it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import tiktoken

from advisor.models import tokens
from advisor.records import Message


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user who never counted tokens, without a network."""
    monkeypatch.delenv(tokens.CACHE_VARIABLE, raising=False)
    monkeypatch.delenv("DATA_GYM_CACHE_DIR", raising=False)
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path))
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    tokens._encoding.cache_clear()

    def no_network(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    yield tmp_path / "tiktoken"
    tokens._encoding.cache_clear()


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4.1-mini", "o200k_base"),
        ("gpt-4.1-mini-2025-04-14", "o200k_base"),
        ("ft:gpt-4.1-mini-2025-04-14:org:suffix:id", "o200k_base"),
        ("ft:gpt-4o-2024-08-06:org::id:ckpt-step-90", "o200k_base"),
        ("gpt-4o", "o200k_base"),
        ("chatgpt-4o-latest", "o200k_base"),
        ("gpt-4.5-preview", "o200k_base"),
        ("gpt-5-mini", "o200k_base"),
        ("gpt-6-luna", "o200k_base"),
        ("o1", "o200k_base"),
        ("o3-mini-2025-01-31", "o200k_base"),
        ("o4-mini", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo-2024-04-09", "cl100k_base"),
        ("gpt-3.5-turbo-0125", "cl100k_base"),
        ("ft:gpt-3.5-turbo-0125:org:suffix:id", "cl100k_base"),
        ("gpt-35-turbo", "cl100k_base"),
        ("openai/gpt-4.1", "o200k_base"),
        ("Qwen/Qwen3-8B", "o200k_base"),
    ],
)
def test_every_form_of_a_name_finds_its_encoding(model: str, encoding: str) -> None:
    assert tokens.encoding_name(model) == encoding


def test_ranks_come_with_the_installation(fresh: Path) -> None:
    assert tokens.count_text("gpt-4", "hello world") == 2
    assert tokens.count_text("gpt-4.1", "hello world") == 2
    assert len(list(fresh.iterdir())) == 2
    assert os.environ[tokens.CACHE_VARIABLE] == str(fresh)


def test_a_damaged_file_is_repaired(fresh: Path) -> None:
    fresh.mkdir()
    (fresh / "fb374d419588a4632f3f557e76b4b70aebbca790").write_bytes(b"half a fi")
    assert tokens.count_text("gpt-4.1", "hello world") == 2


def test_the_users_own_cache_folder_stays(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    monkeypatch.setenv(tokens.CACHE_VARIABLE, str(own))
    assert tokens.count_text("gpt-4.1", "hello world") == 2
    assert os.environ[tokens.CACHE_VARIABLE] == str(own)
    assert not fresh.exists()


def test_a_cache_that_cannot_be_written_is_no_obstacle(fresh: Path) -> None:
    fresh.parent.joinpath("tiktoken").write_text("a file where the folder should be")
    assert tokens.count_text("gpt-4.1", "hello world") == 2


def test_a_message_costs_three_tokens_more_and_the_answer_three() -> None:
    messages = [Message(role="system", content="hello world"), Message(role="user", content="hello")]
    assert tokens.count_messages("gpt-4.1", messages) == (3 + 1 + 2) + (3 + 1 + 1) + 3


def test_special_tokens_in_a_text_are_ordinary_text() -> None:
    assert tokens.count_text("gpt-4.1", "<|endoftext|>") > 1
