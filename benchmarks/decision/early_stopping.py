"""How many calls does stopping early save, and how often is its verdict wrong?

Paired outcomes of a tuned model and one to four alternatives are drawn with known truths. Each drawn case is decided
three ways, by the product's own rule (`advisor.decision.stopping`), at the looks that a run takes:

- early: sequential intervals at every look, as `advisor run --stop-early` does;
- in all: the same, where a case that never settles is decided on the whole set, as a full run is;
- naive: fixed-n intervals and p-values at every look, as if each were the only one;
- full: the whole set at once, for comparison.

A go is wrong where the tuned model is not better than every alternative; a stop is wrong where its gain over every
alternative is worth having. In cells with clusters (one to five items, answers alike within one) the fixed-n way is the
normal interval over whole clusters.

    python benchmarks/decision/early_stopping.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

sys.path.insert(0, str(Path(__file__).parents[1]))
import _results

from advisor.cases.schema import Case
from advisor.decision.anytime import ALPHA
from advisor.decision.evidence import CaseEvidence, DataFacts
from advisor.decision.stakes import outlook
from advisor.decision.stopping import settled
from advisor.decision.summary import Findings, Standing, accounts_of
from advisor.decision.verdict import judge
from advisor.economics.resources import Resources
from advisor.evaluation.looks import FIRST_LOOK, next_look
from advisor.records import ItemTable, Latency, Measured, Quality, Tokens, TuningRecord
from advisor.statistics._score import tango_statistic
from advisor.statistics.paired import (
    PairedComparison,
    adjust,
    exact_mcnemar,
    tango_interval,
)
from advisor.statistics.sequential import confidence_sequence, log_capital, observations

MIN_GAIN = 0.02
TUNED_RIGHT = 0.8
LARGEST = 5
ALIKE = 0.5
"""Share of the items of a cluster that have its first item's outcome."""


@dataclass(frozen=True)
class Truth:
    """By how much the tuned model beats the best alternative, and on which share of items one of two is right."""

    name: str
    difference: float
    discordant: float
    clear: bool = False
    step: float = 0.0
    """By how much each further alternative is worse than the one before."""


TRUTHS = (
    Truth("better by 25 points", 0.25, 0.31, clear=True, step=0.03),
    Truth("better by 15 points", 0.15, 0.25, clear=True, step=0.03),
    Truth("worse by 15 points", -0.15, 0.25, clear=True, step=0.03),
    Truth("no gain, 1 item in 200 differs", 0.0, 0.005, clear=True),
    Truth("better by 5 points", 0.05, 0.20, step=0.02),
    Truth("worse by 2 points", -0.02, 0.20, step=0.02),
    Truth("no difference", 0.0, 0.20),
    Truth("just worth having", MIN_GAIN, 0.10),
)


@dataclass(frozen=True)
class Cell:
    """One truth at one size."""

    truth: Truth
    n: int
    alternatives: int
    clusters: bool


def cells(quick: bool) -> Iterator[Cell]:
    """The grid."""
    sizes = (300, 1000) if quick else (300, 1000, 3000)
    families = (1, 3) if quick else (1, 2, 4)
    truths = TRUTHS[::2] + TRUTHS[-1:] if quick else TRUTHS
    for truth in truths:
        for n in sizes:
            for k in families:
                yield Cell(truth, n, k, clusters=False)
        for k in families[:: len(families) - 1]:
            yield Cell(truth, 1000, k, clusters=True)


def draw(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(the tuned model's scores, those of each alternative, cluster of each item)."""
    sizes = rng.integers(1, LARGEST + 1, size=cell.n) if cell.clusters else np.ones(cell.n, dtype=int)
    groups = np.repeat(np.arange(cell.n), sizes)[: cell.n]
    first = np.searchsorted(groups, groups)
    # an item takes over all draws of its cluster's first one, so that no mean changes
    source = np.where(rng.random(cell.n) < ALIKE, first, np.arange(cell.n))
    tuned = (rng.random(cell.n) < TUNED_RIGHT)[source]
    rows = []
    for j in range(cell.alternatives):
        difference = cell.truth.difference + j * cell.truth.step
        only_tuned = (cell.truth.discordant + difference) / 2 + j * cell.truth.step / 2
        only_other = only_tuned - difference
        draws = rng.random(cell.n)[source]
        rows.append(
            np.where(tuned, draws >= only_tuned / TUNED_RIGHT, draws < only_other / (1 - TUNED_RIGHT))
        )
    return tuned.astype(float), np.array(rows, dtype=float), groups


def looks_of(groups: np.ndarray) -> list[int]:
    """Items at each look, the whole set last; no cluster is cut."""
    n, found, wanted = len(groups), [], FIRST_LOOK
    for end in [*(np.flatnonzero(np.diff(groups)) + 1), n]:
        if end >= wanted and end < n:
            found.append(int(end))
            wanted = next_look(int(end))
    return [*found, n]


Pair = Callable[[int], PairedComparison]
"""The comparison at one of the looks."""


def early_pairs(
    tuned: np.ndarray, others: np.ndarray, groups: np.ndarray, looks: list[int], clustered: bool
) -> list[Pair]:
    """Sequential comparisons with each alternative."""
    found = []
    for other in others:
        d = tuned - other
        clusters, largest = (list(map(int, groups)), LARGEST) if clustered else (None, 1)
        at = [int(groups[n - 1]) + 1 for n in looks] if clustered else looks
        low, high = confidence_sequence(
            d,
            alpha=(ALPHA / 2, ALPHA / 2 / len(others)),
            clusters=clusters,
            largest=largest,
            looks=at,
            running=False,
        )
        units = observations(d, clusters=clusters, largest=largest)
        won = np.maximum(log_capital(units, 0.5, at), log_capital(units.mirrored(), 0.5, at))
        found.append(
            lambda i, d=d, low=low, high=high, won=won: pair(
                d[: looks[i]], (low[i], high[i]), min(1.0, 2 * math.exp(-min(won[i], 700.0)))
            )
        )
    return found


def fixed_pairs(
    tuned: np.ndarray, others: np.ndarray, groups: np.ndarray, looks: list[int], clustered: bool
) -> list[Pair]:
    """Fixed-n comparisons with each alternative."""

    def at(other: np.ndarray, i: int) -> PairedComparison:
        d = (tuned - other)[: looks[i]]
        n, b, c = len(d), int(np.sum(d > 0)), int(np.sum(d < 0))
        if not clustered:
            if b - c < 1.5 * math.sqrt(b + c) and tango_statistic(b, c, n, MIN_GAIN) > -1.9:
                return pair(d, (-1.0, 1.0), 1.0)  # neither a go nor a stop can come of it: spare the time
            return pair(d, tango_interval(b, c, n), exact_mcnemar(b, c))
        sums, sizes = np.bincount(groups[:n], weights=d), np.bincount(groups[:n])
        k, mean = len(sums), d.mean()
        error = max(math.sqrt(np.sum((sums - mean * sizes) ** 2) * k / (k - 1)) / n, 1.96 / (2 * n))
        return pair(d, (mean - 1.96 * error, mean + 1.96 * error), 2 * float(norm.sf(abs(mean) / error)))

    return [lambda i, other=other: at(other, i) for other in others]


def pair(d: np.ndarray, interval: tuple[float, float], p_value: float) -> PairedComparison:
    return PairedComparison.model_construct(
        n=len(d),
        difference=float(d.mean()),
        ci95=(float(interval[0]), float(interval[1])),
        test="",
        p_value=p_value,
        discordant=(int(np.sum(d > 0)), int(np.sum(d < 0))),
        detectable_difference=None,
    )


class Rule:
    """The product's rule on made-up comparisons; tuning costs more, so that only quality can carry it."""

    def __init__(self, k: int) -> None:
        names = ["few_shot", *(f"zero_shot_{j}" for j in range(1, k))]
        self.case = Case.model_validate(
            {
                "schema_version": 1,
                "name": "simulated",
                "use_case": {"description": "x", "aspect": "accuracy"},
                "task": {"kind": "classification", "instructions": "x", "labels": ["a", "b"]},
                "quality": {"metric": "accuracy", "min_gain": MIN_GAIN},
                "models": {"m": {"provider": "x", "model": "x", "prices": {"input": 1, "output": 4}}},
                "baselines": [
                    *({"name": n, "kind": n[:9].rstrip("_"), "model": "m"} for n in names),
                    {"name": "tuned", "kind": "fine_tuned", "model": "m", "tuning": {"system": "trl"}},
                ],
                "traffic": {"requests_per_month": 1000},
                "effort": dict.fromkeys(("data_hours", "evaluation_hours", "refinement_hours"), 0),
            }
        )
        data = DataFacts(n_learn=100, n_dev=0, n_held_out=0, n_documents=0, leaked=frozenset())
        self.evidence = CaseEvidence.model_construct(case=self.case, data=data, prices={}, ends={})
        self.specs = {b.name: b for b in self.case.baselines}
        self.names = names
        tokens = Resources(fresh_tokens=100, cached_tokens=0, output_tokens=5)
        tuning = TuningRecord(
            system="trl", base_model="x", model_version="y", n_examples=100, epochs=3, tokens=1, duration_s=1,
            cost_usd=100,
        )  # fmt: skip
        self.resources = dict.fromkeys(names, tokens) | {
            "tuned": tokens.model_copy(update={"tuning": tuning})
        }

    def findings(self, pairs: list[PairedComparison], tuned: float, *, sequential: bool) -> Findings:
        """What the rule sees: the comparisons, and mean qualities that fit them."""
        values = {n: tuned - p.difference for n, p in zip(self.names, pairs, strict=True)} | {"tuned": tuned}
        standings = tuple(
            Standing(
                spec=self.specs[name],
                measured=Measured.model_construct(items=ItemTable()),
                scores=np.array([]),
                ids=("",) * pairs[0].n,
                quality=Quality(metric="accuracy", value=value, ci95=None),
                tokens=Tokens(input=None, cached_input=None, output=None),
                latency=Latency(p50=None, p95=None),
            )
            for name, value in values.items()
        )
        keys = [f"tuned|{n}" for n in self.names]
        return Findings(
            standings=standings,
            pairs=dict(zip(keys, pairs, strict=True)),
            best_untuned=None,
            adjusted_p=dict(zip(keys, adjust([p.p_value for p in pairs]), strict=True)),
            artefacts={},
            resources=self.resources,
            resampled_means={},
            sequential=sequential,
        )

    def stops(self, pairs: list[PairedComparison], tuned: float, *, sequential: bool) -> str | None:
        """The decision, where it is settled."""
        if all(p.ci95[0] <= 0 and p.ci95[1] >= MIN_GAIN for p in pairs):
            return None  # with these costs nothing else settles it: spare the time
        found = self.findings(pairs, tuned, sequential=sequential)
        settles = settled(self.evidence, found)
        return self.decides(pairs, tuned, sequential=sequential) if settles else None

    def decides(self, pairs: list[PairedComparison], tuned: float, *, sequential: bool) -> str:
        """The decision, settled or not."""
        found = self.findings(pairs, tuned, sequential=sequential)
        accounts = accounts_of(self.evidence, found)
        return judge(self.case, found, accounts, outlook(accounts)).decision


def simulate(cell: Cell, repetitions: int, seed: int) -> dict[str, Any]:
    """How a cell's cases end, decided in each of the three ways."""
    rule = Rule(cell.alternatives)
    rng = np.random.default_rng(seed)
    wrong = {"fine_tune": cell.truth.difference <= 0, "do_not_fine_tune": cell.truth.difference >= MIN_GAIN}
    asked, errors, same, ended = [], dict.fromkeys(("early", "in all", "naive", "full"), 0), 0, 0
    for _ in range(repetitions):
        tuned, others, groups = draw(cell, rng)
        looks = looks_of(groups)
        means = [float(tuned[:n].mean()) for n in looks]
        fixed = fixed_pairs(tuned, others, groups, looks, cell.clusters)
        last = len(looks) - 1
        full = rule.decides([p(last) for p in fixed], means[last], sequential=False)
        outcome = {"full": full}
        for way, pairs in (
            ("in all", early_pairs(tuned, others, groups, looks, cell.clusters)),
            ("naive", fixed),
        ):
            early = way == "in all"
            found = ((i, rule.stops([p(i) for p in pairs], means[i], sequential=early)) for i in range(last))
            i, outcome[way] = next(((i, d) for i, d in found if d is not None), (last, full))
            if way == "in all":
                asked.append(looks[i])
                ended += i < last
                same += outcome[way] == full
                outcome["early"] = outcome[way] if i < last else "not_yet"
        for way, decision in outcome.items():
            errors[way] += wrong.get(decision, False)
    return {
        "truth": cell.truth.name,
        "clear": cell.truth.clear,
        "n": cell.n,
        "alternatives": cell.alternatives,
        "clusters": cell.clusters,
        "repetitions": repetitions,
        "ended_early": ended / repetitions,
        "mean_asked": float(np.mean(asked)),
        "saved": 1 - float(np.mean(asked)) / cell.n,
        "same_as_full": same / repetitions,
        "wrong": {way: count / repetitions for way, count in errors.items()},
    }


def run(*, quick: bool) -> dict[str, Any]:
    """All cells, and what they come to."""
    # where an error is likeliest its rate is estimated from the most cases
    most, fewer = (40, 20) if quick else (300, 40)
    rows = [
        simulate(c, most if c.truth.difference in (0.0, MIN_GAIN) and not c.truth.clear else fewer, 1000 + i)
        for i, c in enumerate(cells(quick))
    ]
    clear = [r for r in rows if r["clear"]]
    return {
        "rows": rows,
        "saved_on_clear_cut": float(np.mean([r["saved"] for r in clear])),
        "saved_on_others": float(np.mean([r["saved"] for r in rows if not r["clear"]])),
        "same_as_full_on_clear_cut": float(np.mean([r["same_as_full"] for r in clear])),
        "largest_wrong": {
            way: max(r["wrong"][way] for r in rows) for way in ("early", "in all", "naive", "full")
        },
    }


def main() -> None:
    """Simulates, prints a table, writes results/early_stopping.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer cells and repetitions; nothing is written"
    )
    arguments = parser.parse_args()
    started = time.process_time()
    found = run(quick=arguments.quick)
    took = time.process_time() - started
    print(
        f"{'truth':<31} {'n':>5} {'alt.':>4} {'clustered':>9} {'asked':>6} {'saved':>6} {'as full':>8} "
        f"{'wrong: early':>12} {'in all':>7} {'naive':>7} {'full':>7}"
    )
    for r in found["rows"]:
        w = r["wrong"]
        print(
            f"{r['truth']:<31} {r['n']:>5} {r['alternatives']:>4} {'yes' if r['clusters'] else '':>9} "
            f"{r['mean_asked']:>6.0f} {r['saved']:>6.0%} {r['same_as_full']:>8.0%} {w['early']:>12.1%} "
            f"{w['in all']:>7.1%} {w['naive']:>7.1%} {w['full']:>7.1%}"
        )
    print(
        f"\nsaved: clear-cut {found['saved_on_clear_cut']:.0%}, others {found['saved_on_others']:.0%}; the verdict "
        f"of a full run on clear-cut cases: {found['same_as_full_on_clear_cut']:.1%}\nlargest share of wrong verdicts "
        f"of any cell: {', '.join(f'{way} {v:.1%}' for way, v in found['largest_wrong'].items())}   ({took:.0f} s)"
    )
    if not arguments.quick:
        path = _results.write(
            "early_stopping",
            hardware=f"one core, {took:.0f} s of processor time",
            packages=["numpy", "scipy"],
            figures=found,
        )
        print(json.dumps(str(path)))


if __name__ == "__main__":
    main()
