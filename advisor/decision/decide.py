"""From evidence to the decision: the same evidence gives the same decision, byte for byte."""

from __future__ import annotations

from typing import Any

from advisor.cases.schema import Case, ModelSpec, likely
from advisor.decision.evidence import CaseEvidence
from advisor.decision.flips import find_flips
from advisor.decision.options import Option, options, stays_local
from advisor.decision.questions import Situation, answer_questions
from advisor.decision.summary import Findings, comparisons, cost_models, summarise_findings
from advisor.decision.verdict import confidence, judge
from advisor.economics.break_even import break_even
from advisor.economics.capacity import capacity_of
from advisor.economics.costs import CostModel, monthly_volumes, summarise
from advisor.formatting import count, percent
from advisor.records import (
    BaselineSummary,
    BreakEven,
    CaseFacts,
    Decision,
    Latency,
    Quality,
    ReadinessItem,
    Tokens,
)

MANY_LEAKED = 0.03


def decide(evidence: CaseEvidence, findings: Findings | None = None) -> Decision:
    """The decision on a case.

    Args:
        evidence: What was measured, and the assumptions.
        findings: What `summarise_findings` made of the same measurements; it depends on no assumption, so a
            what-if hands it over instead of having it computed again.
    """
    findings = findings or summarise_findings(evidence)
    costs = cost_models(evidence)
    judgement = judge(evidence, findings, costs)
    found = options(evidence.case, findings, costs)
    crossings = _break_evens(evidence.case, found, costs)
    situation = Situation(evidence, findings, costs, found, judgement, crossings)
    verdict = judgement.verdict().model_copy(
        update={
            "confidence": confidence(evidence, findings, costs, judgement),
            "flips": find_flips(evidence, findings, judgement),
        }
    )
    return Decision(
        case=evidence.case.name,
        run=evidence.run,
        generated_at=evidence.now,
        verdict=verdict,
        baselines=_summaries(evidence, findings, costs, found),
        comparisons=comparisons(findings),
        break_even=crossings,
        questions=answer_questions(situation),
        readiness=_readiness(situation) if judgement.decision == "fine_tune" else (),
        warnings=(*evidence.warnings, *_warnings(situation)),
        facts=_facts(evidence),
        provenance=evidence.provenance,
        load_tests=tuple(
            capacity_of(evidence.case, s.spec, s.measured.load)
            for s in findings.standings
            if s.measured.load is not None
        ),
    )


def _summaries(
    evidence: CaseEvidence, findings: Findings, costs: dict[str, CostModel], found: tuple[Option, ...]
) -> tuple[BaselineSummary, ...]:
    """A row for every baseline of the case, measured or not."""
    standings = {s.name: s for s in findings.standings}
    worth = {o.name: o.worth_usd for o in found}
    volumes = monthly_volumes(evidence.case)
    rows = []
    for spec in evidence.case.baselines:
        standing = standings.get(spec.name)
        measured = standing.measured if standing else None
        rows.append(
            BaselineSummary(
                name=spec.name,
                kind=spec.kind,
                model=spec.model,
                n=standing.n if standing else 0,
                failed=sum(i.failure is not None for i in measured.items) if measured else 0,
                quality=standing.quality
                if standing
                else Quality(metric=evidence.case.quality.metric, value=None, ci95=None),
                tokens=standing.tokens if standing else Tokens(input=None, cached_input=None, output=None),
                latency_s=standing.latency if standing else Latency(p50=None, p95=None),
                cost_usd=summarise(costs[spec.name], volumes),
                setting=measured.setting if measured else {},
                trials=measured.trials if measured else (),
                tuning=measured.tuning if measured else None,
                retrieval=measured.retrieval if measured else None,
                prompt_parts=measured.prompt_parts if measured else None,
                value_usd_over_horizon=worth.get(spec.name),
            )
        )
    return tuple(rows)


def _break_evens(case: Case, found: tuple[Option, ...], costs: dict[str, CostModel]) -> tuple[BreakEven, ...]:
    """Each tuned baseline against each alternative."""
    now = likely(case.traffic.requests_per_month)
    return tuple(
        break_even(
            tuned.name, costs[tuned.name], other.name, costs[other.name],
            horizon_months=case.traffic.horizon_months, now=now,
        )
        for tuned in found
        if tuned.standing.tuned
        for other in found
        if not other.standing.tuned
    )  # fmt: skip


def _readiness(s: Situation) -> tuple[ReadinessItem, ...]:
    """What the "how" needs, once the answer is yes."""
    data = s.evidence.data
    tuned = s.tuned
    model = s.case.models[str(tuned.spec.model)] if tuned else None
    tuning = tuned.measured.tuning if tuned else None
    where = f"It ran on {tuning.hardware}." if tuning and tuning.hardware else "A job ran."
    return (
        ReadinessItem(
            item="a pre-trained model to tune",
            status="ready" if tuning else "partly",
            text=f"{model.model} ({model.provider})." if model else "None is named.",
        ),
        ReadinessItem(
            item="a data set to tune it with",
            status="ready" if data.n_learn >= 50 else "partly",
            text=f"{count(data.n_learn)} examples to learn from, {count(data.n_dev)} to choose on.",
        ),
        ReadinessItem(
            item="a training environment to run the job",
            status="ready" if tuning else "missing",
            text=where if tuning else "No job ran here.",
        ),
        ReadinessItem(item="a hosting environment to deploy the result", **_hosting(s, model)),
    )


def _hosting(s: Situation, model: ModelSpec | None) -> dict[str, Any]:
    """Where the tuned model will answer."""
    if model is not None and model.serving is not None:
        return {
            "status": "partly",
            "text": "A machine by the hour is priced in the case; deploying to it is to be done.",
        }
    if model is not None and model.provider == "openai":
        return {"status": "ready", "text": "The provider hosts it: it is asked by its name."}
    if model is not None and model.hosting is not None:
        return {"status": "ready", "text": "The Azure resource of the case takes it: advisor tune deploy."}
    return {"status": "missing", "text": "Say where the tuned model will run (the key serving)."}


def _warnings(s: Situation) -> list[str]:
    warnings: list[str] = []
    evidence, findings = s.evidence, s.findings
    leaked = len(evidence.data.leaked)
    if leaked and leaked / max(1, evidence.data.n_held_out) > MANY_LEAKED:
        warnings.append(
            f"{percent(leaked / evidence.data.n_held_out)} of the held-out items have a near duplicate in the training "
            "data; look at the quality without them."
        )
    for standing in findings.standings:
        failed = sum(i.failure is not None for i in standing.measured.items)
        if failed:
            warnings.append(
                f"{standing.name}: {failed} of {standing.n} items failed for good, and count as wrong."
            )
        if standing.n < evidence.data.n_held_out:
            warnings.append(
                f"{standing.name} was measured on {standing.n} of {evidence.data.n_held_out} held-out items."
            )
        if standing.measured.load is not None:
            capacity = capacity_of(evidence.case, standing.spec, standing.measured.load)
            warnings += [capacity.text] if capacity.requests_per_s is None else []
        if standing.tuned:
            warnings += _worse_than_base(s, standing.name)
        if (
            not standing.tuned
            and evidence.case.constraints.must_stay_local
            and not stays_local(evidence.case, standing)
        ):
            warnings.append(f"{standing.name} sends data away, although they must stay local.")
    warnings += _of_providers(s)
    looks = evidence.provenance.held_out_looks or 0
    if looks > len(evidence.case.baselines):
        warnings.append(
            f"{looks} configurations were evaluated on the held-out set ({len(evidence.case.baselines)} baselines): "
            "the more looks, the more the best one flatters."
        )
    return warnings


OFF_ESTIMATE = 0.02
"""Share by which a provider's count of tokens may differ from the count made here, before it is said."""


def _of_providers(s: Situation) -> list[str]:
    """What providers do: models that end or change, answers read otherwise, tokens counted otherwise."""
    warnings: list[str] = []
    for spec in s.case.baselines:
        end, life = s.evidence.ends.get(spec.name), s.evidence.life_months(spec.name)
        if end is None or life is None or life >= s.case.traffic.horizon_months:
            continue
        spread = (
            f": what it costs once is spread over {life:.1f} months, not {s.case.traffic.horizon_months}"
            if spec.kind == "fine_tuned" and life > 0
            else ""
        )
        instead = f"; the provider names {end.replacement} in its place" if end.replacement else ""
        warnings.append(f"{spec.name}: the service of its model ends on {end.date}{spread}{instead}.")
    for price in dict.fromkeys(s.evidence.prices[n] for n in sorted(s.evidence.prices)):
        name = f"{price.model}{', tuned' if price.tuned else ''} ({price.provider})"
        if price.stale:
            warnings.append(
                f"The prices of {name} are of {price.date}: check them, and give `prices` if they changed."
            )
        warnings += [f"Sources disagree on the price of {name}: {text}." for text in price.disagreements]
    for standing in s.findings.standings:
        warnings += standing.measured.notes
        estimated, counted = standing.measured.estimated_tokens, standing.tokens.input
        if estimated is None or not estimated.input or counted is None:
            continue
        off = counted / estimated.input - 1
        if abs(off) > OFF_ESTIMATE:
            warnings.append(
                f"{standing.name}: the provider counts {percent(abs(off))} {'more' if off > 0 else 'fewer'} prompt "
                "tokens than were counted here; its count is the one that is used."
            )
    return warnings


def _worse_than_base(s: Situation, name: str) -> list[str]:
    """A tuned model that lost against itself untuned, with the likely causes."""
    tuned = s.findings.standing(name)
    base = s.findings.base_of(tuned)
    pair = s.findings.pair(name, base.name) if base else None
    if base is None or pair is None or pair.ci95[1] >= 0:
        return []
    causes = []
    items = tuned.measured.items
    empty = sum(1 for i in items if i.failure is None and not (i.answer or "").strip())
    if empty > len(items) / 10:
        causes.append(
            f"{empty} of {len(items)} answers are empty (padding, end-of-text tokens or chat format)"
        )
    record = tuned.measured.tuning
    if record is not None and record.n_examples < 50:
        causes.append(f"only {record.n_examples} examples to learn from")
    if (
        record is not None
        and len(record.dev_loss) > 1
        and record.dev_loss[-1][1] > min(v for _, v in record.dev_loss)
    ):
        causes.append("the loss on dev rose again (over-fitting)")
    if s.case.use_case.aspect == "knowledge" and not tuned.spec.uses_retrieval:
        causes.append(
            "facts that held-out questions ask for do not stand in the training data: tuning cannot teach them"
        )
    causes = causes or [
        "settings of the training (epochs, learning rate), or training data that do not fit the task"
    ]
    return [
        f"{name} is worse than its own base model ({percent(tuned.value)} against {percent(base.value)} "
        f"of {base.name}). Likely causes: {'; '.join(causes)}."
    ]


def _facts(evidence: CaseEvidence) -> CaseFacts:
    case, data = evidence.case, evidence.data
    assumptions = {
        "traffic": case.traffic.model_dump(mode="json"),
        "value": case.value.model_dump(mode="json"),
        "effort": case.effort.model_dump(mode="json"),
        "constraints": case.constraints.model_dump(mode="json"),
        "models": {n: m.model_dump(mode="json", exclude_none=True) for n, m in case.models.items()},
    }
    return CaseFacts(
        title=case.title or case.name,
        use_case=case.use_case.description.strip(),
        aspect=case.use_case.aspect,
        task_kind=case.task.kind,
        instructions=case.task.instructions.strip(),
        metric=case.quality.metric,
        bar=case.quality.bar,
        min_gain=case.quality.min_gain,
        n_train=data.n_learn + data.n_dev,
        n_dev=data.n_dev,
        n_held_out=data.n_held_out,
        n_documents=data.n_documents,
        requests_per_month=likely(case.traffic.requests_per_month),
        horizon_months=case.traffic.horizon_months,
        assumptions=assumptions,
    )
