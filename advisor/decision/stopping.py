"""When a run may stop asking: as soon as more held-out items cannot be expected to turn its verdict.

The rule is the verdict's own, applied to intervals that hold however often one looks (`advisor.decision.anytime`):

- **Go** is settled where the best tuned model is worth it against *every* alternative, not only the one that
  happens to lead.
- **Stop** is settled where *one* alternative leaves every tuned model without a benefit: whichever alternative is
  truly the best, it is at least as good as that one.
- The verdict compares quality with the bar by its mean. A mean may still move, so both sides' qualities are set to
  either end of their intervals, and the verdict must stay the same.

"Not yet" is never settled: what would settle it is more items.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from advisor.cases.schema import Case
from advisor.decision.evidence import CaseEvidence
from advisor.decision.options import Option, broken_constraint, options
from advisor.decision.stakes import Outlook, outlook
from advisor.decision.summary import Findings, accounts_of
from advisor.decision.verdict import judge, weigh
from advisor.records import DecisionWord


def settled(evidence: CaseEvidence, findings: Findings) -> str | None:
    """Why the verdict is settled, in a sentence; None while it is open.

    Args:
        evidence: The case, with what was measured so far.
        findings: What was computed from it; its intervals must be sequential ones.
    """
    case = evidence.case
    accounts = accounts_of(evidence, findings)
    at = outlook(accounts)
    judgement = judge(case, findings, accounts, at)
    if judgement.decision == "not_yet":
        return None
    every = [o for o in options(findings, accounts.costs, at.likely) if o.standing.value is not None]
    tuned = [o for o in every if o.standing.tuned and broken_constraint(case, o.standing) is None]
    others = [o for o in every if not o.standing.tuned]
    allowed = [o for o in others if broken_constraint(case, o.standing) is None]
    if any(o.standing.tuned for o in every) and not tuned:
        return None  # a latency that breaks a constraint is no matter of items, and is not tested here
    if not tuned:
        return judgement.reasons[0]  # an alternative whose whole interval lies above the bar
    broken = not allowed
    alternatives = allowed or others

    if judgement.decision == "fine_tune":
        challenger = next(o for o in tuned if o.name == judgement.challenger)
        sure = all(_sure(case, findings, at, challenger, a, broken, "fine_tune") for a in alternatives)
    else:
        sure = any(
            all(_sure(case, findings, at, t, a, broken, "do_not_fine_tune") for t in tuned)
            for a in alternatives
        )
    return judgement.reasons[0] if sure else None


def _sure(
    case: Case,
    findings: Findings,
    at: Outlook,
    challenger: Option,
    champion: Option,
    champion_broken: bool,
    decision: DecisionWord,
) -> bool:
    """Whether the verdict on these two is this one, wherever in their intervals the qualities lie."""
    return all(
        weigh(case, findings, at, ours, theirs, champion_broken=champion_broken).decision == decision
        for ours, theirs in product(_ends(case, challenger), _ends(case, champion))
    )


def _ends(case: Case, option: Option) -> list[Option]:
    """The option with its quality at either end of its interval; as it is, where no bar asks for it."""
    quality = option.standing.quality
    if case.quality.bar is None or quality.ci95 is None:
        return [option]
    standing = option.standing
    return [
        replace(option, standing=replace(standing, quality=quality.model_copy(update={"value": value})))
        for value in quality.ci95
    ]
