"""The verb `loadtest`: throughput and latency of a served baseline, kept for the decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from advisor.access import Identity
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.loading import LoadedCase
from advisor.economics.capacity import capacity_of
from advisor.errors import NoResultsError, UsageError
from advisor.records import LoadTest, ServingCapacity
from advisor.workflow._cases import artefacts_folder, chosen_baselines, load, open_store
from advisor.workflow._journal import authorised, keep

if TYPE_CHECKING:
    from advisor.baselines import Baseline, Setting
    from advisor.evaluation.progress import RunProgress
    from advisor.evaluation.session import Session
    from advisor.models.base import ChatModel

MOST_AT_ONCE = 1024


@dataclass(frozen=True)
class LoadOutcome:
    """What a load test came to."""

    case: str
    baseline: str
    test: LoadTest
    capacity: ServingCapacity
    spent_usd: float
    stopped_by_budget: str | None = None

    @property
    def exit_code(self) -> int:
        """0 done · 3 no level was answered well enough · 4 stopped by the budget."""
        if self.stopped_by_budget:
            return 4
        return 3 if all(p.failed for p in self.test.points) and self.capacity.requests_per_s is None else 0

    def as_json(self) -> dict[str, Any]:
        """One JSON document."""
        return {
            "case": self.case,
            "baseline": self.baseline,
            **self.test.model_dump(mode="json"),
            "capacity": self.capacity.model_dump(mode="json", exclude={"baseline", "test"}),
            "spent_usd": self.spent_usd,
            "stopped_by_budget": self.stopped_by_budget,
        }


def loadtest(
    case: Path | str,
    baseline: str,
    concurrency: Sequence[int],
    *,
    requests: int | None = None,
    seconds: float | None = None,
    budget_usd: float | None = None,
    store: str | None = None,
    progress: RunProgress | None = None,
    identity: Identity | None = None,
) -> LoadOutcome:
    """Puts a baseline's model under load, at each number of requests at a time, and keeps what came of it.

    Args:
        case: The case folder.
        baseline: Whose prompts are asked, of training items; a tuned model must be there already.
        concurrency: Requests at a time, level by level.
        requests: Counted requests of a level, rounded up to whole rounds of its places; 100 by default.
        seconds: Counted seconds of a level instead.
        budget_usd: What may be spent; a level that it cuts short is left out.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.
        progress: Hears how it goes on.
        identity: Who asks for it, as an editor; None: the user of this machine.

    Raises:
        AccessError: They may not.
        UsageError: The baseline is unknown, or a number does not fit.
        NoResultsError: Its setting was not chosen yet, or its model was not tuned yet.
        ModelError: The model cannot be had.
    """
    from advisor.baselines import build_baseline
    from advisor.evaluation.engine import Budget, Engine
    from advisor.evaluation.loadtest import DEFAULT_REQUESTS, Until, load_fingerprint, run_levels
    from advisor.evaluation.progress import Silent
    from advisor.evaluation.session import Session

    levels = _checked(concurrency, requests, seconds)
    who = authorised(identity, "editor")
    loaded = load(case)
    (spec,) = chosen_baselines(loaded, [baseline])
    keep(loaded, who, "load test started", {"baseline": baseline}, store=store)
    until = Until(requests if requests is not None or seconds is not None else DEFAULT_REQUESTS, seconds)
    progress = progress or Silent()
    budget = Budget(budget_usd)
    with open_store(loaded, store) as opened:
        session = Session(
            _with_room(loaded, spec, max(levels)),
            Engine(opened, progress, budget),
            artefacts_folder(loaded),
            "",
        )
        try:
            asker = build_baseline(spec, session.material)
            setting = _setting(session, spec, asker)
            items = (*loaded.dev, *loaded.learn)  # those first that are no example of a prompt
            asks = [asker.ask(item, setting).request for item in items]
            model = _model(session, spec, asker, setting)
            try:
                points, notes, stopped = run_levels(
                    model, asks, levels, until,
                    rate=session.rate(spec, tuned=spec.kind == "fine_tuned"),
                    budget=budget, progress=progress, what=spec.name,
                )  # fmt: skip
            finally:
                if spec.kind == "fine_tuned":
                    model.close()
        finally:
            session.close()
        test = LoadTest(
            points=tuple(points),
            on=datetime.now(UTC).date().isoformat(),
            where=_where(loaded, spec, model),
            notes=(*notes, *getattr(model, "notes", ())),
        )
        if points:
            opened.save_load_test(loaded.case.name, spec.name, load_fingerprint(loaded, spec), test)
    limit = None
    if stopped:
        limit = (
            f"Stopped by the budget: ${budget.spent_usd:.4f} of ${budget.limit_usd or 0:.4f} is spent; "
            f"{len(points)} of {len(levels)} levels were measured."
        )
    return LoadOutcome(
        loaded.case.name, spec.name, test, capacity_of(loaded.case, spec, test), budget.spent_usd, limit
    )


def _checked(concurrency: Sequence[int], requests: int | None, seconds: float | None) -> list[int]:
    levels = list(dict.fromkeys(concurrency))
    if not levels or not all(1 <= n <= MOST_AT_ONCE for n in levels):
        raise UsageError(
            f"--concurrency must be numbers from 1 to {MOST_AT_ONCE}, e.g. --concurrency 1,8,32."
        )
    if requests is not None and seconds is not None:
        raise UsageError("Give --requests or --seconds, not both.")
    if (requests is not None and requests < 1) or (seconds is not None and seconds <= 0):
        raise UsageError("--requests and --seconds must be above zero.")
    return sorted(levels)


def _with_room(loaded: LoadedCase, spec: BaselineSpec, most: int) -> LoadedCase:
    """The case with as many connections to the baseline's model as the largest level needs."""
    if spec.model is None:
        return loaded
    model = loaded.case.models[spec.model]
    models = {**loaded.case.models, spec.model: model.model_copy(update={"concurrency": most})}
    return replace(loaded, case=loaded.case.model_copy(update={"models": models}))


def _setting(session: Session, spec: BaselineSpec, asker: Baseline) -> Setting:
    """The setting that was chosen on the dev split when the baseline was measured.

    Raises:
        NoResultsError: There is a choice, and it was not made yet.
    """
    from advisor.evaluation.fingerprint import measurement_fingerprint

    settings = asker.settings()
    if len(settings) == 1:
        return settings[0]
    case = session.loaded.case
    there = session.engine.store.measurement(
        case.name, spec.name, measurement_fingerprint(session.loaded, spec)
    )
    setting: Setting = dict((there.about.get("setting") if there is not None else None) or {})
    if not setting:
        raise NoResultsError(
            f"The setting of {spec.name!r} was not chosen yet, and its prompts depend on it.",
            hint=f"Measure it first: advisor run {session.loaded.folder} --baselines {spec.name}",
        )
    return setting


def _model(session: Session, spec: BaselineSpec, asker: Baseline, setting: Setting) -> ChatModel:
    """Who answers; a tuned model as it was tuned, for a load test starts no training.

    Raises:
        NoResultsError: It was not tuned yet.
    """
    if spec.kind != "fine_tuned":
        return asker.answerer(setting) or session.model(str(spec.model))
    from advisor.evaluation.tuned import planned_job, tuned_model

    if spec.tuning is not None and spec.tuning.system != "existing":
        _, _, ledger = planned_job(session, spec, asker, setting)
        if ledger.record is None or ledger.state.word != "succeeded":
            raise NoResultsError(
                f"The model of {spec.name!r} was not tuned yet.",
                hint=f"Tune and measure it first: advisor run {session.loaded.folder} --baselines {spec.name}",
            )
    return tuned_model(session, spec, asker, setting)[0]


def _where(loaded: LoadedCase, spec: BaselineSpec, model: ChatModel) -> str:
    """The endpoint's host, or this machine."""
    from advisor.evaluation.environment import hardware

    known = loaded.case.models[spec.model] if spec.model else None
    url = (known.base_url or known.endpoint) if known else None
    if url is not None:
        return urlsplit(url).netloc.rpartition("@")[2]
    return model.provider if model.provider in ("openai", "azure_openai") else hardware()
