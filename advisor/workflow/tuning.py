"""The verbs of a tuning job by itself: prepare, check, estimate, start, status, cancel, deploy, undeploy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from advisor.access import Identity
from advisor.errors import BudgetExceededError, UsageError
from advisor.tuning.base import Estimate, Finding, JobState
from advisor.workflow._cases import artefacts_folder, load, open_store
from advisor.workflow._journal import noted

if TYPE_CHECKING:
    from advisor.cases.baseline_spec import BaselineSpec
    from advisor.cases.loading import LoadedCase
    from advisor.evaluation.jobs import JobLedger
    from advisor.evaluation.progress import RunProgress
    from advisor.records import TuningRecord
    from advisor.tuning.base import TuningJob, TuningSystem
    from advisor.tuning.training_checks import CheckReport


@dataclass(frozen=True)
class TuningView:
    """A fine-tuned baseline's job, as one verb shows it."""

    baseline: str
    system: str
    state: JobState
    files: tuple[Path, ...] = ()
    findings: tuple[Finding, ...] = ()
    estimate: Estimate | None = None
    record: TuningRecord | None = None
    name: str | None = None
    """What the tuned model is asked by."""

    @property
    def refused(self) -> bool:
        """Whether the training data would be refused."""
        return any(f.severity == "error" for f in self.findings)


def prepare(case: Path | str, *, baseline: str | None = None, store: str | None = None) -> list[TuningView]:
    """Writes the training files of a case's fine-tuned baselines."""
    with _plans(case, store, baseline) as plans:
        return [p.view(files=p.system.prepare(p.job, p.ledger)) for p in plans]


def check(case: Path | str, *, baseline: str | None = None, store: str | None = None) -> list[TuningView]:
    """What the tuning systems would refuse, and what they would not like."""
    with _plans(case, store, baseline) as plans:
        return [p.view(findings=p.system.check(p.job)) for p in plans]


def check_file(
    path: Path, *, model: str = "gpt-4.1-mini", system: Literal["openai", "azure_openai"] = "openai"
) -> tuple[CheckReport, Estimate]:
    """The checks of a training file that the user has, and what training on it would take.

    Raises:
        TuningError: It cannot be read.
    """
    from datetime import UTC, datetime

    from advisor.catalogue.prices import price_of
    from advisor.tuning.training_checks import check_training_file
    from advisor.tuning.training_estimate import estimate_training
    from advisor.tuning.training_file import read_training_file

    lines = read_training_file(path)
    base = model if system == "azure_openai" else None
    price = price_of(system, model, base_model=base, tuned=True, on=datetime.now(UTC).date())
    return (
        check_training_file(lines, model=model, system=system),
        estimate_training(lines, model=model, usd_per_million=price.training if price else None),
    )


def estimate(case: Path | str, *, baseline: str | None = None, store: str | None = None) -> list[TuningView]:
    """Tokens, money and time of the jobs, before anything is started."""
    with _plans(case, store, baseline) as plans:
        return [p.view(estimate=p.system.estimate(p.job)) for p in plans]


def start(
    case: Path | str,
    *,
    baseline: str | None = None,
    store: str | None = None,
    budget_usd: float | None = None,
    again: bool = False,
    wait: bool = True,
    progress: RunProgress | None = None,
    identity: Identity | None = None,
) -> TuningView:
    """Starts a job, or finds the one that was started, and follows it to its end.

    Args:
        case: The case folder.
        baseline: The fine-tuned baseline; needed where the case has several.
        store: A SQLAlchemy URL.
        budget_usd: What the job may cost.
        again: Make another job where one failed or was cancelled.
        wait: Follow a hosted job to its end; else return once it is created.
        progress: Hears how it goes on.
        identity: Who starts it, as an editor; None: the user of this machine.

    Raises:
        AccessError: They may not.
        BudgetExceededError: The job would cost more than what is left.
        TuningError: The training data would be refused, or the job failed.
    """
    from advisor.evaluation.engine import Budget
    from advisor.evaluation.jobs import finish, start_job
    from advisor.evaluation.progress import Silent

    noted(case, identity, "tuning job started", {"baseline": baseline}, store=store)
    with _plans(case, store, baseline, alone=True, may_ask=True) as (plan,):
        if again and plan.ledger.state.ended and plan.ledger.state.word != "succeeded":
            plan.ledger.start_again()
        how = finish if wait else start_job
        record = how(
            plan.system,
            plan.job,
            plan.ledger,
            what=f"{plan.spec.name} · training",
            budget=Budget(budget_usd),
            progress=progress or Silent(),
        )
        return plan.view(record=record)


def status(case: Path | str, *, baseline: str | None = None, store: str | None = None) -> list[TuningView]:
    """Where the jobs stand, asked of their systems."""
    with _plans(case, store, baseline) as plans:
        for p in plans:
            p.system.status(p.ledger)
        return [p.view(record=p.ledger.record) for p in plans]


def cancel(
    case: Path | str,
    *,
    baseline: str | None = None,
    store: str | None = None,
    identity: Identity | None = None,
) -> TuningView:
    """Ends a job; what it did until then may be billed."""
    noted(case, identity, "tuning job cancelled", {"baseline": baseline}, store=store)
    with _plans(case, store, baseline, alone=True) as (plan,):
        plan.system.cancel(plan.ledger)
        return plan.view()


def deploy(
    case: Path | str,
    *,
    baseline: str | None = None,
    store: str | None = None,
    identity: Identity | None = None,
) -> TuningView:
    """Makes a tuned model answer, and says by which name."""
    noted(case, identity, "model deployed", {"baseline": baseline}, store=store)
    with _plans(case, store, baseline, alone=True) as (plan,):
        return plan.view(name=plan.system.deploy(plan.job, plan.ledger))


def undeploy(
    case: Path | str,
    *,
    baseline: str | None = None,
    store: str | None = None,
    identity: Identity | None = None,
) -> TuningView:
    """Removes what stands of a baseline, so that it costs nothing any more.

    Deployments of earlier examples or settings too: what was left standing by them costs as much.
    """
    from advisor.evaluation.jobs import JobLedger
    from advisor.tuning.base import open_system

    noted(case, identity, "deployment removed", {"baseline": baseline}, store=store)
    loaded = load(case)
    spec = _tuned_here(loaded, baseline, alone=True)[0]
    with open_store(loaded, store) as opened:
        pages = JobLedger.with_deployments(
            opened, case_name=loaded.case.name, artefacts=artefacts_folder(loaded)
        )
        known = {b.name for b in loaded.case.baselines}
        # of this baseline, or of one that the case has no more
        pages = [p for p in pages if p.baseline == spec.name or p.baseline not in known]
        for page in pages:
            open_system(page.state.system, loaded.case.models[str(spec.model)]).undeploy(page)
        if pages:
            return TuningView(spec.name, pages[0].state.system, pages[0].state)
    with _plans(case, store, baseline, alone=True) as (plan,):
        return plan.view()


@dataclass(frozen=True)
class _Plan:
    spec: BaselineSpec
    system: TuningSystem
    job: TuningJob
    ledger: JobLedger

    def view(self, **more: object) -> TuningView:
        """What a verb shows of it."""
        return TuningView(self.spec.name, self.job.system, self.ledger.state, **more)  # type: ignore[arg-type]


def _tuned_here(loaded: LoadedCase, baseline: str | None, *, alone: bool) -> list[BaselineSpec]:
    """The fine-tuned baselines whose jobs are the advisor's.

    Raises:
        UsageError: There is none; or there are several, and one is to be named.
    """
    chosen = [
        b for b in loaded.case.baselines if b.tuning is not None and b.tuning.system != "existing"
        and baseline in (None, b.name)
    ]  # fmt: skip
    if not chosen:
        what = "no fine-tuned baseline" if baseline is None else f"no fine-tuned baseline {baseline!r}"
        raise UsageError(f"The case has {what} that is tuned here.", hint="Add one to case.yaml.")
    if alone and len(chosen) > 1:
        raise UsageError(
            "The case has several fine-tuned baselines.",
            hint=f"Name one with --baseline: {', '.join(b.name for b in chosen)}.",
        )
    return chosen


@contextmanager
def _plans(
    case: Path | str, store: str | None, baseline: str | None, *, alone: bool = False, may_ask: bool = False
) -> Iterator[Sequence[_Plan]]:
    """The jobs of a case's fine-tuned baselines; `may_ask`: models may be asked where a setting is to be chosen."""
    from advisor.baselines import build_baseline
    from advisor.evaluation.engine import Budget, Engine
    from advisor.evaluation.progress import Silent
    from advisor.evaluation.ready import choose_setting
    from advisor.evaluation.session import Session
    from advisor.evaluation.tuned import planned_job

    loaded = load(case)
    chosen = _tuned_here(loaded, baseline, alone=alone)
    with open_store(loaded, store) as opened:
        engine = Engine(opened, Silent(), Budget(None if may_ask else 0.0))
        session = Session(loaded, engine, artefacts_folder(loaded), run_id="")
        try:
            plans = []
            for spec in chosen:
                way = build_baseline(spec, session.material)
                try:
                    setting, _ = choose_setting(session, spec, way)
                except BudgetExceededError:
                    raise UsageError(
                        f"{spec.name}: its setting is chosen on the dev split first, which asks the model.",
                        hint=f"Run it: advisor run {loaded.folder} --baselines {spec.name}",
                    ) from None
                plans.append(_Plan(spec, *planned_job(session, spec, way, setting)))
            yield plans
        finally:
            session.close()
