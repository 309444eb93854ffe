"""What a reader of the decision must not miss."""

from __future__ import annotations

import math

from advisor.cases.numbers import likely
from advisor.decision.diagnosis import worse_than_base
from advisor.decision.learning import further_warnings
from advisor.decision.options import model_is_local, stays_local
from advisor.decision.questions import Situation
from advisor.economics.capacity import capacity_of
from advisor.formatting import percent, usd

MANY_LEAKED = 0.03
"""Share of held-out items with a near duplicate in the training data, from which on it is said."""


def warnings_of(s: Situation) -> list[str]:
    """Data, failures, constraints, providers, tuned models: in that order."""
    warnings: list[str] = []
    evidence, findings = s.evidence, s.findings
    right, wrong = (likely(v) for v in (evidence.case.value.correct_usd, evidence.case.value.wrong_usd))
    if wrong > right:
        warnings.append(
            f"A wrong answer is declared to be worth more ({usd(wrong)}) than a right one ({usd(right)}), so that the "
            "worst baseline is the best: a loss is negative."
        )
    measured = {s.name for s in findings.standings}
    unmeasured = [
        b.name for b in evidence.case.baselines if b.kind == "fine_tuned" and b.name not in measured
    ]
    if unmeasured and any(s.tuned for s in findings.standings):
        warnings.append(f"Not measured, so that the verdict says nothing of it: {', '.join(unmeasured)}.")
    leaked = len(evidence.data.leaked)
    if leaked and leaked / max(1, evidence.data.n_held_out) > MANY_LEAKED:
        warnings.append(
            f"{percent(leaked / evidence.data.n_held_out)} of the held-out items have a near duplicate in the training "
            "data; look at the quality without them."
        )
    for standing in findings.standings:
        failed = int(standing.measured.items.failed.sum())
        if failed:
            warnings.append(
                f"{standing.name}: {failed} of {standing.n} items failed for good, and count as wrong."
            )
        items = standing.measured.items
        answers = sum(len(next(iter(scores.values()))) for scores in items.rare("repeat_scores").values())
        missing = sum(map(len, items.rare("failed_repeats").values()))
        if missing:
            warnings.append(f"{standing.name}: {missing} of {answers} answers failed, and count as wrong.")
        if standing.n < evidence.data.n_held_out and standing.measured.stopped_early is None:
            warnings.append(
                f"{standing.name} was measured on {standing.n} of {evidence.data.n_held_out} held-out items."
            )
        if standing.measured.load is not None:
            capacity = capacity_of(evidence.case, standing.spec, standing.measured.load)
            warnings += [capacity.text] if capacity.requests_per_s is None else []
        if standing.tuned:
            base = findings.base_of(standing)
            worse = worse_than_base(
                standing,
                base,
                findings.pair(standing.name, base.name) if base else None,
                findings.diagnosis.get(standing.name, ()),
            )
            warnings += [worse] if worse else []
        if (
            not standing.tuned
            and evidence.case.constraints.must_stay_local
            and not stays_local(evidence.case, standing.spec)
        ):
            warnings.append(f"{standing.name} sends data away, although they must stay local.")
    judge = evidence.case.judge
    if judge and evidence.case.constraints.must_stay_local and not model_is_local(s.case.models[judge.model]):
        warnings.append(f"The judge {judge.model} sends data away, although they must stay local.")
    if s.tuned is not None:
        warnings += further_warnings(evidence, s.tuned, s.learning, s.seeds)
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
        moving = (
            f": it has to be tuned anew on another base in month {math.ceil(life)}, of {s.case.traffic.horizon_months}"
            if spec.kind == "fine_tuned" and life > 0
            else ""
        )
        instead = f"; the provider names {end.replacement} in its place" if end.replacement else ""
        when = "ends" if life > 0 else "ended"
        warnings.append(f"{spec.name}: the service of its model {when} on {end.date}{moving}{instead}.")
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
