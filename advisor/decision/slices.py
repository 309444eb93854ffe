"""The verdict's pair on parts of the held-out set: by label, group, lengths, documents.

A mean may hide that a tuned model loses on one part what it wins on another. Each part is tested by itself, and as many
tests are made, the share of false ones among those called sure is held at 5 % over all of them. A part is compared as
the whole is: at any time where a run stopped early, and as people would score it where they correct a judge; a part of
which they scored too little is not compared.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue
from scipy.stats import t

from advisor.cases.schema import Case
from advisor.decision.anytime import anytime_inference
from advisor.decision.draws import clusters_of
from advisor.decision.evidence import CaseEvidence, DataFacts
from advisor.decision.inference import compare_on, compare_scores
from advisor.decision.judged import MIN_HUMAN_LABELS, value_on
from advisor.decision.summary import Findings, Standing
from advisor.formatting import count, difference
from advisor.records import Slice, SliceDimension
from advisor.statistics.paired import adjust, exact_mcnemar, tango_interval

MIN_ITEMS = 10
"""Slices of fewer items are shown, not tested."""
MOST_VALUES = 20
"""Labels and groups with a slice of their own, the largest first; the rest are one slice together."""
MIN_LENGTHS = 30
"""Items below which no thirds by length are made."""
ALPHA = 0.05
_CONFIDENCE = 0.95

Codes = NDArray[np.int64]
Test = tuple[float, tuple[float, float], float]
"""(difference, 95 % interval, p-value)."""


@dataclass(frozen=True)
class Cut:
    """A dimension: the slice of each item, -1 where it has none, and the slices' names."""

    dimension: SliceDimension
    names: list[str]
    codes: Codes


def slices_of(evidence: CaseEvidence, findings: Findings, pair: tuple[str, str] | None) -> tuple[Slice, ...]:
    """All slices, dimension by dimension, the largest first.

    Args:
        evidence: What was measured, with the expected outputs, groups and lengths of items.
        findings: What follows from it.
        pair: The tuned baseline and the alternative that the verdict compares; None: quality only.
    """
    ids = _all_ids(findings.standings)
    found_cuts = cuts_of(evidence.case, evidence.data, evidence.expected, ids)
    if not found_cuts:
        return ()
    scores = {s.name: _scores(s, ids) for s in findings.standings}
    units = _units(evidence, ids)
    found: list[Slice] = []
    for cut in found_cuts:
        if findings.corrections:
            found += _of_corrected_cut(evidence, findings, cut, ids, pair)
        else:
            found += _of_cut(cut, scores, pair, units, evidence if anytime_inference(evidence) else None)
    tested = [i for i, s in enumerate(found) if s.p_value is not None]
    adjusted = adjust([float(found[i].p_value or 0.0) for i in tested], "fdr")
    for i, p in zip(tested, adjusted, strict=True):
        side = "better" if (found[i].difference or 0.0) > 0 else "worse"
        found[i] = found[i].model_copy(update={"adjusted_p_value": p, "flag": side if p < ALPHA else "open"})
    return tuple(found)


def warnings(slices: Sequence[Slice], findings: Findings, pair: tuple[str, str] | None) -> list[str]:
    """Slices on which the pair surely differs the other way than over all items, and those that people cannot say."""
    overall = findings.pair(*pair) if pair else None
    if pair is None or overall is None:
        return []
    other_way = [
        s
        for s in slices
        if (s.flag == "worse" and overall.difference >= 0) or (s.flag == "better" and overall.difference < 0)
    ]
    found = [
        f"{pair[0]} is {s.flag} than {pair[1]} on {name(s)}: {difference(s.difference, fraction=True)} on {s.n} items, "
        f"against {difference(overall.difference, fraction=True)} over all."
        for s in other_way
    ]
    unscored = sum(s.flag == "open" and s.difference is None for s in slices) if findings.corrections else 0
    if unscored:
        found.append(
            f"{count(unscored)} of {count(len(slices))} parts of the held-out set are not compared: people scored "
            f"fewer than {MIN_HUMAN_LABELS} answers on each, too few to correct the judge there."
        )
    return found


def name(part: Slice) -> str:
    """A slice in words."""
    return f"{part.dimension} {part.value}"


def _all_ids(standings: Sequence[Standing]) -> tuple[str, ...]:
    """Items that any baseline answered; in order where, as usual, all answered the same."""
    if not standings:
        return ()
    first = standings[0].ids
    if all(s.ids == first for s in standings[1:]):
        return first
    return tuple(sorted(set().union(*(s.ids for s in standings))))


def _scores(standing: Standing, ids: tuple[str, ...]) -> NDArray[np.float64]:
    """Scores in the order of `ids`; NaN where there is none."""
    if standing.ids == ids:
        return np.array(standing.scores, dtype=np.float64)
    known = dict(zip(standing.ids, standing.scores, strict=True))
    return np.array([known.get(i, math.nan) for i in ids], dtype=np.float64)


def _units(evidence: CaseEvidence, ids: tuple[str, ...]) -> Codes | None:
    """What is independent of one another: the group of each item, or None where no item has one."""
    groups = evidence.data.clusters
    if not groups:
        return None
    number: dict[str, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in clusters_of(ids, groups) or ()])


def cuts_of(case: Case, data: DataFacts, expected: Mapping[str, JsonValue], ids: Sequence[str]) -> list[Cut]:
    """The ways in which items are cut into slices: by label, group, lengths, documents."""
    found: list[Cut | None] = []
    if case.task.kind == "classification":
        found.append(_by_name("label", [_text(expected.get(i)) for i in ids]))
    if data.clusters:
        found.append(_by_name("group", [data.clusters.get(i) for i in ids]))
    found.append(_by_length("input length", [data.input_characters.get(i) for i in ids]))
    if case.task.kind != "classification":
        found.append(_by_length("answer length", [_length(expected.get(i)) for i in ids]))
    if data.with_documents:
        values = ["named" if i in data.with_documents else "none named" for i in ids]
        found.append(_by_name("documents", values))
    return [c for c in found if c is not None and len(c.names) > 1]


def _text(value: object) -> str | None:
    return (
        value if isinstance(value, str) else None if value is None else json.dumps(value, ensure_ascii=False)
    )


def _length(value: object) -> int | None:
    """Characters of an expected output; of several right ones, of the first."""
    first = value[0] if isinstance(value, list) and value and isinstance(value[0], str) else value
    text = _text(first)
    return None if text is None else len(text)


def _by_name(dimension: SliceDimension, values: Sequence[str | None]) -> Cut:
    counts = Counter(v for v in values if v is not None)
    ordered = sorted(counts, key=lambda v: (-counts[v], v))
    names = ordered[:MOST_VALUES]
    number = {v: min(k, MOST_VALUES) for k, v in enumerate(ordered)}
    if len(ordered) > MOST_VALUES:
        names = [*names, f"({len(ordered) - MOST_VALUES} others)"]
    return Cut(dimension, names, np.array([-1 if v is None else number[v] for v in values]))


def _by_length(dimension: SliceDimension, values: Sequence[int | None]) -> Cut | None:
    """Thirds; None where there are too few items, or all are about alike."""
    known = np.array([v for v in values if v is not None])
    if len(known) < MIN_LENGTHS:
        return None
    low, high = np.quantile(known, [1 / 3, 2 / 3])
    if low >= high:
        return None
    lengths = np.array([-1 if v is None else v for v in values])
    codes = np.where(lengths < 0, -1, (lengths > low).astype(np.int64) + (lengths > high))
    # lengths are whole numbers: a bound between two of them is that of the lower
    first, second = math.floor(low), math.floor(high)
    middle = f"{first + 1} to {second}" if second > first + 1 else f"{second}"
    names = [f"up to {first} characters", f"{middle} characters", f"over {second} characters"]
    return Cut(dimension, names, codes)


def _of_corrected_cut(
    evidence: CaseEvidence, findings: Findings, cut: Cut, ids: Sequence[str], pair: tuple[str, str] | None
) -> list[Slice]:
    """Quality and difference of each part as people would score it; unknown where they scored too little of it."""
    parts = []
    for k, value in enumerate(cut.names):
        inside = {i for i, code in zip(ids, cut.codes, strict=True) if code == k}
        if not inside:
            continue
        one_group = cut.dimension == "group" and k < MOST_VALUES
        units = set(clusters_of(sorted(inside), evidence.data.clusters) or inside)
        small = len(inside) < MIN_ITEMS or (len(units) < 2 and not one_group)
        means = {s.name: value_on(evidence, s, inside) for s in findings.standings}
        part = Slice(
            dimension=cut.dimension,
            value=value,
            n=len(inside),
            quality={name: mean for name, mean in means.items() if mean is not None},
            flag="too_small" if small else "open",
        )
        if pair is not None and not small:
            tuned, other = (findings.standing(name) for name in pair)
            found = compare_on(evidence, tuned, other, corrected=True, items=inside, alone=one_group)
            if found is not None:
                test = {"difference": found.difference, "ci95": found.ci95, "p_value": found.p_value}
                part = part.model_copy(update=test)
        parts.append(part)
    return parts


def _of_cut(
    cut: Cut,
    scores: Mapping[str, NDArray[np.float64]],
    pair: tuple[str, str] | None,
    units: Codes | None,
    evidence: CaseEvidence | None,
) -> list[Slice]:
    """Quality and difference of each part; `evidence` is given where a run stopped early."""
    size = len(cut.names)
    inside = cut.codes >= 0
    n = np.bincount(cut.codes[inside], minlength=size)
    means: dict[str, NDArray[np.float64]] = {}
    for baseline, values in scores.items():
        known = inside & ~np.isnan(values)
        counts = np.bincount(cut.codes[known], minlength=size)
        sums = np.bincount(cut.codes[known], weights=values[known], minlength=size)
        with np.errstate(invalid="ignore"):
            means[baseline] = sums / counts
    parts = [
        Slice(
            dimension=cut.dimension,
            value=cut.names[k],
            n=int(n[k]),
            quality={b: float(m[k]) for b, m in means.items() if not math.isnan(m[k])},
            flag="too_small" if n[k] < MIN_ITEMS else "open",
        )
        for k in range(size)
        if n[k]
    ]
    if pair is None or not set(pair) <= set(scores):
        return parts
    differences = scores[pair[0]] - scores[pair[1]]
    right_wrong = all(np.isin(scores[p][~np.isnan(scores[p])], (0.0, 1.0)).all() for p in pair)
    both = inside & ~np.isnan(differences)
    tests: dict[str, Test | None] = {}
    for k in range(size):
        rows = np.flatnonzero(both & (cut.codes == k))
        # within one group its items stand alone: what is said is said of that group
        one_group = cut.dimension == "group" and k < MOST_VALUES
        if len(rows) >= MIN_ITEMS:
            within = None if units is None or one_group else units[rows]
            found = _test(differences[rows], within, right_wrong)
            # what one group alone tells nothing of, it does not tell at any time either
            if found is not None and evidence is not None:
                ours, theirs = (scores[name][rows] for name in pair)
                found = _at_any_time(evidence, ours, theirs, within)
            tests[cut.names[k]] = found
    return [
        p.model_copy(update={"difference": test[0], "ci95": test[1], "p_value": test[2]})
        if (test := tests.get(p.value)) is not None
        else p.model_copy(update={"flag": "too_small"})
        for p in parts
    ]


def _at_any_time(
    evidence: CaseEvidence,
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    units: Codes | None,
) -> Test:
    groups = None if units is None else [str(u) for u in units]
    found = compare_scores(evidence, ours, theirs, groups, tuned=True)
    return found.difference, found.ci95, found.p_value


def _test(differences: NDArray[np.float64], units: Codes | None, right_wrong: bool) -> Test | None:
    """(difference, 95 % interval, p-value); None where all items are of one group, which tells of no other.

    Right/wrong scores: Tango's interval and McNemar's exact test; others, and items in groups: Student's t over
    items, or over groups (cluster-robust, Liang and Zeger, 1986), which takes no resampling.
    """
    n, mean = len(differences), float(differences.mean())
    grouped = units is not None and len(np.unique(units)) < n
    if right_wrong and not grouped:
        ours, theirs = int(np.sum(differences > 0)), int(np.sum(differences < 0))
        return mean, tango_interval(ours, theirs, n), exact_mcnemar(ours, theirs)
    residuals: NDArray[np.float64] = differences - mean
    if units is not None and grouped:
        codes = np.unique(units, return_inverse=True)[1]
        residuals = np.bincount(codes, weights=residuals).astype(np.float64)
    k = len(residuals)
    if k < 2:
        return None
    se = math.sqrt(k / (k - 1) * float(np.sum(residuals**2))) / n
    if se == 0:
        # all alike: the sign test, and what may have gone unseen in k units (Clopper and Pearson, 1934)
        unseen = 1 - ((1 - _CONFIDENCE) / 2) ** (1 / k)
        ends = (mean - unseen * (mean + 1), mean + unseen * (1 - mean))
        return mean, ends, 1.0 if mean == 0 else 2.0 ** (1 - k)
    half = float(t.ppf((1 + _CONFIDENCE) / 2, k - 1)) * se
    return mean, (max(-1.0, mean - half), min(1.0, mean + half)), float(2 * t.sf(abs(mean) / se, k - 1))
