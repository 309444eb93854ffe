"""What a report tells of a case beside its decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from advisor.cases.loading import LoadedCase
from advisor.formatting import settings_text
from advisor.prompts import instructions

if TYPE_CHECKING:
    from advisor.cases.audit import Audit
    from advisor.cases.baseline_spec import BaselineSpec
    from advisor.reports.context import ConfiguredBaseline, ReportContext, ReviewFacts

DATA_CARD = "README.md"
_MOST_BYTES = 200_000
"""A data card is a page or two; what lies beyond is not read."""


def report_context(loaded: LoadedCase, found: Audit, review: ReviewFacts | None = None) -> ReportContext:
    """The data card, the audit, and the configuration of a case.

    Args:
        loaded: The case.
        found: Its audit.
        review: What is known of its go/no-go review.
    """
    from advisor.reports.context import ReportContext

    return ReportContext(
        data_card=_data_card(loaded),
        splits=found.splits,
        findings=found.findings,
        prompt=instructions(loaded.case.task),
        baselines=tuple(_configured(loaded, b) for b in loaded.case.baselines),
        review=review,
    )


def _data_card(loaded: LoadedCase) -> str | None:
    path = loaded.folder / DATA_CARD
    try:
        # a link that leads out of the case is none of its files
        if not path.is_file() or not path.resolve().is_relative_to(loaded.folder.resolve()):
            return None
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _configured(loaded: LoadedCase, spec: BaselineSpec) -> ConfiguredBaseline:
    from advisor.reports.context import ConfiguredBaseline

    model = loaded.case.models[spec.model] if spec.model else None
    said: dict[str, Any] = spec.model_dump(
        mode="json", exclude={"name", "kind", "model"}, exclude_defaults=True
    )
    said |= said.pop("tuning", None) or {}
    return ConfiguredBaseline(
        name=spec.name,
        kind=spec.kind,
        model=model.model if model else None,
        provider=model.provider if model else None,
        settings=settings_text(said) if said else "as they come",
    )
