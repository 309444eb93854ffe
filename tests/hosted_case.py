"""What tests of hosted runs share: a case at a contract server, and short waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advisor.models._retries import Retries
from advisor.testing import ContractServer
from tests.conftest import write_case

MODEL = "gpt-4.1-mini"
BASE = "base-deployment"
SYSTEMS = ("openai", "azure_openai")
COSTLY = {"chat", "jobs.create", "batches.create", "deployments.create"}
"""Routes that are billed, or begin what is."""


def hosted_case(
    folder: Path,
    server: ContractServer,
    system: str = "openai",
    *,
    tuning: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None,
    baselines: tuple[str, ...] = ("zero_shot", "fine_tuned"),
    **more: Any,
) -> Path:
    """A small case whose model is at the server; Azure's base is deployed there."""
    if system == "openai":
        spec: dict[str, Any] = {"provider": "openai", "model": MODEL, "base_url": server.base_url}
    else:
        spec = {
            "provider": "azure_openai",
            "model": BASE,
            "base_model": MODEL,
            "endpoint": server.azure_endpoint,
            "hosting": {"subscription_id": "s", "resource_group": "g", "account": "a"},
        }
        if not any(d.name == BASE for d in server.deployments):
            server.deploy(BASE, MODEL)
    tuned = {"name": "fine_tuned", "kind": "fine_tuned", "model": "m"}
    known = {
        "zero_shot": {"name": "zero_shot", "kind": "zero_shot", "model": "m"},
        "fine_tuned": {**tuned, "tuning": {"system": system, **(tuning or {})}},
    }
    changes = {
        "models": {"m": {**spec, **(model or {})}},
        "baselines": [known[name] for name in baselines],
        **more.pop("changes", {}),
    }
    return write_case(folder, **{"n_train": 24, "n_held_out": 12, **more}, changes=changes)


def shorten(monkeypatch: pytest.MonkeyPatch | None = None, *, call_s: float = 20.0) -> None:
    """Waits that suit a server of this machine."""
    for name, value in short_waits(call_s).items():
        if monkeypatch is not None:
            monkeypatch.setattr(name, value)
        else:
            module, _, attribute = name.rpartition(".")
            setattr(__import__(module, fromlist=["_"]), attribute, value)


def short_waits(call_s: float = 20.0) -> dict[str, Any]:
    quick = Retries(attempts=2, first_wait_s=0.01, longest_backoff_s=0.02, jitter_s=0)
    return {
        "advisor.tuning._provider_api.CALL_S": call_s,
        "advisor.tuning._provider_api.RETRIES": quick,
        "advisor.tuning.openai.UPLOAD_S": call_s,
        "advisor.tuning.openai.FIRST_LOOK_S": 0.01,
        "advisor.tuning.azure_openai.FIRST_LOOK_S": 0.01,
        "advisor.tuning.azure_openai.RETRIES": {
            "retry_total": 1, "retry_backoff_factor": 0, "read_timeout": call_s,
        },
        "advisor.evaluation.jobs.FIRST_WAIT_S": 0.02,
        "advisor.evaluation.batches.FIRST_WAIT_S": 0.02,
    }  # fmt: skip


def standing(server: ContractServer) -> list[str]:
    """Deployments of tuned models that cost money."""
    return [d.name for d in server.deployments if d.standing and d.name != BASE]


def living_jobs(server: ContractServer) -> list[Any]:
    return [j for j in server.jobs if j.status not in ("failed", "cancelled")]


def n_of(server: ContractServer, route: str) -> int:
    return sum(r.route == route for r in server.requests)
