"""What one run hides: how far luck of the examples, of the answers and of the training may have moved a score.

Each source is told apart, and one that was not measured is unknown, never zero. The same goes for two further things
that a mean hides: held-out items that stand in the training data as well, and a model that its provider changed.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from scipy.stats import fisher_exact, norm, ttest_ind

from advisor.decision.draws import SEED, clusters_of
from advisor.decision.evidence import CaseEvidence
from advisor.decision.inference import compare_on
from advisor.decision.judged import MIN_HUMAN_LABELS, is_corrected
from advisor.decision.set_metrics import draw
from advisor.decision.summary import Findings, Standing
from advisor.formatting import difference, interval, percent
from advisor.records import (
    BaselineNoise,
    DifferenceNoise,
    Noise,
    VersionChange,
    VersionShare,
    WithoutDuplicates,
)
from advisor.scoring import is_per_item
from advisor.statistics.paired import PairedComparison
from advisor.statistics.variance import (
    BetweenTrainings,
    answers_standard_error,
    between_trainings,
    standard_error,
    total_interval,
)

MIN_OF_A_VERSION = 20
"""Items that a version must have answered before its quality is compared with another's."""
_Z = float(norm.ppf(0.975))


def noise_of(
    evidence: CaseEvidence, findings: Findings, pair: tuple[str, str] | None, border: float = 0.0
) -> Noise | None:
    """All that is known of the noise; None where nothing was measured.

    Args:
        evidence: What was measured.
        findings: What follows from it.
        pair: The tuned baseline and the alternative that the verdict compares.
        border: The difference of quality at which tuning neither gains nor loses.
    """
    if not findings.standings:
        return None
    compared = findings.pair(*pair) if pair else None
    return Noise(
        baselines=tuple(_of_baseline(evidence, findings, s) for s in findings.standings),
        difference=_of_difference(evidence, findings, *pair, compared, border) if pair and compared else None,
        without_duplicates=_without_duplicates(evidence, findings, *pair, compared)
        if pair and compared
        else None,
        versions=tuple(v for s in findings.standings if (v := _versions(s)) is not None),
    )


def warnings(noise: Noise) -> list[str]:
    """What of it a reader must not miss."""
    found = []
    if noise.difference is not None and noise.difference.turns:
        found.append(noise.difference.text)
    if noise.without_duplicates is not None and noise.without_duplicates.turns:
        found.append(noise.without_duplicates.text)
    return found + [v.text for v in noise.versions if v.differs]


def _of_baseline(evidence: CaseEvidence, findings: Findings, standing: Standing) -> BaselineNoise:
    repeats = standing.measured.items.rare("repeat_scores")
    asked = max((len(next(iter(scores.values()))) for scores in repeats.values()), default=1)
    examples = answers = None
    between = _between(evidence, standing)
    correction = findings.corrections.get(standing.name)
    if correction is not None:
        # of the corrected mean; the luck of the judged answers is in it, and cannot be told from it
        examples = correction.standard_error
    elif is_per_item(evidence.case.quality.metric):
        examples = standard_error(standing.scores, clusters_of(standing.ids, evidence.data.clusters))
        answers = _answers_se(evidence, standing)
        if examples is not None and answers is not None:
            examples = max(0.0, examples**2 - answers**2) ** 0.5
    elif (drawn := _set_draws(evidence, findings, standing)) is not None:
        examples = float(np.std(drawn, ddof=1))
    trainings = _trainings(evidence, standing)
    return BaselineNoise(
        baseline=standing.name,
        n=standing.n,
        examples_se=examples,
        answers_se=answers,
        answers_per_item=asked,
        trainings=trainings,
        trainings_sd=between.sd if between else None,
        trainings_sd_ci95=between.sd_ci95 if between else None,
        text=_baseline_text(standing, examples, answers, asked, trainings, between, correction is not None),
    )


def _set_draws(evidence: CaseEvidence, findings: Findings, standing: Standing) -> np.ndarray | None:
    """A metric of whole sets on draws of the baseline's own items; None where they are too few."""
    if all(set(s.ids) == set(standing.ids) for s in findings.standings):
        return findings.resampled_means.get(standing.name)
    case = evidence.case
    own = [standing.measured]
    found = draw(case.quality.metric, own, evidence.expected, case.task, evidence.data.clusters, SEED)
    return found.get(standing.name)


def _answers_se(evidence: CaseEvidence, standing: Standing) -> float | None:
    metric = evidence.case.quality.metric
    # where every answer failed, each scored 0: they do not vary
    items = standing.measured.items
    repeats = items.rare("repeat_scores")
    if not repeats:
        return None
    return answers_standard_error(
        [
            (0.0, 0.0) if failed else repeats.get(k, {}).get(metric, ())
            for k, failed in enumerate(items.failed)
        ]
    )


def _by_training(evidence: CaseEvidence, standing: Standing) -> np.ndarray | None:
    """Scores of all trainings on the items that all of them answered, shape (trainings, items)."""
    if not standing.measured.seeds or not is_per_item(evidence.case.quality.metric):
        return None
    first = dict(zip(standing.ids, standing.scores, strict=True))
    shared = sorted(set(first).intersection(*(s.scores for s in standing.measured.seeds)))
    rows = [[first[i] for i in shared], *([s.scores[i] for i in shared] for s in standing.measured.seeds)]
    return np.array(rows, dtype=np.float64)


def _between(evidence: CaseEvidence, standing: Standing) -> BetweenTrainings | None:
    scores = _by_training(evidence, standing)
    return None if scores is None else between_trainings(scores)


def _trainings(evidence: CaseEvidence, standing: Standing) -> tuple[float, ...]:
    scores = _by_training(evidence, standing)
    return () if scores is None or not scores.shape[1] else tuple(float(m) for m in scores.mean(axis=1))


def _baseline_text(
    standing: Standing,
    examples: float | None,
    answers: float | None,
    asked: int,
    trainings: tuple[float, ...],
    between: BetweenTrainings | None,
    corrected: bool,
) -> str:
    labels = " and of those that people scored" if corrected else ""
    parts = [f"choice of {_items(standing.n)}{labels}: {_points(examples)}"]
    if answers is not None:
        parts.append(f"sampling of answers ({asked} an item): {_points(answers)}")
    elif standing.spec.kind != "classifier" and standing.spec.temperature > 0 and asked == 1:
        parts.append("answers are sampled, but each item was asked once: how much they vary is not known")
    if between is not None:
        low, high = between.sd_ci95
        parts.append(
            f"luck of the training: standard deviation {between.sd * 100:.1f} points over {between.n} trainings "
            f"({', '.join(percent(v) for v in trainings)}); 95% interval of it {low * 100:.1f} to {high * 100:.1f}"
            f"{', all by the scores of the judge alone' if corrected else ''}"
        )
    elif standing.tuned:
        parts.append("one training was run: how much of the result is its luck is not known")
    return f"{standing.name}: {'; '.join(parts)}."


def _points(se: float | None) -> str:
    return "not known" if se is None else f"standard error {se * 100:.1f} points"


def _of_difference(
    evidence: CaseEvidence,
    findings: Findings,
    baseline: str,
    reference: str,
    pair: PairedComparison,
    border: float,
) -> DifferenceNoise:
    standing = findings.standing(baseline)
    low, high = pair.ci95
    # from the interval itself, so that items in groups and metrics of whole sets have theirs
    sampling = (high - low) / (2 * _Z)
    # people scored no answers of other trainings: their spread is another scale's than a corrected difference
    between = None if findings.corrections else _between(evidence, standing)
    total = ends = turns = None
    if between is not None:
        groups = clusters_of(standing.ids, evidence.data.clusters)
        units = max(2, len(set(groups)) if groups else pair.n)
        total, (wide_low, wide_high) = total_interval(pair.difference, sampling, units, between)
        ends = (min(low, wide_low), max(high, wide_high))
        turns = (low > border or high < border) and ends[0] <= border <= ends[1]
    return DifferenceNoise(
        baseline=baseline,
        reference=reference,
        difference=pair.difference,
        ci95=pair.ci95,
        sampling_se=sampling,
        trainings_se=None if between is None else between.component**0.5,
        total_se=total,
        total_ci95=ends,
        turns=turns,
        text=_difference_text(baseline, reference, pair, between, ends, bool(turns)),
    )


def _difference_text(
    baseline: str,
    reference: str,
    pair: PairedComparison,
    between: BetweenTrainings | None,
    ends: tuple[float, float] | None,
    turns: bool,
) -> str:
    points = difference(pair.difference, fraction=True)
    head = f"{baseline} against {reference}: {points}, {_interval(pair.ci95)} by the choice of items"
    if between is None or ends is None:
        return f"{head} alone."
    text = f"{head}, {_interval(ends)} with the luck of the training ({between.n} trainings)"
    if turns:
        return f"{text}: another training might turn the verdict. More seeds would tell."
    return f"{text}."


def _interval(ends: tuple[float, float]) -> str:
    return interval(ends, fraction=True, signed=True, unit=False)


def _items(n: int) -> str:
    return f"{n} item" if n == 1 else f"{n} items"


def _without_duplicates(
    evidence: CaseEvidence, findings: Findings, baseline: str, reference: str, pair: PairedComparison
) -> WithoutDuplicates | None:
    """The pair again without leaked items, by the inference that compared it with them.

    None where there are none, or only sets of items have the metric.
    """
    mine, theirs = findings.standing(baseline), findings.standing(reference)
    shared = set(mine.ids) & set(theirs.ids)
    clean = shared - evidence.data.leaked
    if len(clean) == len(shared) or not is_per_item(evidence.case.quality.metric):
        return None
    corrected = bool(findings.corrections)
    without = compare_on(evidence, mine, theirs, corrected=corrected, items=clean)
    left_out = len(shared) - len(clean)
    # too few human labels among the rest say nothing of the items left out
    unknown = without is None and corrected and len(clean) > 1
    turns = not unknown and (
        without is None or _side(without) != _side(pair) or without.difference * pair.difference < 0
    )
    verb = "has" if left_out == 1 else "have"
    head = f"{left_out} of {_items(len(shared))} held out {verb} a near duplicate in the training data"
    if unknown:
        text = (
            f"{head}: what the comparison says without them is not known, as people scored fewer than "
            f"{MIN_HUMAN_LABELS} of the other answers of {baseline} or {reference}."
        )
    elif without is None:
        text = f"{head}: without them nothing is left to compare {baseline} with {reference} on."
    else:
        text = (
            f"{head}: with {'it' if left_out == 1 else 'them'} {baseline} differs from {reference} by "
            f"{difference(pair.difference, fraction=True)} ({_interval(pair.ci95)}), without by "
            f"{difference(without.difference, fraction=True)} ({_interval(without.ci95)})"
        )
        depends = f": what the comparison says depends on {'it' if left_out == 1 else 'them'}."
        text += depends if turns else "."
    return WithoutDuplicates(
        baseline=baseline,
        reference=reference,
        left_out=left_out,
        n=len(clean),
        difference=pair.difference,
        ci95=pair.ci95,
        difference_without=without.difference if without else None,
        ci95_without=without.ci95 if without else None,
        turns=turns,
        text=text,
    )


def _side(pair: PairedComparison) -> int:
    """1 surely better, -1 surely worse, 0 open."""
    low, high = pair.ci95
    return 0 if pair.p_value >= 0.05 else 1 if low > 0 else -1 if high < 0 else 0


def _versions(standing: Standing) -> VersionChange | None:
    """The versions that answered, where there were several."""
    scores: dict[str, list[float]] = defaultdict(list)
    versions = standing.measured.items.rare("model_version")
    if len(set(versions.values())) < 2:
        return None
    known = dict(zip(standing.ids, standing.scores, strict=True))
    for k, version in versions.items():
        item = standing.measured.items.ids[k]
        if item in known:
            scores[version].append(float(known[item]))
    if len(scores) < 2:
        return None
    ordered = sorted(scores, key=lambda v: (-len(scores[v]), v))
    total = sum(map(len, scores.values()))
    shares = tuple(
        VersionShare(
            version=v, n=len(scores[v]), share=len(scores[v]) / total, quality=float(np.mean(scores[v]))
        )
        for v in ordered
    )
    first, second = (np.array(scores[v]) for v in ordered[:2])
    apart = test = p_value = differs = None
    if len(second) >= MIN_OF_A_VERSION:
        apart = float(first.mean() - second.mean())
        test, p_value = _two_samples(first, second)
        differs = p_value < 0.05
    listed = ", ".join(f"{s.version} {percent(s.share, digits=0)} of the items" for s in shares)
    text = f"{standing.name} was answered by {len(shares)} versions of its model: {listed}"
    if differs is None:
        text += "; too few items of one to compare them."
    elif differs:
        own = " of the judge's own scores" if is_corrected(standing) else ""
        text += f"; the first two differ by {abs(apart or 0) * 100:.1f} points{own}: measure it again."
    else:
        text += "; no difference between the first two is seen."
    return VersionChange(
        baseline=standing.name, versions=shares, difference=apart, test=test, p_value=p_value,
        differs=differs, text=text,
    )  # fmt: skip


def _two_samples(first: np.ndarray, second: np.ndarray) -> tuple[str, float]:
    """Fisher's exact test for right/wrong scores, else Welch's t-test."""
    if np.isin(np.concatenate([first, second]), (0.0, 1.0)).all():
        table = [[int(x.sum()), int(len(x) - x.sum())] for x in (first, second)]
        return "Fisher exact", float(fisher_exact(table)[1])
    if first.std() == 0 and second.std() == 0:
        return "Welch", 1.0 if first.mean() == second.mean() else 0.0
    return "Welch", float(ttest_ind(first, second, equal_var=False).pvalue)
