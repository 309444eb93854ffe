"""The prices that costs rest on, each with its source and day: so that a reader can check them."""

from __future__ import annotations

from advisor.decision.evidence import CaseEvidence
from advisor.records import PriceUsed

IN_CASE = "the case (case.yaml)"


def prices_used(evidence: CaseEvidence) -> tuple[PriceUsed, ...]:
    """A line for each baseline whose price is known: of tokens from lists or the case, of machines from the case."""
    found = []
    for spec in evidence.case.baselines:
        model = evidence.case.models[spec.model] if spec.model else None
        serving = spec.serving or (model.serving if model else None)
        price = evidence.prices.get(spec.name)
        name = model.model if model else "no language model"
        if price is not None:
            found.append(
                PriceUsed(
                    baseline=spec.name,
                    model=name,
                    input=price.input,
                    cached_input=price.cached_input,
                    output=price.output,
                    training=price.training if spec.kind == "fine_tuned" else None,
                    usd_per_hour=price.hosting_usd_per_hour,
                    source=price.source,
                    date=price.date,
                    kind=price.kind,
                    stale=price.stale,
                    notes=(*price.notes, *price.disagreements),
                )
            )
        elif serving is not None:
            machine = "a machine that is always on" if serving.always_on else "a machine while it works"
            found.append(
                PriceUsed(
                    baseline=spec.name,
                    model=name,
                    usd_per_hour=serving.usd_per_hour,
                    source=f"{IN_CASE}, {machine}",
                    date=None,
                    kind="declared",
                )
            )
    return tuple(found)
