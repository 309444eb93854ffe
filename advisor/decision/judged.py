"""Quality by a judge, and by people: where people scored enough answers, their scores correct the judge's.

Quality and comparisons are corrected for all baselines or for none, so that all stand on one scale: a judge's mean
beside one corrected to people's says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from advisor.cases.schema import JudgeSpec
from advisor.decision.evidence import CaseEvidence
from advisor.formatting import count, percent, plural
from advisor.records import Agreement, JudgedBaseline, JudgeRecord, JudgeSummary, Measured
from advisor.scoring import is_judged
from advisor.scoring.judge import levels
from advisor.statistics.agreement import agreement
from advisor.statistics.paired import PairedComparison
from advisor.statistics.ppi import CorrectedEstimate, corrected_difference, corrected_mean

if TYPE_CHECKING:
    from advisor.decision.summary import Findings, Standing

MIN_HUMAN_LABELS = 30
"""Labelled answers that each baseline needs to be corrected: with fewer the interval holds less often than it says
(benchmarks/decision/judge_correction.py)."""
MANY_FLIPS = 0.2
"""Share of pairs that turn with the order of the answers, from which on it is said as a warning."""
UNCORRECTED = "judge_uncorrected"


def corrections(
    evidence: CaseEvidence, standings: Sequence[Standing], clusters: Mapping[str, str]
) -> dict[str, CorrectedEstimate]:
    """The corrected mean of each baseline by name; empty where the judge's own scores stand."""
    if not _judge(evidence):
        return {}
    compared = [s for s in standings if s.name != evidence.case.judge_reference and len(s.scores)]
    human = {s.name: _human(evidence, s.measured, s.ids) for s in compared}
    if not compared or any(_n(h) < MIN_HUMAN_LABELS for h in human.values()):
        return {}
    return {
        s.name: corrected_mean(s.scores, human[s.name], clusters=_clusters(s.ids, clusters)) for s in compared
    }


def corrected(evidence: CaseEvidence, standing: Standing, estimate: CorrectedEstimate | None) -> Standing:
    """A standing whose quality is the corrected one."""
    quality = standing.quality
    if standing.name == evidence.case.judge_reference and standing.value is not None:
        # compared with itself: nothing is uncertain about it
        fixed = quality.model_copy(update={"ci95": (standing.value, standing.value)})
        return replace(standing, quality=fixed)
    if estimate is None:
        return standing
    changed = {
        "value": estimate.estimate,
        "ci95": estimate.ci,
        "without_leaked": _without_leaked(evidence, standing),
        "others": {**quality.others, UNCORRECTED: float(np.mean(standing.scores))},
    }
    return replace(standing, quality=quality.model_copy(update=changed))


def resampled(standing: Standing, estimate: CorrectedEstimate | None) -> Standing:
    """A standing whose scores vary as the corrected mean does, for the bootstrap of the verdict."""
    return standing if estimate is None else replace(standing, scores=np.asarray(estimate.values))


def is_corrected(standing: Standing) -> bool:
    """Whether people's labels correct a baseline's quality, so that its single scores are on another scale."""
    return UNCORRECTED in standing.quality.others


def value_on(evidence: CaseEvidence, standing: Standing, items: Collection[str]) -> float | None:
    """The corrected mean over some of the items; None where too few of them have labels."""
    kept = [k for k, i in enumerate(standing.ids) if i in items]
    scores = [float(standing.scores[k]) for k in kept]
    if standing.name == evidence.case.judge_reference:
        return float(np.mean(scores)) if scores else None
    human = _human(evidence, standing.measured, [standing.ids[k] for k in kept])
    return None if _n(human) < MIN_HUMAN_LABELS else corrected_mean(scores, human).estimate


def compare_corrected(
    evidence: CaseEvidence,
    standing: Standing,
    reference: Standing,
    clusters: Mapping[str, str],
    items: Collection[str] | None = None,
) -> PairedComparison | None:
    """The paired comparison of two baselines as people would score them.

    Of some of the items it takes as many labels as a correction of all of them; None where there are fewer.
    """
    ours, theirs = (dict(zip(s.ids, s.scores, strict=True)) for s in (standing, reference))
    shared = sorted(i for i in ours.keys() & theirs.keys() if items is None or i in items)
    fewest = 2 if items is None else MIN_HUMAN_LABELS
    human = [_human(evidence, s.measured, shared) for s in (standing, reference)]
    if evidence.case.judge_reference in (standing.name, reference.name):
        # the reference's score is known without people, where the other's was asked of them
        fixed, other = (0, 1) if standing.name == evidence.case.judge_reference else (1, 0)
        scores = (ours, theirs)[fixed]
        human[fixed] = [None if h is None else scores[i] for i, h in zip(shared, human[other], strict=True)]
    if len(shared) < 2 or min(map(_n, human)) < fewest:
        return None
    found = corrected_difference(
        ([ours[i] for i in shared], [theirs[i] for i in shared]),
        (human[0], human[1]),
        clusters=_clusters(shared, clusters),
    )
    return PairedComparison(
        n=found.n,
        difference=found.estimate,
        ci95=found.ci,
        test="prediction-powered t test",
        p_value=found.p_value,
        discordant=None,
        detectable_difference=found.detectable_difference,
    )


def summarise_judge(evidence: CaseEvidence, findings: Findings) -> JudgeSummary | None:
    """What the judge did, how well it agrees with people, and what that corrects; None without a judge."""
    judge = _judge(evidence)
    if judge is None:
        return None
    standings = [s for s in findings.standings if s.name != evidence.case.judge_reference]
    rows, pairs = [], []
    for s in standings:
        human = _human(evidence, s.measured, s.ids)
        pairs += [(f, h) for f, h in zip(s.scores, human, strict=True) if h is not None]
        found, record = findings.corrections.get(s.name), s.measured.judge
        rows.append(
            JudgedBaseline(
                name=s.name,
                judge_mean=float(np.mean(s.scores)) if len(s.scores) else 0.0,
                n_human=_n(human),
                corrected=found.estimate if found else None,
                ci95=found.ci if found else None,
                tuning=found.tuning if found else None,
                self_judged=bool(record and record.self_judged),
                unjudged=len(record.failures) if record else 0,
            )
        )
    records = [s.measured.judge for s in standings if s.measured.judge is not None]
    asked = sum(r.compared or 0 for r in records)
    pairwise = sum(r.judged for r in records if r.ties is not None)
    agreed: Agreement | None = None
    if pairs:
        agreed = agreement([f for f, _ in pairs], [h for _, h in pairs], levels(judge))
    return JudgeSummary(
        model=judge.model,
        version=next((r.version for r in records), None),
        mode=judge.mode,
        reference=evidence.case.judge_reference,
        calls=sum(r.calls for r in records),
        input_tokens=_total(r.input_tokens for r in _asked(records)),
        output_tokens=_total(r.output_tokens for r in _asked(records)),
        usd=_total(r.usd for r in _asked(records)),
        position_bias=sum(r.position_flips or 0 for r in records) / asked if asked else None,
        ties=sum(r.ties or 0 for r in records) / pairwise if pairwise else None,
        agreement=agreed,
        corrected=bool(findings.corrections),
        n_human=len(pairs),
        baselines=tuple(rows),
    )


def judge_warnings(evidence: CaseEvidence, summary: JudgeSummary | None) -> list[str]:
    """What a reader must know of quality that a model judged."""
    if summary is None:
        return []
    found = [_of_people(summary)]
    own = [b.name for b in summary.baselines if b.self_judged]
    if own:
        found.append(
            f"The judge {summary.model} is the model that it judges, or the one that this was tuned from, in "
            f"{', '.join(own)}: models favour their own answers. Name another judge."
        )
    found += [
        f"{b.name}: {count(b.unjudged)} answer{'' if b.unjudged == 1 else 's'} could not be judged: left out, as the "
        "quality is unknown."
        for b in summary.baselines
        if b.unjudged
    ]
    stale = _stale_labels(evidence)
    if stale:
        labels = f"{plural(stale, 'human label')} {'is' if stale == 1 else 'are'}"
        found.append(f"{labels} of other answers than those measured now, and left out.")
    if summary.position_bias is not None and summary.position_bias >= MANY_FLIPS:
        found.append(
            f"The judge's verdict turned in {percent(summary.position_bias)} of the pairs when the answers changed "
            "places; those count as ties, which hides differences."
        )
    return found


def _of_people(summary: JudgeSummary) -> str:
    if summary.corrected:
        return f"Quality is the judge's, corrected by {plural(summary.n_human, 'human label')}."
    if not summary.n_human:
        return (
            "Quality is a model's judgement, and how well it agrees with people is not known: give human labels "
            "(judge.human_labels)."
        )
    short = [f"{b.name} {b.n_human}" for b in summary.baselines if b.n_human < MIN_HUMAN_LABELS]
    return (
        f"Quality is a model's judgement, not corrected: {MIN_HUMAN_LABELS} human labels of each baseline would, and "
        f"there are of {', '.join(short)}."
    )


def _judge(evidence: CaseEvidence) -> JudgeSpec | None:
    return evidence.case.judge if is_judged(evidence.case.quality.metric) else None


def _human(evidence: CaseEvidence, measured: Measured, ids: Iterable[str]) -> list[float | None]:
    """People's score of each item, where they scored the answer that was measured."""
    answers = dict(zip(measured.items.ids, measured.items.answers, strict=True))
    scores = {
        label.id: label.score
        for label in evidence.human_labels
        if label.baseline == measured.name and label.answer in (None, answers.get(label.id))
    }
    return [scores.get(i) for i in ids]


def _stale_labels(evidence: CaseEvidence) -> int:
    answers = {
        (m.name, i): a for m in evidence.measured for i, a in zip(m.items.ids, m.items.answers, strict=True)
    }
    return sum(
        label.answer not in (None, answers.get((label.baseline, label.id), label.answer))
        for label in evidence.human_labels
    )


def _without_leaked(evidence: CaseEvidence, standing: Standing) -> float | None:
    """The corrected mean without leaked items, where enough of the others have labels."""
    clean = set(standing.ids) - evidence.data.leaked
    return None if len(clean) == len(standing.ids) else value_on(evidence, standing, clean)


def _clusters(ids: Sequence[str], groups: Mapping[str, str]) -> list[str | None] | None:
    return [groups.get(i) for i in ids] if groups else None


def _n(human: Sequence[float | None]) -> int:
    return sum(h is not None for h in human)


def _asked(records: Sequence[JudgeRecord]) -> list[JudgeRecord]:
    return [r for r in records if r.calls]


_Number = TypeVar("_Number", int, float)


def _total(values: Iterable[_Number | None]) -> _Number | None:
    """The sum; None where a part, or everything, is not known."""
    known = list(values)
    return None if not known or None in known else sum(v for v in known if v is not None)
