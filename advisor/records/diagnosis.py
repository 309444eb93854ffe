"""What looks wrong with a tuned model."""

from __future__ import annotations

from advisor.records.base import Record


class Finding(Record):
    """One thing that looks wrong, its likely cause, and what to do."""

    baseline: str
    name: str
    """E.g. `empty_answers`, `runs_on`, `loops`, `forgetting`."""
    seen: str
    count: int | None = None
    of: int | None = None
    """`count` of so many answers; null where it is no count."""
    cause: str
    action: str
    artefact: bool = False
    """A fault of configuration, from which nothing follows about tuning; else the model really is so."""
