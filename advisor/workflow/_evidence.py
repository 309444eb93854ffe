"""From a case and its store to the evidence that a decision is computed from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from advisor.cases.loading import LoadedCase
from advisor.errors import NoResultsError
from advisor.records import Decision, Measured, Provenance
from advisor.workflow._audit import audited

if TYPE_CHECKING:
    from advisor.cases.audit import Audit
    from advisor.catalogue.lifecycle import ServiceEnd
    from advisor.decision.evidence import CaseEvidence
    from advisor.store.database import Store


def decide_stored(loaded: LoadedCase, store: Store | None, now: datetime | None = None) -> Decision:
    """The decision from what the store holds of a case, or from the results recorded beside it.

    Raises:
        NoResultsError: Nothing was measured yet.
    """
    from advisor.decision.decide import decide as decide_on

    return decide_on(evidence_of(loaded, store, now))


def settled_stored(loaded: LoadedCase, store: Store) -> Callable[[], str | None]:
    """A question that may be asked again and again: why what the store holds by now settles the verdict, if it does."""
    from advisor.decision.stopping import settled
    from advisor.decision.summary import summarise_findings

    first: list[CaseEvidence] = []

    def question() -> str | None:
        # the audit of the data takes its time, and stays as it is
        first[:] = first or [evidence_of(loaded, store)]
        evidence = first[0].model_copy(update={"measured": tuple(from_store(loaded, store)[0])})
        return settled(evidence, summarise_findings(evidence))

    return question


def evidence_of(
    loaded: LoadedCase, store: Store | None, now: datetime | None = None, found: Audit | None = None
) -> CaseEvidence:
    """What the decision is computed from: what the store holds, or the results recorded beside the case.

    Args:
        loaded: The case.
        store: Its store.
        now: The date of the decision.
        found: The audit of its data, where it was made already.

    Raises:
        NoResultsError: Nothing was measured yet.
    """
    from advisor.catalogue.of_case import ends_of_case, prices_of_case, tunability_of_case
    from advisor.decision.evidence import CaseEvidence, DataFacts

    measured, run_id, provenance, warnings = measured_of(loaded, store)
    found = found or audited(loaded)
    moment = now or datetime.now(UTC)
    reported = {} if store is None or run_id is None else _reported_ends(store, run_id)
    ends = {name: reported[name] for name in loaded.case.models if name in reported}
    if store is not None:
        warnings += _standing_deployments(store, loaded)
    known_ends = ends_of_case(loaded.case, moment.date(), ends)
    return CaseEvidence(
        case=loaded.case,
        data=DataFacts(
            n_learn=len(loaded.learn),
            n_dev=len(loaded.dev),
            n_held_out=len(loaded.held_out),
            n_documents=found.n_documents,
            leaked=found.leaked,
            clusters={e.id: e.group for e in loaded.held_out if e.group is not None},
            findings=found.findings,
            input_characters={e.id: len(e.input_text) for e in loaded.held_out},
            with_documents=frozenset(e.id for e in loaded.held_out if e.documents),
        ),
        measured=tuple(measured),
        run=run_id,
        now=moment,
        prices=prices_of_case(loaded.case, moment.date()),
        ends=known_ends,
        tunability=tunability_of_case(loaded.case, moment.date(), ends),
        provenance=provenance.model_copy(update={"hashes": _hashes(loaded, measured, known_ends)}),
        warnings=tuple(warnings),
        human_labels=loaded.human_labels,
        expected={e.id: e.output for e in loaded.held_out},
    )


def measured_of(
    loaded: LoadedCase, store: Store | None
) -> tuple[list[Measured], str | None, Provenance, list[str]]:
    """(what was measured, the newest run, where it comes from, warnings): from the store, else as recorded.

    Raises:
        NoResultsError: Nothing was measured yet.
    """
    from advisor.evaluation.results_file import RESULTS_FILE, read_results

    warnings: list[str] = []
    measured, run_id, provenance = ([], None, None) if store is None else from_store(loaded, store)
    recorded = loaded.folder / RESULTS_FILE
    if not measured and recorded.exists():
        measured, recording = read_results(loaded, recorded)
        provenance = recording.provenance
        measured = measured if store is None else _with_load_tests(loaded, store, measured)
        warnings += recording.warnings
    if not measured or provenance is None:
        raise NoResultsError(
            f"Nothing was measured yet of case {loaded.case.name!r}, as it is now.",
            hint=f"Measure it with: advisor run {loaded.folder}",
        )
    return measured, run_id, provenance, warnings


def _hashes(
    loaded: LoadedCase, measured: Sequence[Measured], ends: Mapping[str, ServiceEnd]
) -> dict[str, str]:
    """What tells evidence apart: of the examples, of who answered which item how well, and of what is declared."""
    results = hashlib.sha256()
    for m in sorted(measured, key=lambda m: m.name):
        about = m.model_dump(
            mode="json", exclude={"items", "notes", "estimated_tokens"}
        )  # seeds, curve, load test ...
        results.update(json.dumps([about, m.items.ids], sort_keys=True).encode())
        for metric in sorted(m.items.scores):
            results.update(metric.encode() + m.items.score(metric).astype("<f8").tobytes())
    texts = loaded.canonical

    def of(*parts: str) -> str:
        return hashlib.sha256("\n".join(texts[p] for p in parts).encode(errors="surrogatepass")).hexdigest()

    return {
        "training examples": of("learn", "dev"),
        "held-out items": of("held_out"),
        "results": results.hexdigest(),
        "declared": _hash(loaded.case.declared),
        "services": _hash({name: str(end.date) for name, end in ends.items()}),
        "human labels": _hash([label.model_dump(mode="json") for label in loaded.human_labels]),
    }


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _reported_ends(store: Store, run_id: str) -> dict[str, date]:
    """The shutdown dates that providers reported during a run, by the case's name of a model."""
    environment = (store.run(run_id) or {}).get("environment", {})
    return {name: date.fromisoformat(day) for name, day in environment.get("shutdown_dates", {}).items()}


def _standing_deployments(store: Store, loaded: LoadedCase) -> list[str]:
    """A warning for each deployment that costs money by the hour."""
    found = [
        row["details"]
        for row in store.jobs(loaded.case.name)
        if row["details"] and row["details"].get("deployment")
    ]
    return [
        f"The deployment {d['deployment']!r} stands since {str(d['deployed_at'])[:16].replace('T', ' ')} and is "
        f"billed by the hour; remove it with: advisor tune undeploy {loaded.folder}"
        for d in found
    ]


def from_store(loaded: LoadedCase, store: Store) -> tuple[list[Measured], str | None, Provenance | None]:
    """(what was measured of the case as it is now, the newest run, where it comes from)."""
    from advisor.evaluation.fingerprint import measurement_fingerprint
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
        recorded_at=environment.get("recorded_at")  # of an imported evaluation
        or (runs[newest]["started_at"].strftime("%Y-%m-%d") if runs[newest].get("started_at") else None),
        hardware=environment.get("hardware"),
        software=environment.get("software", {}),
        source="imported" if all(imported) else "mixed" if any(imported) else "measured here",
        held_out_looks=store.held_out_looks(loaded.case.name),
    )
    return _with_load_tests(loaded, store, [m for _, m in found]), newest, provenance


def _with_load_tests(loaded: LoadedCase, store: Store, measured: list[Measured]) -> list[Measured]:
    """The same, each with its newest load test."""
    from advisor.evaluation.loadtest import load_fingerprint

    specs = {b.name: b for b in loaded.case.baselines}
    tests = {
        m.name: store.load_test(loaded.case.name, m.name, load_fingerprint(loaded, specs[m.name]))
        for m in measured
    }
    return [m.model_copy(update={"load": tests[m.name]}) if tests[m.name] else m for m in measured]
