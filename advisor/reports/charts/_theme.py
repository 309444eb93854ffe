"""How charts look: two themes, one colour and shape per baseline, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from advisor.formatting import shortened
from advisor.records import BaselineKind, Decision
from advisor.reports.charts._labels import wrapped

Width = int | Literal["container"]
WIDE = 760
NARROW = 350
CONTAINER_PX = 480  # what is assumed of a container's width where labels are kept apart

# Arial, Helvetica and Liberation Sans have the same widths: what is laid out with one fits with the others.
FONT = "Arial, Helvetica, Liberation Sans, DejaVu Sans, sans-serif"
LABEL_PX = 13
NAME_LENGTH = 64  # what a case allows a name to have

# Okabe & Ito (2008), https://jfly.uni-koeln.de/color/: told apart with every common colour blindness. Yellow
# and black are left out, as each vanishes on one of the two backgrounds.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "triangle-right")


@dataclass(frozen=True)
class Theme:
    """Colours that depend on the background."""

    name: Literal["light", "dark"]
    text: str
    muted: str
    grid: str
    background: str
    parts: tuple[str, ...]
    """For the six parts of a request: greys and sands, apart from the baselines' colours."""


LIGHT = Theme(
    name="light",
    text="#1b2430",
    muted="#5b6675",
    grid="#dde2e8",
    background="#ffffff",
    parts=("#3b4a5e", "#6d83a0", "#a5b6ca", "#ccd6e2", "#b0a58c", "#e2dccb"),
)
DARK = Theme(
    name="dark",
    text="#e8ecf1",
    muted="#a4afbd",
    grid="#333d49",
    background="#141a21",
    parts=("#c3d0df", "#94a9c2", "#667c97", "#475a71", "#a3987d", "#6a6250"),
)


@dataclass(frozen=True)
class Style:
    """How one baseline is drawn, in every chart."""

    colour: str
    shape: str
    label: str
    """Its name, in lines that fit an axis."""


KIND_COLOURS: Mapping[BaselineKind, int] = {
    "zero_shot": 0, "few_shot": 1, "fine_tuned": 2, "rag": 3, "classifier": 4,
}  # fmt: skip
"""Which colour the first baseline of a kind has, so that two reports can be laid side by side."""


def styles(decision: Decision) -> dict[str, Style]:
    """By baseline; of a kind the first has the kind's colour. Beyond seven, colours come again with other shapes."""
    place: dict[str, int] = {}
    for b in decision.baselines:
        if KIND_COLOURS[b.kind] not in place.values():
            place[b.name] = KIND_COLOURS[b.kind]
    left = iter([i for i in range(len(COLOURS) + len(decision.baselines)) if i not in place.values()])
    for b in decision.baselines:
        if b.name not in place:
            place[b.name] = next(left)
    return {
        b.name: Style(
            colour=COLOURS[i % len(COLOURS)],
            shape=SHAPES[(i + i // len(COLOURS)) % len(SHAPES)],
            label=wrapped(shortened(b.name, NAME_LENGTH), 20),
        )
        for b in decision.baselines
        for i in (place[b.name],)
    }


def colour_of(decision: Decision, name: str) -> str:
    """The colour of a baseline."""
    return styles(decision)[name].colour


def plot_px(width: Width) -> int:
    """About the width of the plot itself, without its axis."""
    return (CONTAINER_PX if width == "container" else width) - 80
