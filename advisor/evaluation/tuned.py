"""The tuned model of a fine-tuned baseline: tuned once, kept, and found again by what decides its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from advisor.baselines import Baseline, Setting
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.model_spec import ModelSpec
from advisor.cases.schema import Example
from advisor.errors import TuningError
from advisor.evaluation.jobs import JobLedger, finish
from advisor.models.base import ChatModel, open_model, sent_answer, sent_messages
from advisor.prompts import render_output
from advisor.records import ChatRequest, Completion, Failure, Message, TuningRecord
from advisor.tuning.base import (
    HostedSettings,
    TrainingExample,
    TuningJob,
    TuningSettings,
    TuningSystem,
    open_system,
)

if TYPE_CHECKING:
    from advisor.evaluation.session import Session
    from advisor.evaluation.variants import Variant

HOSTED_SYSTEMS = frozenset({"openai", "azure_openai"})


def tuned_model(
    session: Session, spec: BaselineSpec, baseline: Baseline, setting: Setting
) -> tuple[ChatModel, TuningRecord | None]:
    """The tuned model, opened, with the record of its training; None for one that the user brought.

    Raises:
        TuningError: The system is unknown, or the training failed.
        BudgetExceededError: The training would cost more than what is left.
    """
    assert spec.tuning is not None and spec.model is not None
    model_spec = session.loaded.case.models[spec.model]
    if spec.tuning.system == "existing":
        return _existing(session, spec, model_spec), None
    system, job, ledger = planned_job(session, spec, baseline, setting)
    record = finish(
        system,
        job,
        ledger,
        what=f"{spec.name} · training",
        budget=session.engine.budget,
        progress=session.engine.progress,
    )
    return _Deployed(session, model_spec, system, job, ledger, keep=spec.tuning.keep_deployed), record


def tuned_variant(
    session: Session, spec: BaselineSpec, baseline: Baseline, setting: Setting, variant: Variant, *, what: str
) -> tuple[ChatModel, TuningRecord]:
    """The same tuning on other data or under another seed, opened, with the record of its training.

    It never stays deployed, whatever the case says of the baseline's own model.

    Raises:
        TuningError: The training failed.
        BudgetExceededError: The training would cost more than what is left.
    """
    assert spec.model is not None
    system, job, ledger = planned_job(session, spec, baseline, setting, variant)
    record = finish(
        system,
        job,
        ledger,
        what=f"{what} · training",
        budget=session.engine.budget,
        progress=session.engine.progress,
    )
    model_spec = session.loaded.case.models[spec.model]
    return _Deployed(session, model_spec, system, job, ledger, keep=False), record


def planned_job(
    session: Session,
    spec: BaselineSpec,
    baseline: Baseline,
    setting: Setting,
    variant: Variant | None = None,
) -> tuple[TuningSystem, TuningJob, JobLedger]:
    """(the system, the job, its page in the store) of a fine-tuned baseline, or of a variant; nothing is started."""
    assert spec.tuning is not None and spec.model is not None
    tuning = spec.tuning if variant is None else spec.tuning.model_copy(update={"seed": variant.seed})
    learn = session.loaded.learn if variant is None else variant.examples
    case = session.loaded.case
    base_spec, base = case.models[spec.model], session.model(spec.model)
    hosted = spec.tuning.system in HOSTED_SYSTEMS
    system = open_system(spec.tuning.system, base_spec)
    job = TuningJob(
        base=base_spec,
        base_version=base.version,
        examples=_training_examples(session, base, baseline, setting, learn),
        dev=_training_examples(session, base, baseline, setting, session.loaded.dev),
        settings=HostedSettings.from_spec(tuning, suffix=_suffix(case.name))
        if hosted
        else TuningSettings.from_spec(tuning),
        system=spec.tuning.system,
    )
    ledger = JobLedger(
        session.engine.store,
        fingerprint=job.fingerprint,
        system=job.system,
        case_name=case.name,
        baseline=spec.name,
        artefacts=session.artefacts,
    )
    return system, job, ledger


def _suffix(name: str) -> str:
    """The case's name as a provider takes it in a model's name: at most 18 letters, digits and hyphens."""
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in name)[:18].strip("-") or "advisor"


def _training_examples(
    session: Session, base: ChatModel, baseline: Baseline, setting: Setting, examples: tuple[Example, ...]
) -> tuple[TrainingExample, ...]:
    """Prompts as evaluation sends them, each with the answer to learn, in the form that it must be written in."""
    task = session.loaded.case.task
    found = []
    for example in examples:
        request = baseline.ask(example, setting).request
        answer = sent_answer(base, request, render_output(task, example.output))
        found.append((sent_messages(base, request), answer))
    return tuple(found)


class _Deployed:
    """A tuned model that is deployed when it is first asked, and removed when it is closed.

    A run whose answers are all in the store deploys nothing; one that was killed while something stood finds it in
    the store, uses it, and removes it in the end.
    """

    def __init__(
        self,
        session: Session,
        spec: ModelSpec,
        system: TuningSystem,
        job: TuningJob,
        ledger: JobLedger,
        *,
        keep: bool,
    ) -> None:
        self._session, self._spec, self._keep = session, spec, keep
        self._system, self._job, self._ledger = system, job, ledger
        name = ledger.state.model if job.system != "azure_openai" else f"advisor-{job.fingerprint[:16]}"
        assert name is not None
        self._model = open_model(spec, adapter=name)
        self._deployed = False

    @property
    def provider(self) -> str:
        """The provider's name, as the case spells it."""
        return self._model.provider

    @property
    def version(self) -> str:
        """What decides its answers, beside the request."""
        return self._model.version

    @property
    def context_window(self) -> int | None:
        """Tokens of prompt and answer together."""
        return self._model.context_window

    @property
    def enforces(self) -> bool:
        """Whether the endpoint is asked to enforce labels and schemas."""
        return bool(getattr(self._model, "enforces", False))

    @property
    def notes(self) -> list[str]:
        """What a reader of the results should know about how it was asked."""
        return list(getattr(self._model, "notes", []))

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, with what the chat format adds."""
        return self._model.count_tokens(messages)

    def count_text_tokens(self, text: str) -> int:
        """Tokens of a bare text."""
        return self._model.count_text_tokens(text)

    def batches(self, requests: Sequence[ChatRequest]) -> list[list[int]]:
        """Which requests are answered together."""
        return self._model.batches(requests)

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[list[tuple[int, Completion | Failure]]]:
        """Deploys it if need be, then answers."""
        self._deploy()
        yield from self._model.complete(requests)

    @property
    def takes_batches(self) -> bool:
        """Whether it is asked by batch where a run asks so.

        Not where it is deployed: Azure's batches want deployments of a kind of their own, and this one is paid for
        by the hour, up to a whole day of which a batch may take.
        """
        return self._job.system != "azure_openai"

    @property
    def endpoint(self) -> object:
        """The model itself, to be asked in other ways than one by one; deployed if need be."""
        self._deploy()
        return self._model

    def _deploy(self) -> None:
        if not self._deployed:
            engine = self._session.engine
            if engine.use_batches and not self.takes_batches:
                engine.progress.note(
                    f"{self._model.version}: asked directly, not by batch: it is paid by the hour."
                )
            self._system.deploy(self._job, self._ledger)
            self._deployed = True

    def close(self) -> None:
        """Gives the model back, and removes its deployment; what it cost is spent."""
        self._model.close()
        if self._ledger.state.deployment is None or self._keep:
            return
        before = self._ledger.state.hosted_hours
        state = self._system.undeploy(self._ledger)
        rate = getattr(self._system, "hosting_usd_per_hour", lambda: None)()
        hours = state.hosted_hours - before
        engine = self._session.engine
        engine.budget.spend(hours * (rate or 0.0))
        engine.progress.spend("hosting", None if rate is None else hours * rate)


def _existing(session: Session, spec: BaselineSpec, model_spec: ModelSpec) -> ChatModel:
    assert spec.tuning is not None
    if spec.tuning.model is None:
        raise TuningError(
            f"Baseline {spec.name!r}: `existing` tuning needs the tuned model's name or adapter folder.",
            hint="Write it as `tuning: {system: existing, model: …}`.",
        )
    folder = session.loaded.folder / spec.tuning.model
    return open_model(model_spec, adapter=str(folder) if folder.is_dir() else spec.tuning.model)
