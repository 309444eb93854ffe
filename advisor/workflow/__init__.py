"""The verbs of the product: check, run, decide, report, batch, import, export. Also its public Python API.

The verbs of a tuning job stand in `advisor.workflow.tuning`, the rehearsal in `advisor.workflow.rehearsal`.

The command line and the pages call these and draw; they hold no rule of the domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.cases.loading import CASE_FILE, LoadedCase, load_case
from advisor.cases.overrides import with_overrides
from advisor.errors import AdvisorError, BudgetExceededError, CaseError, NoResultsError, UsageError
from advisor.records import Decision, Measured, Provenance

if TYPE_CHECKING:
    from advisor.cases.audit import Audit
    from advisor.evaluation.plan import Plan
    from advisor.evaluation.progress import RunProgress
    from advisor.store.database import Store

DEFAULT_STORE_FOLDER = ".advisor"
DEFAULT_REPORTS = Path("reports")


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
    from advisor.cases.audit import audit
    from advisor.evaluation.plan import make_plan

    loaded = _load(case)
    return Checked(loaded, audit(loaded), make_plan(loaded, datetime.now(UTC).date()))


def run(
    case: Path | str,
    *,
    store: str | None = None,
    baselines: Sequence[str] | None = None,
    budget_usd: float | None = None,
    limit: int | None = None,
    use_batches: bool = False,
    progress: RunProgress | None = None,
) -> Outcome:
    """Runs what is missing, and decides. Run again, it goes on where it stopped.

    Args:
        case: The case folder.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.
        baselines: Names of the baselines to run; None: all.
        budget_usd: What may be spent; before it is exceeded the run stops, and what was answered is kept.
        limit: Only the first items of the held-out set.
        use_batches: Ask hosted models through their batch endpoints: cheaper, and within a day.
        progress: Hears how it goes on.

    Raises:
        CaseError: The case is wrong.
        UsageError: A baseline is unknown.
        ModelError, TuningError: A model cannot be had, or cannot be tuned.
    """
    from advisor.evaluation.engine import Budget, Engine
    from advisor.evaluation.environment import describe_environment
    from advisor.evaluation.measure import Session, measure
    from advisor.evaluation.progress import Silent
    from advisor.models.shutdown import reported_shutdowns

    loaded = _load(case)
    chosen = _chosen(loaded, baselines)
    if limit is not None and limit < 1:
        raise UsageError("--limit must be at least 1.")
    progress = progress or Silent()
    stopped: str | None = None
    measured: list[Measured] = []
    with _open_store(loaded, store) as opened:
        ends = reported_shutdowns({b.model: loaded.case.models[b.model] for b in chosen if b.model})
        about = {**describe_environment(), "shutdown_dates": {name: str(day) for name, day in ends.items()}}
        run_id = opened.start_run(loaded.case.name, about)
        engine = Engine(opened, progress, Budget(budget_usd), use_batches=use_batches)
        session = Session(loaded, engine, _artefacts(loaded), run_id, limit)
        status = "failed"
        try:
            measured.extend(measure(session, spec) for spec in chosen)
            status = "finished"
        except BudgetExceededError as error:
            stopped, status = str(error), "budget"
        finally:
            session.close()
            opened.end_run(run_id, status, engine.calls_made)
        try:
            decision = _decide(loaded, opened)
        except NoResultsError:
            if stopped is None:
                raise
            raise BudgetExceededError(stopped) from None  # before a single baseline was through
    failed = sum(i.failure is not None for m in measured for i in m.items)
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
    loaded = with_overrides(_load(case), overrides or {})
    return _with_store(loaded, store, lambda opened: _decide(loaded, opened, now))


def report(
    case: Path | str,
    *,
    format: str = "html",
    output: Path | None = None,
    store: str | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Path:
    """Writes the decision report; returns its path.

    Raises:
        UsageError: The format is unknown.
        NoResultsError: Nothing was measured yet.
    """
    decision = decide(case, store=store, overrides=overrides)
    text = render(decision, format)
    folder = output or DEFAULT_REPORTS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{decision.case}.{format}"
    path.write_text(text, encoding="utf-8")
    return path


def render(decision: Decision, format: str) -> str:
    """The decision as HTML, Markdown or JSON text.

    Raises:
        UsageError: The format is unknown.
    """
    if format == "html":
        from advisor.reports.html import render_html

        return render_html(decision)
    if format == "md":
        from advisor.reports.markdown import render_markdown

        return render_markdown(decision)
    if format == "json":
        return decision.to_json()
    raise UsageError(f"There is no report format {format!r}.", hint="There are html, md and json.")


@dataclass(frozen=True)
class BatchEntry:
    """One case of a batch: its decision and report, or why there is none."""

    folder: Path
    decision: Decision | None = None
    report: Path | None = None
    error: str | None = None


def batch(
    folder: Path | str,
    *,
    output: Path | None = None,
    store: str | None = None,
    progress: RunProgress | None = None,
) -> tuple[list[BatchEntry], Path]:
    """Decides every case below a folder, running what has no results; a report each, and an index over all.

    A case that fails leaves the others alone.

    Returns:
        The cases in the order of their folders, and the path of the index.

    Raises:
        UsageError: There is no case below the folder.
    """
    from advisor.reports.index import IndexEntry, render_index

    folders = sorted(p.parent for p in Path(folder).rglob(CASE_FILE) if DEFAULT_STORE_FOLDER not in p.parts)
    if not folders:
        raise UsageError(f"There is no case below {folder}.", hint="A case is a folder with a case.yaml.")
    target = output or DEFAULT_REPORTS
    target.mkdir(parents=True, exist_ok=True)
    entries: list[BatchEntry] = []
    for case in folders:
        try:
            try:
                decision = decide(case, store=store)
            except NoResultsError:
                decision = run(case, store=store, progress=progress).decision
        except AdvisorError as error:
            entries.append(BatchEntry(case, error=str(error)))
            continue
        taken = {e.report for e in entries}
        path = target / f"{decision.case}.html"
        # two cases may have one name; their folders tell them apart
        path = target / f"{decision.case}-{case.name}-{len(entries)}.html" if path in taken else path
        path.write_text(render(decision, "html"), encoding="utf-8")
        entries.append(BatchEntry(case, decision, path))
    index = target / "index.html"
    rows = tuple(
        IndexEntry(
            folder=str(e.folder),
            decision=e.decision,
            report=e.report.name if e.report else None,
            error=e.error,
        )
        for e in entries
    )
    index.write_text(render_index(rows, datetime.now(UTC)), encoding="utf-8")
    return entries, index


def import_results(case: Path | str, results: Path, *, store: str | None = None) -> dict[str, int]:
    """Takes in results that were measured elsewhere; returns how many items of each baseline.

    Raises:
        CaseError: With all problems of the file.
    """
    from advisor.evaluation.environment import describe_environment
    from advisor.evaluation.measure import measurement_fingerprint
    from advisor.evaluation.results_file import read_results

    loaded = _load(case)
    measured, _ = read_results(loaded, results)
    positions = {e.id: n for n, e in enumerate(loaded.held_out)}
    specs = {b.name: b for b in loaded.case.baselines}
    with _open_store(loaded, store) as opened:
        run_id = opened.start_run(loaded.case.name, {**describe_environment(), "imported": results.name})
        for m in measured:
            opened.save_measurement(
                case_name=loaded.case.name,
                baseline=m.name,
                fingerprint=measurement_fingerprint(loaded, specs[m.name]),
                run_id=run_id,
                about=m.model_copy(update={"imported": True}).model_dump(mode="json", exclude={"items"}),
                items=[(positions[i.id], i) for i in m.items],
            )
        opened.end_run(run_id, "finished", 0)
    return {m.name: len(m.items) for m in measured}


def export_results(case: Path | str, *, output: Path | None = None, store: str | None = None) -> Path:
    """Writes what was measured as `results.jsonl`, from which others can decide without running anything.

    Raises:
        NoResultsError: Nothing was measured yet.
    """
    from advisor.evaluation.results_file import RESULTS_FILE, write_results

    loaded = _load(case)
    path = output or loaded.folder / RESULTS_FILE
    with _open_store(loaded, store) as opened:
        measured, run_id, _ = _from_store(loaded, opened)
        if not measured or run_id is None:
            raise NoResultsError("Nothing was measured yet.", hint="Measure it with `advisor run`.")
        about = opened.run(run_id) or {}
        write_results(path, loaded, measured, about.get("environment", {}), about.get("started_at"))
    return path


# ── from a case to its evidence ──────────────────────────────────────────────────────────────────────────


def _load(case: Path | str) -> LoadedCase:
    """Loads a case; a metric that does not exist is a problem of the case as any other."""
    from advisor.errors import Problem
    from advisor.scoring import metric

    loaded = load_case(case)
    try:
        metric(loaded.case.quality.metric)
    except UsageError as error:
        raise CaseError(
            [Problem(loaded.folder / CASE_FILE, str(error).replace("\n  → ", " "), key="quality.metric")]
        ) from error
    return loaded


def _chosen(loaded: LoadedCase, names: Sequence[str] | None) -> list[Any]:
    known = {b.name: b for b in loaded.case.baselines}
    unknown = [n for n in names or () if n not in known]
    if unknown:
        raise UsageError(
            f"The case has no baseline {', '.join(map(repr, unknown))}.", hint=f"It has: {', '.join(known)}."
        )
    return [b for b in loaded.case.baselines if names is None or b.name in names]


def _store_url(loaded: LoadedCase, store: str | None) -> str:
    return store or f"sqlite:///{(loaded.folder / DEFAULT_STORE_FOLDER / 'store.sqlite').resolve()}"


def _open_store(loaded: LoadedCase, store: str | None) -> Store:
    from advisor.store.database import Store

    if store is None:
        _artefacts(loaded)
    return Store(_store_url(loaded, store))


def _with_store(loaded: LoadedCase, store: str | None, use: Callable[[Store | None], Decision]) -> Decision:
    """Opens the store for reading; a default store that is not there yet is not created for that."""
    if store is None and not (loaded.folder / DEFAULT_STORE_FOLDER / "store.sqlite").exists():
        return use(None)
    with _open_store(loaded, store) as opened:
        return use(opened)


def _artefacts(loaded: LoadedCase) -> Path:
    """Where adapters and the default store are; git ignores it."""
    folder = loaded.folder / DEFAULT_STORE_FOLDER
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        raise AdvisorError(
            f"{folder} cannot be written: {error.strerror}.",
            hint="Copy the case to a folder of yours; for a sample: advisor init my_case --from NAME.",
        ) from error
    return folder


def _decide(loaded: LoadedCase, store: Store | None, now: datetime | None = None) -> Decision:
    from advisor.cases.audit import audit
    from advisor.catalogue.of_case import ends_of_case, prices_of_case, tunability_of_case
    from advisor.decision.decide import decide as decide_on
    from advisor.decision.evidence import CaseEvidence, DataFacts
    from advisor.evaluation.results_file import RESULTS_FILE, read_results
    from advisor.scoring import is_per_item

    warnings: list[str] = []
    measured, run_id, provenance = ([], None, None) if store is None else _from_store(loaded, store)
    recorded = loaded.folder / RESULTS_FILE
    if not measured and recorded.exists():
        measured, recording = read_results(loaded, recorded)
        provenance = recording.provenance
        warnings += recording.warnings
    if not measured or provenance is None:
        raise NoResultsError(
            f"Nothing was measured yet of case {loaded.case.name!r}, as it is now.",
            hint=f"Measure it with: advisor run {loaded.folder}",
        )
    found = audit(loaded)
    moment = now or datetime.now(UTC)
    reported = {} if store is None or run_id is None else _reported_ends(store, run_id)
    ends = {name: reported[name] for name in loaded.case.models if name in reported}
    if store is not None:
        warnings += _standing_deployments(store, loaded.case.name)
    evidence = CaseEvidence(
        case=loaded.case,
        data=DataFacts(
            n_learn=len(loaded.learn),
            n_dev=len(loaded.dev),
            n_held_out=len(loaded.held_out),
            n_documents=found.n_documents,
            leaked=found.leaked,
            clusters={e.id: e.group for e in loaded.held_out if e.group is not None},
            findings=found.findings,
        ),
        measured=tuple(measured),
        run=run_id,
        now=moment,
        prices=prices_of_case(loaded.case, moment.date()),
        ends=ends_of_case(loaded.case, moment.date(), ends),
        tunability=tunability_of_case(loaded.case, moment.date(), ends),
        provenance=provenance,
        warnings=tuple(warnings),
        expected={} if is_per_item(loaded.case.quality.metric) else {e.id: e.output for e in loaded.held_out},
    )
    return decide_on(evidence)


def _reported_ends(store: Store, run_id: str) -> dict[str, date]:
    """The shutdown dates that providers reported during a run, by the case's name of a model."""
    environment = (store.run(run_id) or {}).get("environment", {})
    return {name: date.fromisoformat(day) for name, day in environment.get("shutdown_dates", {}).items()}


def _standing_deployments(store: Store, case_name: str) -> list[str]:
    """A warning for each deployment that costs money by the hour."""
    found = [
        row["details"] for row in store.jobs(case_name) if row["details"] and row["details"].get("deployment")
    ]
    return [
        f"The deployment {d['deployment']!r} stands since {str(d['deployed_at'])[:16].replace('T', ' ')} and is "
        "billed by the hour; remove it with: advisor tune undeploy CASE"
        for d in found
    ]


def _from_store(loaded: LoadedCase, store: Store) -> tuple[list[Measured], str | None, Provenance | None]:
    """(what was measured of the case as it is now, the newest run, where it comes from)."""
    from advisor.evaluation.measure import measurement_fingerprint
    from advisor.version import __version__

    found = []
    for spec in loaded.case.baselines:
        there = store.measurement(loaded.case.name, spec.name, measurement_fingerprint(loaded, spec))
        if there is not None:
            found.append((there.run_id, Measured(items=there.items, **{**there.about, "name": spec.name})))
    if not found:
        return [], None, None
    runs = {run_id: store.run(run_id) or {} for run_id, _ in found}
    newest = max(runs, key=lambda r: str(runs[r].get("started_at")))
    environment = runs[newest].get("environment", {})
    imported = [m.imported for _, m in found]
    provenance = Provenance(
        advisor_version=__version__,
        recorded_at=runs[newest]["started_at"].strftime("%Y-%m-%d")
        if runs[newest].get("started_at")
        else None,
        hardware=environment.get("hardware"),
        software=environment.get("software", {}),
        source="imported" if all(imported) else "mixed" if any(imported) else "measured here",
        held_out_looks=store.held_out_looks(loaded.case.name),
    )
    return [m for _, m in found], newest, provenance
