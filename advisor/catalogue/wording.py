"""How prices are said where sources are held against one another."""

from __future__ import annotations

import math
from collections.abc import Mapping


def differing(
    says: str, theirs: Mapping[str, float | None], ours: Mapping[str, float | None]
) -> tuple[str, ...]:
    """What another source says where both know a price and they differ.

    Args:
        says: The other source: `genai-prices 0.2.3`.
        theirs: Its prices by name, USD per million tokens.
        ours: The prices that are used, by the same names.

    Returns:
        One sentence, or none: "genai-prices 0.2.3 says input 0.10, output 0.50".
    """
    others = []
    for name, used in ours.items():
        said = theirs.get(name)
        if used is not None and said is not None and not math.isclose(used, said, rel_tol=1e-9):
            others.append(f"{name.replace('_', ' ')} {usd(said)}")
    return (f"{says} says {', '.join(others)}",) if others else ()


def usd(price: float) -> str:
    """A price with at least two decimals, and as many as it has: 0.10, 1.875."""
    digits = f"{price:.6f}".rstrip("0")
    whole, _, fraction = digits.partition(".")
    return f"{whole}.{fraction:0<2}"
