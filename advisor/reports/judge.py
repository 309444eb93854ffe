"""The judge in words, for every report: who judged, how far it agrees with people, and what that corrects."""

from __future__ import annotations

from advisor.formatting import count, interval, percent, score, usd
from advisor.records import Agreement, Decision, JudgedBaseline, JudgeSummary

TITLE = "The judge"


def judge_lines(decision: Decision) -> list[str]:
    """Lines about the judge of a decision; none where no model judged."""
    j = decision.judge
    if j is None:
        return []
    lines = [_who(j)]
    if j.position_bias is not None:
        lines.append(
            f"Its verdict turned in {percent(j.position_bias)} of the pairs when the two answers changed places; these "
            f"count as ties, as do others on which it had no preference: {percent(j.ties)} in all."
        )
    lines.append(
        _agreement(j.agreement) if j.agreement else "Its agreement with people is not known: no human labels."
    )
    if j.corrected:
        lines += [_corrected(b) for b in j.baselines]
    own = [b.name for b in j.baselines if b.self_judged]
    if own:
        lines.append(f"It judged its own model's answers in {', '.join(own)}: models favour their own.")
    unjudged = [f"{b.name} {count(b.unjudged)}" for b in j.baselines if b.unjudged]
    if unjudged:
        lines.append(f"Without a verdict, and left out: {', '.join(unjudged)}.")
    return lines


def _who(j: JudgeSummary) -> str:
    how = (
        "graded answers by a rubric"
        if j.mode == "rubric"
        else f"compared answers with those of {j.reference}"
    )
    if not j.calls:
        return f"{j.model} {how}; the scores were imported."
    tokens = (
        f", {count(j.input_tokens)} tokens in, {count(j.output_tokens)} out"
        if j.input_tokens is not None and j.output_tokens is not None
        else ""
    )
    return f"{j.model} {how}: {count(j.calls)} calls{tokens}, {usd(j.usd)}; a cost of the evaluation, not of serving."


def _agreement(a: Agreement) -> str:
    parts = [f"the same verdict in {percent(a.raw)}"]
    if a.kappa is not None:
        parts.append(f"Cohen's kappa {a.kappa:.2f} (weighted {_two(a.weighted_kappa)})")
    if a.correlation is not None:
        parts.append(f"rank correlation {a.correlation:.2f}")
    side = "milder" if a.bias > 0 else "stricter"
    if round(abs(a.bias) * 100, 1) > 0:
        parts.append(f"it is {side} by {abs(a.bias) * 100:.1f} points")
    return f"Against people, on {count(a.n)} answers: {', '.join(parts)}."


def _two(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _corrected(b: JudgedBaseline) -> str:
    return (
        f"{b.name}: {score(b.judge_mean, fraction=True)} by the judge, {score(b.corrected, fraction=True)} corrected "
        f"({interval(b.ci95, fraction=True)}; {count(b.n_human)} human labels)."
    )
