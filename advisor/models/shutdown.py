"""When a provider will shut a model down, by its own word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from advisor.cases.model_spec import ModelSpec
from advisor.errors import AdvisorError
from advisor.models.base import open_model

_REPORTING = frozenset({"openai"})


def reported_shutdowns(models: Mapping[str, ModelSpec]) -> dict[str, date]:
    """The `shutdown_date` of each model whose provider reports one; one that cannot be asked is absent.

    Args:
        models: By the case's name of them.
    """
    found = {}
    for name, spec in models.items():
        if spec.provider not in _REPORTING:
            continue
        opened = open_model(spec)
        try:
            model = opened.run(lambda client, model=spec.model: client.models.retrieve(model))  # type: ignore[attr-defined]
            day = getattr(model, "shutdown_date", None)
            if day:
                found[name] = date.fromisoformat(str(day))
        except (AdvisorError, ValueError):
            continue  # it is one more piece of evidence, not a condition; a key that is wrong is said by the first call
        finally:
            opened.close()
    return found
