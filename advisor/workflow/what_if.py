"""What if: a case's measurements read once, and decided on again and again under other assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.cases.assumptions import Assumption, assumptions_of
from advisor.cases.loading import LoadedCase
from advisor.cases.model_spec import TokenPrices
from advisor.cases.overrides import with_overrides
from advisor.workflow._cases import load, with_store
from advisor.workflow._evidence import evidence_of

if TYPE_CHECKING:
    from advisor.decision.evidence import CaseEvidence
    from advisor.decision.summary import Findings
    from advisor.records import Decision
    from advisor.store.database import Store


@dataclass(frozen=True)
class WhatIf:
    """What was measured of a case, ready to be decided on."""

    loaded: LoadedCase
    evidence: CaseEvidence
    findings: Findings
    """What the statistics made of the measurements; it depends on no assumption."""

    def decide(self, overrides: Mapping[str, str] | None = None, *, sensitivity: bool = True) -> Decision:
        """The decision with some assumptions replaced, the same as `workflow.decide` comes to; reads no file.

        Args:
            overrides: Assumptions by dotted key.
            sensitivity: False leaves out what would turn the verdict, which is most of the work.

        Raises:
            UsageError: An override names something that is no assumption, or a value does not fit.
        """
        from advisor.catalogue.of_case import prices_of_case
        from advisor.decision.decide import decide

        case = with_overrides(self.loaded, overrides or {}).case
        prices = prices_of_case(case, self.evidence.now.date())
        changed = self.evidence.model_copy(update={"case": case, "prices": prices})
        return decide(changed, self.findings, sensitivity=sensitivity)

    def assumptions(self) -> tuple[Assumption, ...]:
        """All that `decide` can replace by a number or a switch, with what the case says of it now."""
        case = self.loaded.case
        listed: dict[str, TokenPrices] = {}
        for baseline in case.baselines:
            price = self.evidence.prices.get(baseline.name)
            if price is None or baseline.model is None or baseline.kind == "fine_tuned":
                continue
            if price.input is not None and price.output is not None:
                listed[baseline.model] = TokenPrices(
                    input=price.input, cached_input=price.cached_input, output=price.output
                )
        return assumptions_of(case, listed)


def what_if(case: Path | str, *, store: str | None = None, now: datetime | None = None) -> WhatIf:
    """Reads what was measured of a case.

    Args:
        case: The case folder.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.
        now: The date of the decisions.

    Raises:
        CaseError: The case is wrong.
        NoResultsError: Nothing was measured yet.
    """
    from advisor.decision.summary import summarise_findings

    loaded = load(case)

    def read(opened: Store | None) -> WhatIf:
        evidence = evidence_of(loaded, opened, now)
        return WhatIf(loaded, evidence, summarise_findings(evidence))

    return with_store(loaded, store, read)
