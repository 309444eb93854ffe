"""How often is tuning called better when nothing differs? Families of 2 to 8 baselines, decided by the rule itself.

All baselines of a world are truly alike: the same quality, the same tokens and prices. Counted are (a) verdicts of
"fine_tune", and (b) tuned baselines whose difference from any alternative is called significant, either way in which
an error could be made. Tuning costs nothing here beyond what all baselines cost, so that nothing but noise speaks for
or against it; with the cost of tuning the error is smaller.

    python benchmarks/decision/families.py            # a minute or two
    python benchmarks/decision/families.py --quick
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from _results import write
from worlds import Arm, World, draw

from advisor.decision.stakes import outlook
from advisor.decision.summary import accounts_of, summarise_findings
from advisor.decision.verdict import judge

FAMILIES = ((1, 1), (2, 1), (1, 2), (2, 2), (1, 4), (3, 3), (1, 7), (4, 4), (7, 1))
"""(tuned baselines, alternatives)."""


def alike(seed: int, family: tuple[int, int], n: int) -> World:
    """A world in which nothing differs."""
    tuned, others = family
    rng = np.random.default_rng([7, seed, *family, n])
    quality = float(rng.uniform(0.1, 0.95))
    kinds = ["few_shot"] + ["zero_shot"] * (others - 1) + ["fine_tuned"] * tuned
    arms = tuple(
        Arm(f"{kind}_{k}", kind, quality, (200.0, 0.0, 20.0), 0.5, quality) for k, kind in enumerate(kinds)
    )
    rates = (0.5, 0.5, 2.0)
    return replace(
        draw(seed), arms=arms, graded=seed % 4 == 0, n=n, correct_usd=0.0, wrong_usd=0.0, volume_range=None,
        rates=rates, tuned_rates=rates, hours=(0.0, 0.0, 0.0), training_usd=0.0, retrains=0.0, life_months=None,
    )  # fmt: skip


def count(family: tuple[int, int], n: int, worlds: int) -> dict[str, float]:
    """Shares of worlds: a verdict "fine_tune" without and with declared worth, a tuned baseline called better."""
    found = {"fine_tune_by_bar": 0, "fine_tune_by_worth": 0, "called_better": 0}
    for seed in range(worlds):
        evidence = alike(seed, family, n).evidence(n)
        findings = summarise_findings(evidence)
        found["called_better"] += any(
            p < 0.05 and findings.pairs[key].difference > 0 for key, p in findings.adjusted_p.items()
        )
        for how, worth in (("fine_tune_by_bar", 0.0), ("fine_tune_by_worth", 0.05)):
            value = evidence.case.value.model_copy(update={"correct_usd": worth})
            case = evidence.case.model_copy(update={"value": value})
            accounts = accounts_of(evidence, findings).of(case)
            found[how] += judge(case, findings, accounts, outlook(accounts)).decision == "fine_tune"
    return {what: times / worlds for what, times in found.items()}


def main() -> None:
    """Runs and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    worlds = 100 if options.quick else 300
    rows = []
    for family in FAMILIES:
        for n in (100,) if options.quick else (50, 200, 500):
            shares = count(family, n, worlds)
            rows.append({"tuned": family[0], "alternatives": family[1], "n": n, **shares})
            said = ", ".join(f"{what} {share:.1%}" for what, share in shares.items())
            print(f"{family[0]} tuned, {family[1]} others, n = {n:4}: {said}", flush=True)
    highest = {
        k: max(r[k] for r in rows) for k in ("fine_tune_by_bar", "fine_tune_by_worth", "called_better")
    }
    print("highest:", highest)
    if not options.quick:
        figures = {"worlds": worlds, "highest": highest, "rows": rows}
        write("families", hardware="2 cores", packages=["numpy", "scipy"], figures=figures)


if __name__ == "__main__":
    main()
