"""Is the advice worth following? Expected net benefit over simulated decisions whose truth is known.

Each world is decided by the advisor, by an oracle that knows the truth, and by simple rules. Where the advisor says
"not yet", its shopping list is followed as long as it offers held-out items that are worth more than they cost: they
are "bought" (their price is subtracted) and the case is decided again. Where nothing is left to buy, the alternative
that it names for the meantime is used.

    python benchmarks/decision/regret.py            # 2,000 worlds, a few minutes
    python benchmarks/decision/regret.py --quick    # 150 worlds
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from _results import write
from worlds import Arm, World, draw

from advisor.decision.confidence import confidence
from advisor.decision.stakes import outlook
from advisor.decision.summary import accounts_of, summarise_findings
from advisor.decision.verdict import judge

BANDS = (0.0, 0.5, 0.8, 0.95, 0.99, 1.01)
"""Confidences that are looked at together: is a verdict right as often as it says?"""
ROUNDS = 4
"""How often more items are bought, at most."""


@dataclass(frozen=True)
class Advice:
    """What following the advisor comes to."""

    arm: Arm
    paid: float
    """For more held-out items, USD."""
    first: str
    last: str
    confidence: float | None


def advised(world: World) -> Advice:
    """Asks the advisor, and buys what it says is worth its price."""
    n, paid, first = world.n, 0.0, ""
    for _ in range(ROUNDS + 1):
        evidence = world.evidence(n)
        findings = summarise_findings(evidence)
        accounts = accounts_of(evidence, findings)
        at = outlook(accounts)
        found = judge(evidence.case, findings, accounts, at)
        first = first or found.decision
        if found.decision != "not_yet":
            break
        offer = next((p for p in found.shopping if p.what == "held_out_examples" and p.amount), None)
        if (
            offer is None
            or offer.cost_usd is None
            or offer.worth_usd is None
            or offer.worth_usd <= offer.cost_usd
        ):
            break
        assert offer.amount is not None
        n, paid = n + offer.amount, paid + offer.cost_usd
    arm = next(a for a in world.arms if a.name == (found.recommended or found.champion))
    sure = confidence(findings, found)
    return Advice(arm, paid, first, found.decision, sure)


def rules(world: World) -> dict[str, Arm]:
    """What the simple rules choose from the same held-out set."""
    evidence = world.evidence(world.n)
    findings = summarise_findings(evidence)
    money = outlook(accounts_of(evidence, findings)).likely
    quality = {s.name: s.value or 0.0 for s in findings.standings}
    net = {n: money.net_benefit(n, q) for n, q in quality.items()}
    cost = {n: money.net_benefit(n, 0.0) for n in quality}
    untuned = [a for a in world.arms if a.kind != "fine_tuned"]
    tuned = [a for a in world.arms if a.kind == "fine_tuned"]
    fast = [a for a in world.arms if a.latency_s <= 2 * np.median([b.latency_s for b in world.arms])]

    def most(arms: list[Arm], of: Callable[[Arm], float]) -> Arm:
        return max(arms, key=of)

    every = list(world.arms)
    return {
        "highest mean score": most(every, lambda a: quality[a.name]),
        "cheapest": most(every, lambda a: float(cost[a.name] or 0.0)),
        "never tune": most(untuned, lambda a: quality[a.name]),
        "always tune": most(tuned, lambda a: quality[a.name]),
        "argmax of mean metrics, under a latency limit (AutoRAG)": most(
            fast, lambda a: (quality[a.name] + a.surrogate) / 2
        ),
        "highest net benefit, no statistics": most(every, lambda a: float(net[a.name] or 0.0)),
    }


def simulate(count: int) -> dict[str, Any]:
    """Decides so many worlds, and sums up what each way of choosing comes to."""
    got: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    words: dict[str, int] = {}
    sides: list[tuple[float, bool]] = []
    for seed in range(count):
        world = draw(seed)
        truth = {a.name: world.net_benefit(a) for a in world.arms}
        best, worst = max(truth.values()), min(truth.values())
        advice = advised(world)
        word = f"{advice.first}, then {advice.last}"
        words[word] = words.get(word, 0) + 1
        if advice.confidence is not None:
            tune = max(truth, key=lambda name: truth[name]).startswith("fine_tuned")
            sides.append((advice.confidence, tune == (advice.last == "fine_tune")))
        results = {"advisor": truth[advice.arm.name] - advice.paid}
        results |= {rule: truth[a.name] for rule, a in rules(world).items()}
        results["oracle"] = best
        for rule, value in results.items():
            got.setdefault(rule, []).append(value)
            shares.setdefault(rule, []).append((value - worst) / (best - worst) if best > worst else 1.0)
    oracle = sum(got["oracle"])
    return {
        "worlds": count,
        "rules": {
            rule: {
                "net_benefit_share_of_oracle": sum(values) / oracle,
                "mean_share_of_what_the_choice_can_bring": float(np.mean(shares[rule])),
            }
            for rule, values in got.items()
        },
        "calibration": _calibration(sides),
        "first_and_last_verdict": words,
    }


def _calibration(sides: list[tuple[float, bool]]) -> list[dict[str, float]]:
    """By confidence: what was said on average, and how often it was right."""
    rows = []
    for low, high in pairwise(BANDS):
        inside = [(sure, right) for sure, right in sides if low <= sure < high]
        if inside:
            said, right = np.mean(inside, axis=0)
            rows.append({"from": low, "decisions": len(inside), "said": float(said), "right": float(right)})
    return rows


def main() -> None:
    """Runs and prints the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--worlds", type=int)
    options = parser.parse_args()
    count = options.worlds or (150 if options.quick else 2000)
    figures = simulate(count)
    for rule, row in sorted(figures["rules"].items(), key=lambda r: -r[1]["net_benefit_share_of_oracle"]):
        print(f"{rule:58s}", *(f"{share:8.2%}" for share in row.values()))
    for row in figures["calibration"]:
        print(
            f"confidence from {row['from']:.0%}: {row['decisions']} decisions, "
            f"said {row['said']:.1%}, right {row['right']:.1%}"
        )
    print(figures["first_and_last_verdict"])
    if count == 2000:
        write("regret", hardware="2 cores", packages=["numpy", "scipy"], figures=figures)


if __name__ == "__main__":
    main()
