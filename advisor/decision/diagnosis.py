"""What looks wrong with a tuned model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.formatting import percent

if TYPE_CHECKING:
    from advisor.decision.summary import Standing


def artefact(tuned: Standing, base: Standing | None) -> str | None:
    """A fault of configuration that passes for a bad model: it answers nothing, or never ends."""
    items = tuned.measured.items
    empty = sum(a is not None and not a.strip() for a in items.answers)
    if len(items) and empty / len(items) > 0.5:
        return f"{empty} of {len(items)} answers are empty, as with a fault of padding or end-of-text tokens"
    if base is not None and tuned.value == 0 and (base.value or 0) >= 0.2:
        return (
            f"it scores exactly 0 where its own base scores {percent(base.value)}, "
            "as with a fault of padding, end-of-text tokens or chat format"
        )
    return None
