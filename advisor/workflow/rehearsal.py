"""The whole path against a server of this machine that enforces a provider's contract; its answers are simulated."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from advisor.cases.loading import CASE_FILE
from advisor.errors import UsageError
from advisor.records import Decision
from advisor.workflow import run
from advisor.workflow._cases import STORE_FOLDER, load

if TYPE_CHECKING:
    from advisor.evaluation.progress import RunProgress
    from advisor.testing import ContractServer

MODEL = "gpt-4.1-mini"
SYSTEMS = ("openai", "azure_openai")
_KEPT = {"structured_outputs", "stream", "concurrency", "organisation", "prices", "api_version"}


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal came to."""

    decision: Decision
    requests: int
    rejected: tuple[str, ...]
    """Requests that the provider's description rejects."""
    billed: Mapping[str, Any]
    standing: tuple[str, ...]
    """Deployments that were not removed."""
    folder: Path | None

    @property
    def lines(self) -> list[str]:
        """What is worth knowing beside the decision."""
        found = [
            f"{self.requests:,} requests, {len(self.rejected)} of them against the provider's description."
        ]
        found += [f"  {text}" for text in dict.fromkeys(self.rejected)]
        for model, totals in self.billed.items():
            found.append(
                f"  {model}: {totals['calls']:,} calls, {totals['input']:,} tokens in "
                f"({totals['cached_input']:,} cached), {totals['output']:,} out"
            )
        found += [f"  still deployed: {name}" for name in self.standing]
        if self.folder is not None:
            found.append(f"The rehearsed case is in {self.folder}.")
        return found

    def as_json(self) -> dict[str, Any]:
        """The decision, marked as simulated, with what the server saw."""
        return {
            **self.decision.to_dict(),
            "simulated": True,
            "rehearsal": {
                "requests": self.requests,
                "rejected": list(self.rejected),
                "billed": dict(self.billed),
                "standing_deployments": list(self.standing),
            },
        }


def rehearse(
    case: Path | str,
    *,
    system: str | None = None,
    training_s: float = 5.0,
    keep: Path | None = None,
    progress: RunProgress | None = None,
) -> Rehearsal:
    """Runs a case against a rehearsal server, tuning job included. Nothing of it enters the case's own store.

    Args:
        case: The case folder.
        system: The provider that is rehearsed, openai or azure_openai; by default the one that the case tunes with.
        training_s: How long the tuning job takes there.
        keep: Where the rehearsed case and its store are kept; by default they are removed.
        progress: Hears how it goes on.

    Raises:
        UsageError: The provider cannot be rehearsed, or `keep` is there already.
        MissingExtraError: The server's packages are not installed.
    """
    from advisor.testing import ContractServer

    if system not in (None, *SYSTEMS):
        raise UsageError(f"{system!r} cannot be rehearsed.", hint=f"There are: {', '.join(SYSTEMS)}.")
    if keep is not None and keep.exists():
        raise UsageError(f"{keep} is there already.", hint="Name a folder that is not.")
    loaded = load(case)
    with tempfile.TemporaryDirectory() as scratch, ContractServer(training_s=training_s) as server:
        folder = keep or Path(scratch) / loaded.folder.name
        ignored = shutil.ignore_patterns(STORE_FOLDER, "results.jsonl", "results.about.json")
        shutil.copytree(loaded.folder, folder, ignore=ignored)
        path = folder / CASE_FILE
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if loaded.case.extensibility is not None:  # paths relative to where the case was
            content["extensibility"]["cases"] = [
                str((loaded.folder / name).resolve()) for name in loaded.case.extensibility.cases
            ]
        content = rehearsed(content, system or _system_of(content), server)
        path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
        bases = {m["model"] for m in content["models"].values()}
        with keys(server):
            outcome = run(folder, progress=progress)
        warning = (
            "SIMULATED: a rehearsal against a server of this machine; qualities and verdict mean nothing."
        )
        decision = outcome.decision
        billed = server.billed
        return Rehearsal(
            decision=decision.model_copy(update={"warnings": (warning, *decision.warnings)}),
            requests=len(server.requests),
            rejected=tuple(f"{v.route}: {v.message}" for v in server.violations),
            billed={
                name: {k: getattr(t, k) for k in ("calls", "input", "cached_input", "output")}
                for name, t in billed.chat.items()
            },
            standing=tuple(d.name for d in server.deployments if d.standing and d.name not in bases),
            folder=keep,
        )


def rehearsed(case: dict[str, Any], system: str, server: ContractServer) -> dict[str, Any]:
    """The case with every model at the rehearsal server, and every tuning by the rehearsed system.

    A model of the rehearsed provider stays the one that it is; any other becomes `MODEL` there. A case without a
    fine-tuned baseline gets one, since the job is what is rehearsed.
    """
    models = {name: _at_server(name, spec, system, server) for name, spec in case.get("models", {}).items()}
    baselines = [
        {**b, "tuning": _tuning(b["tuning"], system)} if "tuning" in b else b for b in case["baselines"]
    ]
    if not models:
        models = {"rehearsed": _at_server("rehearsed", {}, system, server)}
    if not any("tuning" in b for b in baselines):
        tuned = {"name": "fine_tuned", "kind": "fine_tuned", "model": next(iter(models))}
        baselines.append({**tuned, "tuning": {"system": system}})
    # whatever is made of the rehearsed case says what it is
    title = f"SIMULATED: {case.get('title') or case['name']}"
    return {**case, "title": title, "models": models, "baselines": baselines}


def _at_server(name: str, spec: dict[str, Any], system: str, server: ContractServer) -> dict[str, Any]:
    same = spec.get("provider") == system
    kept = {k: v for k, v in spec.items() if k in _KEPT} if same else {}
    common = {"organisation": "active", "provider": system, **kept}
    if system == "openai":
        return {**common, "model": spec["model"] if same else MODEL, "base_url": server.base_url}
    deployment, base = (
        (spec["model"], spec.get("base_model", MODEL)) if same else (f"rehearsal-{name}", MODEL)
    )
    server.deploy(deployment, base)
    hosting = {"subscription_id": "rehearsal", "resource_group": "rehearsal", "account": "rehearsal"}
    return {
        **common,
        "model": deployment,
        "base_model": base,
        "endpoint": server.azure_endpoint,
        "hosting": {**hosting, **{k: v for k, v in spec.get("hosting", {}).items() if k not in hosting}},
    }


def _tuning(tuning: dict[str, Any], system: str) -> dict[str, Any]:
    """The same settings where the system is the same; those of another mean nothing here."""
    return tuning if tuning.get("system") == system else {"system": system}


def _system_of(case: dict[str, Any]) -> str:
    """The hosted system that the case tunes with, or OpenAI."""
    named = [b["tuning"].get("system") for b in case["baselines"] if "tuning" in b]
    return next((str(s) for s in named if s in SYSTEMS), SYSTEMS[0])


@contextmanager
def keys(server: ContractServer) -> Iterator[None]:
    """The rehearsal server's keys in the environment, in place of the user's own, which it must not see."""
    mine = {
        "OPENAI_API_KEY": server.api_key,
        "AZURE_OPENAI_API_KEY": server.api_key,
        "ADVISOR_AZURE_MANAGEMENT_URL": server.management_url,
        "ADVISOR_AZURE_MANAGEMENT_TOKEN": server.azure_token,
    }
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
