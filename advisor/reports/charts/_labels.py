"""Where labels go: lines that fit, and places where they do not cover one another. Pixels in, pixels out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from advisor.formatting import one_line

CHARACTER_PX = 7.0  # a generous mean width at the label size: what is reserved suffices in any font
LINE_PX = 16

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def wrapped(text: str, columns: int) -> str:
    """A text in lines of at most `columns`, broken after `_`, `-`, `.` or a space where it can be."""
    words = re.findall(r"[^\s_.-]*[\s_.-]?", one_line(text))
    lines = [""]
    for piece in (w[i : i + columns] for w in words for i in range(0, len(w), columns)):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > columns:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)


def text_size(text: str) -> tuple[float, float]:
    """(width, height) that a text of one or more lines takes at most."""
    lines = text.split("\n")
    return max(map(len, lines)) * CHARACTER_PX, float(len(lines) * LINE_PX)


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions moved apart to at least `gap`, in their order, between `low` and `high`.

    Where they do not fit, the gap is smaller.
    """
    if len(positions) < 2:
        return [min(max(p, low), high) for p in positions]
    gap = min(gap, (high - low) / (len(positions) - 1))
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    result = list(positions)
    floor = low
    for i in order:
        result[i] = max(result[i], floor)
        floor = result[i] + gap
    ceiling = high
    for i in reversed(order):
        result[i] = min(result[i], ceiling)
        ceiling = result[i] - gap
    return result


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    taken: Sequence[Box],
    plot: Box,
) -> list[tuple[str, float, float]]:
    """(align, dx, dy) for a label at each point, clear of the other points and labels where it can be.

    Args:
        points: Where the points are.
        sizes: (width, height) of each label.
        taken: What must not be covered either, e.g. intervals.
        plot: The area that labels should stay in.
    """
    boxes = [*taken, *((x - 8, y - 8, x + 8, y + 8) for x, y in points)]
    placed = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        candidates = []
        for align, dx in (("left", 17.0), ("right", -17.0)):
            for dy in (0.0, -14.0, 14.0, -30.0, 30.0, -46.0, 46.0):
                left = x + dx - (width if align == "right" else 0)
                box = (left, y + dy - height / 2, left + width, y + dy + height / 2)
                outside = width * height - overlap(box, plot)
                cost = sum(overlap(box, other) for other in boxes) + 10 * outside + abs(dy)
                candidates.append((cost, align, dx, dy, box))
        _, align, dx, dy, box = min(candidates, key=lambda c: c[0])
        boxes.append(box)
        placed.append((align, dx, dy))
    return placed


def along(points: Sequence[tuple[float, float]], step: float = 6.0) -> list[Box]:
    """Small boxes along a line through points, for labels to keep clear of."""
    boxes = []
    for (x1, y1), (x2, y2) in pairwise(points):
        n = max(1, round(math.hypot(x2 - x1, y2 - y1) / step))
        middles = [((x1 + (x2 - x1) * k / n), (y1 + (y2 - y1) * k / n)) for k in range(n + 1)]
        boxes += [(x - step / 2, y - step / 2, x + step / 2, y + step / 2) for x, y in middles]
    return boxes


def overlap(a: Box, b: Box) -> float:
    """The area that two boxes share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
