"""A tuning job from its plan to its record: estimated, started, followed, and kept at every step."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from advisor.errors import TuningError
from advisor.evaluation.engine import Budget
from advisor.evaluation.progress import RunProgress
from advisor.records import TuningRecord
from advisor.store.database import Store
from advisor.tuning.base import JobState, TuningJob, TuningSystem

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
_STEP = re.compile(r"[Ss]tep (\d+)/(\d+)")


class JobLedger:
    """A job's page in the store, and its folder; see `advisor.tuning.base.Ledger`.

    It is read anew each time: another process may have done the next step meanwhile, such as creating the job.
    """

    def __init__(
        self,
        store: Store,
        *,
        fingerprint: str,
        system: str,
        case_name: str,
        baseline: str | None,
        artefacts: Path,
    ) -> None:
        self._store, self._case_name = store, case_name
        self._fingerprint, self._system = fingerprint, system
        self.baseline = baseline
        """The baseline's name when the job was planned."""
        self.folder = artefacts / "tuning" / fingerprint[:16]

    @classmethod
    def with_deployments(cls, store: Store, *, case_name: str, artefacts: Path) -> list[JobLedger]:
        """The pages of all jobs of a case that have a deployment, those of earlier examples or settings too."""
        return [
            cls(
                store,
                fingerprint=row["fingerprint"],
                system=row["system"],
                case_name=case_name,
                baseline=row["baseline"],
                artefacts=artefacts,
            )
            for row in store.jobs(case_name)
            if (row["details"] or {}).get("deployment")
        ]

    @property
    def state(self) -> JobState:
        """Where the job stands, as it was kept last."""
        row = self._row()
        if row.get("details"):
            return JobState(**row["details"])
        return JobState(
            fingerprint=self._fingerprint,
            system=self._system,
            # pages of earlier versions hold no details, only how the training ended
            word="succeeded" if row.get("state") == "succeeded" else "new",
        )

    @property
    def record(self) -> TuningRecord | None:
        """The record of a job that ended well."""
        row = self._row()
        return TuningRecord(**row["record"]) if row.get("record") else None

    def keep(self, **changes: object) -> JobState:
        """Changes the state and keeps it, before anything else is done."""
        return self._save(JobState.model_validate({**self.state.model_dump(), **changes}), record=self.record)

    def start_again(self) -> JobState:
        """Forgets a job that failed or was cancelled, so that a new one can be made; not a deployment."""
        kept = self.state.model_dump(
            include={"fingerprint", "system", "deployment", "deployed_at", "hosted_hours"}
        )
        return self._save(JobState(**kept), record=None)

    def keep_record(self, record: TuningRecord) -> None:
        """Keeps the record of a job that ended well."""
        self._save(self.state, record=record)

    def _row(self) -> Mapping[str, Any]:
        return self._store.job(self._fingerprint) or {}

    def _save(self, state: JobState, *, record: TuningRecord | None) -> JobState:
        self._store.save_job(
            state.fingerprint,
            case_name=self._case_name,
            baseline=self.baseline,
            system=state.system,
            state=state.word,
            details=state.model_dump(mode="json"),
            record=record.model_dump(mode="json") if record else None,
        )
        return state


def finish(
    system: TuningSystem,
    job: TuningJob,
    ledger: JobLedger,
    *,
    what: str,
    budget: Budget,
    progress: RunProgress,
) -> TuningRecord:
    """The record of a job: started if it was not, followed to its end, or as it was kept.

    Raises:
        TuningError: The training data would be refused, or the job failed or was cancelled.
        BudgetExceededError: The job would cost more than what is left.
    """
    if ledger.record is None or ledger.state.word != "succeeded":
        start_job(system, job, ledger, what=what, budget=budget, progress=progress)
        follow(system, ledger, what=what, progress=progress)
        record = system.result(job, ledger)
        ledger.keep_record(record)
        cost = record.cost_usd
        if cost is None and job.base.serving is not None:  # trained here: the machine's time
            cost = record.duration_s / 3600 * job.base.serving.usd_per_hour
        told = "at an unknown cost" if cost is None else f"for ${cost:,.4f}"
        progress.note(f"{what}: {record.tokens:,} tokens trained {told}")
        budget.spend(cost or 0.0)
        progress.spend(what, cost)
        return record
    # whoever trains here makes sure that what the record speaks of is still there
    return system.result(job, ledger) if ledger.state.job_id is None else ledger.record


def start_job(
    system: TuningSystem,
    job: TuningJob,
    ledger: JobLedger,
    *,
    what: str,
    budget: Budget,
    progress: RunProgress,
) -> TuningRecord | None:
    """Starts a job, or finds the one that was started; the record where it has ended already.

    Raises:
        TuningError: The training data would be refused, or the job cannot be started.
        BudgetExceededError: The job would cost more than what is left.
    """
    state = ledger.state
    if (state.word == "failed" and state.job_id is not None) or state.word == "cancelled":
        raise TuningError(
            f"{what}: the job {state.word}{f': {state.error}' if state.error else '.'}",
            hint="Look with `advisor tune status`; start another with `advisor tune start --again`.",
        )
    if state.job_id is None and state.word != "succeeded":
        errors = [f for f in system.check(job) if f.severity == "error"]
        if errors:
            raise TuningError(
                f"{what}: the training data would be refused:\n"
                + "\n".join(f"  {f.code}: {f.text}" for f in errors),
                hint="See all findings with `advisor tune check`.",
            )
        if budget.limit_usd is not None:
            budget.require(system.estimate(job).usd, what)
    seen = 0

    def on_step(step: int, total: int, loss: float | None, elapsed_s: float) -> None:
        nonlocal seen
        if seen == 0:
            progress.start(what, total)
        progress.advance(step - seen)
        seen = step

    system.start(job, ledger, on_step)
    return ledger.record


def follow(
    system: TuningSystem,
    ledger: JobLedger,
    *,
    what: str,
    progress: RunProgress,
    sleep: Callable[[float], None] = time.sleep,
) -> JobState:
    """Waits until a job has ended, and tells what it does.

    Raises:
        TuningError: It failed, or was cancelled.
    """
    wait, told, done, total = FIRST_WAIT_S, 0, 0, 0
    state = ledger.state
    while True:
        for event in state.events[told:]:
            step = _STEP.search(event.text)
            if step is None:
                progress.note(f"{what}: {event.text}")
            else:  # steps move the bar
                if not total:
                    total = int(step[2])
                    progress.start(what, total)
                progress.advance(int(step[1]) - done)
                done = int(step[1])
        told = len(state.events)
        if state.ended:
            break
        sleep(wait)
        wait = min(wait * 1.5, LONGEST_WAIT_S)
        state = system.status(ledger)
    if state.word != "succeeded":
        raise TuningError(
            f"{what}: the job {state.word}{f': {state.error}' if state.error else '.'}",
            hint="Start another with `advisor tune start --again`, once its cause is mended.",
        )
    return state
