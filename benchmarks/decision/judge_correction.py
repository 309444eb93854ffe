"""How often does the corrected judge's interval hold the truth, and how wide is it?

Made-up held-out sets of known truth: a judge scores all items, people a random part. Three 95 % intervals of the same
mean, in the same run: the judge's own, people's alone, and the prediction-powered one. The judge agrees with people on
a share of the items and flatters on the others. The mean is that of right/wrong answers, of grades from 1 to 5, and of
the difference of two systems of which the judge flatters one.

    python benchmarks/decision/judge_correction.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

import _results

from advisor.statistics import compare, corrected_difference, corrected_mean, mean_interval

ITEMS = 400
AGREES = (0.0, 0.5, 0.8, 0.9, 1.0)
LABELS = (15, 30, 60, 120)
TRUTH = 0.7
GRADES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
SHARES = np.array([0.1, 0.1, 0.2, 0.3, 0.3])
OTHER = 0.6
Scores = NDArray[np.float64]
Interval = tuple[float, float]


def main() -> None:
    """Simulates, prints a table, writes results/judge_correction.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=240)
    parser.add_argument("--quick", action="store_true", help="40 repeats, and no result is written")
    arguments = parser.parse_args()
    repeats = 40 if arguments.quick else arguments.repeats

    started = time.perf_counter()
    rows = [
        row(kind, agrees, labels, repeats)
        for kind in ("right/wrong", "grades", "difference")
        for agrees in AGREES
        for labels in LABELS
    ]
    print(
        f"{'mean of':<12} {'agrees':>7} {'labels':>7} │ {'judge alone':>15} {'people alone':>15} {'corrected':>15}"
    )
    print(f"{'':<28} │ {'(95 % interval: how often it holds the truth, mean width)':>47}")
    for r in rows:
        cells = "".join(
            f" {r[f'{who}_coverage']:>8.1%} {r[f'{who}_width']:>6.3f}"
            for who in ("judge", "people", "corrected")
        )
        print(f"{r['mean_of']:<12} {r['agrees']:>7.0%} {r['labels']:>7} │{cells}")
    print(f"{time.perf_counter() - started:.0f} s")
    if not arguments.quick:
        path = _results.write(
            "judge_correction",
            hardware=f"{os.cpu_count()} cores, {platform.machine()}",
            packages=["numpy", "scipy"],
            figures={"items": ITEMS, "repeats": repeats, "rows": rows},
        )
        print(path)


def row(kind: str, agrees: float, labels: int, repeats: int) -> dict[str, float | str]:
    """Coverage and mean width of the three intervals for one judge and one number of labels."""
    held = {"judge": 0, "people": 0, "corrected": 0}
    width = {"judge": 0.0, "people": 0.0, "corrected": 0.0}
    for seed in range(repeats):
        rng = np.random.default_rng([seed, labels, round(agrees * 100)])
        truth, found = (
            difference(rng, agrees, labels) if kind == "difference" else mean(rng, kind, agrees, labels)
        )
        for who, (low, high) in found.items():
            held[who] += low <= truth <= high
            width[who] += high - low
    figures = {f"{who}_coverage": held[who] / repeats for who in held}
    figures |= {f"{who}_width": width[who] / repeats for who in width}
    return {"mean_of": kind, "agrees": agrees, "labels": labels, **figures}


def mean(
    rng: np.random.Generator, kind: str, agrees: float, labels: int
) -> tuple[float, dict[str, Interval]]:
    """(true mean, intervals) of one system."""
    if kind == "grades":
        truth = float(GRADES @ SHARES)
        people = rng.choice(GRADES, ITEMS, p=SHARES)
    else:
        truth = TRUTH
        people = (rng.random(ITEMS) < TRUTH).astype(float)
    judge = flattering(rng, people, agrees)
    human = labelled(rng, people, labels)
    known = np.array([h for h in human if h is not None])
    return truth, {
        "judge": mean_interval(judge),
        "people": mean_interval(known),
        "corrected": corrected_mean(judge, human).ci,
    }


def difference(rng: np.random.Generator, agrees: float, labels: int) -> tuple[float, dict[str, Interval]]:
    """(true difference, intervals) of two systems, whose same items people scored; the first is flattered."""
    ours = (rng.random(ITEMS) < TRUTH).astype(float)
    theirs = (rng.random(ITEMS) < OTHER).astype(float)
    judge = flattering(rng, ours, agrees), flattering(rng, theirs, agrees, to=0.2)
    chosen = rng.choice(ITEMS, labels, replace=False)
    human = tuple(only(scores, chosen) for scores in (ours, theirs))
    return TRUTH - OTHER, {
        "judge": compare(*judge, seed=1).ci95,
        "people": compare(ours[chosen], theirs[chosen], seed=1).ci95,
        "corrected": corrected_difference(judge, (human[0], human[1])).ci,
    }


def flattering(rng: np.random.Generator, people: Scores, agrees: float, to: float = 0.9) -> Scores:
    """A judge that says what people say on a share of the items, and on the others right with a given chance."""
    guess = (rng.random(len(people)) < to).astype(float)
    return np.where(rng.random(len(people)) < agrees, people, guess)


def labelled(rng: np.random.Generator, people: Scores, labels: int) -> list[float | None]:
    return only(people, rng.choice(len(people), labels, replace=False))


def only(people: Scores, chosen: NDArray[np.int64]) -> list[float | None]:
    kept = set(chosen.tolist())
    return [float(p) if i in kept else None for i, p in enumerate(people)]


if __name__ == "__main__":
    main()
