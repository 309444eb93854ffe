"""What a tuned model is worth outside its own case: what it gained here, what it lost elsewhere.

Two readings of "can it be reused" are kept apart. The *base model* stays what it was, and takes an adapter for each
domain. The *tuned model* may have forgotten what its base could do: that is measured on other cases, against the
base, and a loss counts from that case's own `min_gain` on (a non-inferiority test: the interval's lower end).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from advisor.decision.draws import clusters_of
from advisor.decision.summary import Findings, Standing
from advisor.formatting import difference, interval, percent
from advisor.records import AnswerWord, Elsewhere, ElsewhereResult, Extensibility
from advisor.statistics.paired import PairedComparison, adjust, compare

SEED = 20_261_125
ALPHA = 0.05


def extensibility(findings: Findings, tuned: Standing) -> Extensibility | None:
    """The tuned model on every other case that it was asked on; None where there is none."""
    pairs = [(e, pair) for e in tuned.measured.elsewhere if (pair := _pair(e)) is not None]
    if not pairs:
        return None
    adjusted = adjust([pair.p_value for _, pair in pairs])
    cases = tuple(_result(e, pair, p) for (e, pair), p in zip(pairs, adjusted, strict=True))
    outcomes = {c.outcome for c in cases}
    answer: AnswerWord = "no" if "lost" in outcomes else "yes" if outcomes == {"kept"} else "unclear"
    base = findings.base_of(tuned)
    here = findings.pair(tuned.name, base.name) if base else None
    gained = (
        "" if here is None else f"; here it gained {difference(here.difference, fraction=True)} over its base"
    )
    text = {
        "yes": f"The tuned model itself stays usable elsewhere, with no loss that matters: {_list(cases, 'kept')}",
        "no": f"The tuned model itself lost elsewhere: {_list(cases, 'lost')}",
        "unclear": f"Whether the tuned model itself lost elsewhere cannot be told: {_list(cases, 'unclear')}",
    }[answer]
    return Extensibility(
        baseline=tuned.name,
        here=here.difference if here else None,
        here_ci95=here.ci95 if here else None,
        cases=cases,
        answer=answer,
        text=f"{text}{gained}.",
    )


def _pair(elsewhere: Elsewhere) -> PairedComparison | None:
    shared = sorted(set(elsewhere.tuned) & set(elsewhere.base))
    if len(shared) < 2:
        return None
    return compare(
        np.array([elsewhere.tuned[i] for i in shared]),
        np.array([elsewhere.base[i] for i in shared]),
        seed=SEED,
        clusters=clusters_of(shared, elsewhere.groups),
    )


def _result(elsewhere: Elsewhere, pair: PairedComparison, p_value: float) -> ElsewhereResult:
    shared = set(elsewhere.tuned) & set(elsewhere.base)
    outcome: Literal["kept", "lost", "unclear"] = "unclear"
    if pair.ci95[0] >= -elsewhere.min_gain:
        outcome = "kept"
    elif pair.ci95[1] < 0 and p_value < ALPHA:
        outcome = "lost"
    tuned = float(np.mean([elsewhere.tuned[i] for i in shared]))
    base = float(np.mean([elsewhere.base[i] for i in shared]))
    margin = f"{elsewhere.min_gain * 100:g} points"
    words = {
        "kept": f"a loss of more than {margin} is ruled out",
        "lost": "a loss is shown",
        "unclear": f"the items cannot tell whether more than {margin} were lost",
    }[outcome]
    return ElsewhereResult(
        case=elsewhere.case,
        metric=elsewhere.metric,
        n=pair.n,
        tuned=tuned,
        base=base,
        difference=pair.difference,
        ci95=pair.ci95,
        p_value=p_value,
        min_gain=elsewhere.min_gain,
        outcome=outcome,
        text=f"On {elsewhere.case} ({elsewhere.metric}, {pair.n} items) the tuned model has {percent(tuned)}, its base "
        f"{percent(base)}: {difference(pair.difference, fraction=True)}, 95% interval "
        f"{interval(pair.ci95, fraction=True, signed=True)}; {words}.",
    )


def _list(cases: Sequence[ElsewhereResult], outcome: str) -> str:
    return ", ".join(
        f"{c.case} ({difference(c.difference, fraction=True)})" for c in cases if c.outcome == outcome
    )
