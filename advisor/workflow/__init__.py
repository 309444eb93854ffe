"""The verbs of the product: check, run, decide, report, batch, import, export. Also its public Python API.

Reports, batches and comparisons stand in `advisor.workflow.reporting`, the verbs of a tuning job in
`advisor.workflow.tuning`, the rehearsal in `advisor.workflow.rehearsal`, the load test in `advisor.workflow.loadtest`.

The command line and the pages call these and draw; they hold no rule of the domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.access import Identity
from advisor.cases.loading import LoadedCase
from advisor.cases.overrides import with_overrides
from advisor.errors import BudgetExceededError, NoResultsError, UsageError
from advisor.records import Decision, Measured
from advisor.workflow._audit import audited
from advisor.workflow._cases import (
    artefacts_folder,
    check_stop_early,
    chosen_baselines,
    load,
    open_store,
    with_store,
)
from advisor.workflow._evidence import decide_stored, from_store, settled_stored
from advisor.workflow._journal import authorised, keep
from advisor.workflow.reporting import (
    DEFAULT_REPORTS,
    FORMATS,
    BatchEntry,
    batch,
    compare,
    render,
    render_bytes,
    report,
    reportable,
    reports,
)

if TYPE_CHECKING:
    from advisor.cases.audit import Audit
    from advisor.evaluation.plan import Plan
    from advisor.evaluation.progress import RunProgress

__all__ = [
    "DEFAULT_REPORTS",
    "FORMATS",
    "BatchEntry",
    "Checked",
    "Outcome",
    "batch",
    "check",
    "compare",
    "decide",
    "export_results",
    "import_results",
    "render",
    "render_bytes",
    "report",
    "reportable",
    "reports",
    "run",
]


@dataclass(frozen=True)
class Checked:
    """What `check` found: the data audit and the plan of calls."""

    loaded: LoadedCase
    audit: Audit
    plan: Plan


@dataclass(frozen=True)
class Outcome:
    """What `run` came to: the decision, and how the run itself went."""

    decision: Decision
    calls_made: int
    failed: int
    spent_usd: float
    stopped_by_budget: str | None = None

    @property
    def exit_code(self) -> int:
        """0 done · 3 some items failed for good · 4 stopped by the budget."""
        return 4 if self.stopped_by_budget else 3 if self.failed else 0


def check(case: Path | str) -> Checked:
    """Validates a case, audits its data, and plans every call; calls no model.

    Raises:
        CaseError: With all problems of the case.
    """
    from advisor.evaluation.plan import make_plan

    loaded = load(case)
    return Checked(loaded, audited(loaded), make_plan(loaded, datetime.now(UTC).date()))


def run(
    case: Path | str,
    *,
    store: str | None = None,
    baselines: Sequence[str] | None = None,
    budget_usd: float | None = None,
    limit: int | None = None,
    use_batches: bool = False,
    stop_early: bool = False,
    progress: RunProgress | None = None,
    identity: Identity | None = None,
    noted: bool = False,
) -> Outcome:
    """Runs what is missing, and decides. Run again, it goes on where it stopped.

    Args:
        case: The case folder.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.
        baselines: Names of the baselines to run; None: all.
        budget_usd: What may be spent; before it is exceeded the run stops, and what was answered is kept.
        limit: Only the first items of the held-out set.
        use_batches: Ask hosted models through their batch endpoints: cheaper, and within a day.
        stop_early: Ask only until the verdict is settled, of all baselines side by side and in random order.
        progress: Hears how it goes on.
        identity: Who runs it, as an editor; None: the user of this machine.
        noted: Whether the journal holds this run already.

    Raises:
        AccessError: They may not.
        CaseError: The case is wrong.
        UsageError: A baseline is unknown, or `stop_early` cannot be had with the rest.
        ModelError, TuningError: A model cannot be had, or cannot be tuned.
    """
    from advisor.evaluation.elsewhere import load_others
    from advisor.evaluation.engine import Budget, Engine
    from advisor.evaluation.environment import describe_environment
    from advisor.evaluation.looks import measure_until_settled
    from advisor.evaluation.measure import measure
    from advisor.evaluation.progress import Silent
    from advisor.evaluation.session import Session
    from advisor.evaluation.variants import measure_variants
    from advisor.models.shutdown import reported_shutdowns

    who = authorised(identity, "editor")
    loaded = load(case)
    chosen = chosen_baselines(loaded, baselines)
    if limit is not None and limit < 1:
        raise UsageError("--limit must be at least 1.")
    others = load_others(loaded)
    if stop_early:
        check_stop_early(loaded, limit=limit, use_batches=use_batches)
    progress = progress or Silent()
    stopped: str | None = None
    measured: list[Measured] = []
    if not noted:
        keep(loaded, who, "run started", {"baselines": [b.name for b in chosen]}, store=store)
    with open_store(loaded, store) as opened:
        ends = reported_shutdowns({b.model: loaded.case.models[b.model] for b in chosen if b.model})
        about = {**describe_environment(), "shutdown_dates": {name: str(day) for name, day in ends.items()}}
        run_id = opened.start_run(loaded.case.name, about)
        engine = Engine(opened, progress, Budget(budget_usd), use_batches=use_batches)
        session = Session(loaded, engine, artefacts_folder(loaded), run_id, limit, others=others)
        status = "failed"
        try:
            if stop_early:
                measured = measure_until_settled(session, chosen, settled_stored(loaded, opened))
            else:
                measured.extend(measure(session, spec) for spec in chosen)
                # last, so that a budget that ends has paid for the verdict first
                for spec, result in zip(chosen, list(measured), strict=True):
                    measure_variants(session, spec, result)
            status = "finished"
        except BudgetExceededError as error:
            stopped, status = str(error), "budget"
        except KeyboardInterrupt:
            status = "stopped"
            raise
        finally:
            session.close()
            opened.end_run(run_id, status, engine.calls_made)
        try:
            decision = decide_stored(loaded, opened)
        except NoResultsError:
            if stopped is None:
                raise
            raise BudgetExceededError(stopped) from None  # before a single baseline was through
    failed = sum(i.failure is not None or bool(i.failed_repeats) for m in measured for i in m.items)
    failed += sum(len(m.judge.failures) for m in measured if m.judge)
    return Outcome(decision, engine.calls_made, failed, engine.budget.spent_usd, stopped)


def decide(
    case: Path | str,
    *,
    store: str | None = None,
    overrides: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Decision:
    """The verdict from stored or recorded results, with assumptions changed at will; calls no model.

    Args:
        case: The case folder.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.
        overrides: New values of assumptions by dotted key, e.g. {"traffic.requests_per_month": "100000"}.
        now: The date of the decision.

    Raises:
        NoResultsError: Nothing was measured yet.
        UsageError: An override names something that is no assumption.
    """
    loaded = with_overrides(load(case), overrides or {})
    return with_store(loaded, store, lambda opened: decide_stored(loaded, opened, now))


def import_results(
    case: Path | str,
    results: Path,
    *,
    store: str | None = None,
    format: str = "auto",
    names: Mapping[str, str] | None = None,
    scorer: str | None = None,
    identity: Identity | None = None,
) -> dict[str, int]:
    """Takes in results that were measured elsewhere; returns how many items of each baseline.

    Args:
        case: The case folder.
        results: A file of lines, an output of promptfoo, or a log of Inspect.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.
        format: auto, jsonl, promptfoo or inspect.
        names: Which of the file's names is which baseline; an empty baseline leaves that name out.
        scorer: Inspect: whose scores count.
        identity: Who takes them in, as an editor; None: the user of this machine.

    Raises:
        AccessError: They may not.
        CaseError: With all problems of the file; nothing was taken in.
        UsageError: An option does not fit.
    """
    from advisor.evaluation.fingerprint import measurement_fingerprint
    from advisor.evaluation.imports import read_import

    who = authorised(identity, "editor")
    loaded = load(case)
    found = read_import(loaded, results, format=format, names=names, scorer=scorer)
    positions = {e.id: n for n, e in enumerate(loaded.held_out)}
    specs = {b.name: b for b in loaded.case.baselines}
    with open_store(loaded, store) as opened:
        environment = {**found.environment, "imported": results.name}
        run_id = opened.start_run(loaded.case.name, environment)
        for m in found.measured:
            opened.save_measurement(
                case_name=loaded.case.name,
                baseline=m.name,
                fingerprint=measurement_fingerprint(loaded, specs[m.name]),
                run_id=run_id,
                about=m.model_copy(update={"imported": True}).model_dump(mode="json", exclude={"items"}),
                items=[(positions[i.id], i) for i in m.items],
            )
        opened.end_run(run_id, "finished", 0)
    keep(
        loaded,
        who,
        "results imported",
        {"baselines": {m.name: len(m.items) for m in found.measured}},
        store=store,
    )
    audited(loaded)  # of a large case it takes its time, and is at hand from now on
    return {m.name: len(m.items) for m in found.measured}


def export_results(case: Path | str, *, output: Path | None = None, store: str | None = None) -> Path:
    """Writes what was measured as `results.jsonl`, from which others can decide without running anything.

    Raises:
        NoResultsError: Nothing was measured yet.
    """
    from advisor.evaluation.results_file import RESULTS_FILE, write_results

    loaded = load(case)
    path = output or loaded.folder / RESULTS_FILE
    with open_store(loaded, store) as opened:
        measured, run_id, _ = from_store(loaded, opened)
        if not measured or run_id is None:
            raise NoResultsError("Nothing was measured yet.", hint="Measure it with `advisor run`.")
        about = opened.run(run_id) or {}
        write_results(path, loaded, measured, about.get("environment", {}), about.get("started_at"))
    return path
