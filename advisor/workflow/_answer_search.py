"""Many texts searched at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

BETWEEN = "\0"
"""What stands between two texts."""


class Texts:
    """Folded texts in one, so that a search goes over all of them at once."""

    def __init__(self, texts: Iterable[str]) -> None:
        listed = list(texts)
        self._all = BETWEEN.join(listed)
        self._starts = list(accumulate((len(t) + 1 for t in listed), initial=0))

    def holding(self, text: str) -> NDArray[np.bool_]:
        """In which texts a text stands, folded as they are."""
        hits: list[int] = []
        if BETWEEN not in text:  # else it could reach from one into the next
            at = self._all.find(text)
            while at >= 0:
                hits.append(bisect_right(self._starts, at) - 1)
                at = self._all.find(text, self._starts[hits[-1] + 1])
        mask = np.zeros(len(self._starts) - 1, dtype=bool)
        mask[hits] = True
        return mask
