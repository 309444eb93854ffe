"""From evidence to the decision: the same evidence gives the same decision, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from advisor.cases.model_spec import ModelSpec
from advisor.cases.numbers import likely
from advisor.cases.schema import Case
from advisor.decision.anytime import stopped_early
from advisor.decision.comparisons import comparisons
from advisor.decision.confidence import confidence
from advisor.decision.evidence import CaseEvidence
from advisor.decision.extensibility import extensibility
from advisor.decision.flips import find_flips
from advisor.decision.judged import judge_warnings, summarise_judge
from advisor.decision.learning import learning_curve, seed_spread
from advisor.decision.noise import noise_of
from advisor.decision.noise import warnings as noise_warnings
from advisor.decision.options import Option, options
from advisor.decision.over_time import costs_over_time
from advisor.decision.prices_used import prices_used
from advisor.decision.questions import Situation, answer_questions
from advisor.decision.sensitivity import tornado, verdict_map
from advisor.decision.slices import slices_of
from advisor.decision.slices import warnings as slice_warnings
from advisor.decision.stakes import Outlook, outlook
from advisor.decision.summary import Findings, accounts_of, summarise_findings
from advisor.decision.uncertainty import uncertainty
from advisor.decision.verdict import Judgement, judge
from advisor.decision.warnings import warnings_of
from advisor.economics.break_even import break_even
from advisor.economics.capacity import capacity_of
from advisor.economics.costs import CostModel
from advisor.economics.drivers import drivers_of
from advisor.economics.summary import summarise
from advisor.formatting import count
from advisor.records import (
    BaselineSummary,
    BreakEven,
    CaseFacts,
    Decision,
    Latency,
    Quality,
    ReadinessItem,
    Tokens,
    Verdict,
)
from advisor.statistics.paired import PairedComparison

ENVIRONMENT = "a training environment to run the job"


def decide(evidence: CaseEvidence, findings: Findings | None = None, *, sensitivity: bool = True) -> Decision:
    """The decision on a case.

    Args:
        evidence: What was measured, and the assumptions.
        findings: What `summarise_findings` made of the same measurements; it depends on no assumption, so a
            what-if hands it over instead of having it computed again.
        sensitivity: Whether to work out what would turn the verdict (flips, tornado, map), which is most of the
            work; a what-if that does not show it goes without.
    """
    findings = findings or summarise_findings(evidence)
    case, accounts = evidence.case, accounts_of(evidence, findings)
    costs = dict(accounts.costs)
    at = outlook(accounts)

    def rule(case: Case, at: Outlook) -> Judgement:
        return judge(case, findings, accounts.of(case), at)

    judgement = rule(case, at)
    found = options(findings, costs, at.likely)
    summaries = _summaries(evidence, findings, costs, found)
    crossings = _break_evens(case, found, costs)
    judge_summary = summarise_judge(evidence, findings)
    situation = _with_further(Situation(evidence, findings, costs, summaries, judgement, crossings))
    pair = _pair(findings, judgement)
    compared = _compared(findings, judgement)
    noise = noise_of(evidence, findings, compared, _break_even_difference(judgement, at))
    slices = slices_of(evidence, findings, compared)
    return Decision(
        case=case.name,
        run=evidence.run,
        generated_at=evidence.now,
        verdict=Verdict(
            decision=judgement.decision,
            recommended=judgement.recommended,
            confidence=confidence(findings, judgement),
            reasons=judgement.reasons,
            missing=tuple(p.text for p in judgement.shopping),
            flips=find_flips(accounts, rule, judgement) if sensitivity else (),
            shopping_list=judgement.shopping,
            meanwhile=judgement.champion
            if judgement.decision == "not_yet" and judgement.champion_allowed
            else None,
            meanwhile_pays=_meanwhile_pays(judgement, found),
        ),
        baselines=summaries,
        comparisons=comparisons(evidence, findings),
        break_even=crossings,
        questions=answer_questions(situation),
        readiness=_readiness(situation) if judgement.decision == "fine_tune" else (),
        warnings=(
            *evidence.warnings,
            *judge_warnings(evidence, judge_summary),
            *warnings_of(situation),
            *(noise_warnings(noise) if noise else ()),
            *slice_warnings(slices, findings, compared),
        ),
        facts=_facts(evidence),
        provenance=evidence.provenance,
        uncertainty=uncertainty(
            findings, accounts, at.likely, judgement.gain, pair.n if pair else None, judgement.family
        ),
        tornado=tornado(accounts, str(judgement.challenger), str(judgement.champion), pair, judgement.gain)
        if pair and sensitivity
        else (),
        verdict_map=verdict_map(accounts, lambda stakes: rule(case, stakes)) if pair and sensitivity else (),
        stopped_early=stopped_early(evidence),
        judge=judge_summary,
        costs_over_time=costs_over_time(case, found, costs),
        noise=noise,
        slices=slices,
        diagnosis=tuple(f for name in sorted(findings.diagnosis) for f in findings.diagnosis[name]),
        learning_curve=situation.learning,
        seed_spread=situation.seeds,
        extensibility=situation.elsewhere,
        load_tests=tuple(
            capacity_of(evidence.case, s.spec, s.measured.load)
            for s in findings.standings
            if s.measured.load is not None
        ),
        prices=prices_used(evidence),
    )


def _break_even_difference(judgement: Judgement, at: Outlook) -> float:
    """The difference of quality at which tuning brings what it costs; zero where answers have no declared worth."""
    stakes, names = at.likely, (judgement.challenger, judgement.champion)
    if not stakes.declared or None in names or not stakes.quality_usd:
        return 0.0
    saving = stakes.saving(*(str(n) for n in names))
    return 0.0 if saving is None else -float(saving) / float(stakes.quality_usd)


def _meanwhile_pays(judgement: Judgement, found: tuple[Option, ...]) -> bool | None:
    """Whether what is used until there is a verdict is worth more than it costs; None where that is not known."""
    if judgement.decision != "not_yet" or not judgement.champion_allowed:
        return None
    worth = next((o.worth_usd for o in found if o.name == judgement.champion), None)
    return None if worth is None else worth > 0


def _with_further(s: Situation) -> Situation:
    """With what was measured of the tuned model beside its answers to the held-out set."""
    tuned, findings = s.tuned, s.findings
    if tuned is None:
        return s
    course, best = findings.courses.get(tuned.name), findings.best_untuned
    return replace(
        s,
        learning=None if course is None else learning_curve(s.evidence, course, tuned, s.costs[tuned.name]),
        seeds=seed_spread(s.evidence, tuned, findings.standing(best) if best else None),
        elsewhere=extensibility(findings, tuned),
    )


def _pair(findings: Findings, judgement: Judgement) -> PairedComparison | None:
    """The comparison that the verdict rests on."""
    if judgement.challenger is None or judgement.champion is None:
        return None
    return findings.pair(judgement.challenger, judgement.champion)


def _compared(findings: Findings, judgement: Judgement) -> tuple[str, str] | None:
    """The tuned baseline and the alternative that the verdict compares, or would."""
    if judgement.challenger is not None and judgement.champion is not None:
        return judgement.challenger, judgement.champion
    tuned = [s for s in findings.standings if s.tuned and s.value is not None]
    if not tuned or findings.best_untuned is None:
        return None
    return max(tuned, key=lambda s: (s.value or 0.0, s.name)).name, findings.best_untuned


def _summaries(
    evidence: CaseEvidence, findings: Findings, costs: dict[str, CostModel], found: tuple[Option, ...]
) -> tuple[BaselineSummary, ...]:
    """A row for every baseline of the case, measured or not."""
    standings = {s.name: s for s in findings.standings}
    worth = {o.name: o.worth_usd for o in found}
    drivers, horizon = drivers_of(evidence.case), evidence.case.traffic.horizon_months
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
                failed=int(measured.items.failed.sum()) if measured else 0,
                quality=standing.quality
                if standing
                else Quality(metric=evidence.case.quality.metric, value=None, ci95=None),
                tokens=standing.tokens if standing else Tokens(input=None, cached_input=None, output=None),
                latency_s=standing.latency if standing else Latency(p50=None, p95=None),
                cost_usd=summarise(costs[spec.name], drivers, horizon, standing.value if standing else None),
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
    drivers = drivers_of(case)
    return tuple(
        break_even(
            tuned.name, costs[tuned.name], other.name, costs[other.name],
            drivers=drivers, horizon_months=case.traffic.horizon_months,
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
    if tuned is not None and tuned.spec.tuning is not None and tuned.spec.tuning.system == "existing":
        there = "The tuned model is there already."
        job = ReadinessItem(item=ENVIRONMENT, status="not_needed", text=there)
    else:
        status, text = ("ready", where) if tuning else ("missing", "No job ran here.")
        job = ReadinessItem(item=ENVIRONMENT, status=status, text=text)
    return (
        ReadinessItem(
            item="a pre-trained model to tune",
            status="ready" if tuning or job.status == "not_needed" else "partly",
            text=f"{model.model} ({model.provider})." if model else "None is named.",
        ),
        ReadinessItem(
            item="a data set to tune it with",
            status="ready" if data.n_learn >= 50 else "partly",
            text=f"{count(data.n_learn)} examples to learn from, {count(data.n_dev)} to choose on.",
        ),
        job,
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


def _facts(evidence: CaseEvidence) -> CaseFacts:
    case, data = evidence.case, evidence.data
    assumptions = {
        "traffic": case.traffic.model_dump(mode="json"),
        "value": case.value.model_dump(mode="json"),
        "effort": case.effort.model_dump(mode="json"),
        "costs": case.costs.model_dump(mode="json"),
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
