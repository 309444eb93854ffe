"""How a table becomes training and held-out examples: the three ways, and each in words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, InstanceOf

from advisor.cases.numbers import Part
from advisor.cases.upload import Table


class RandomSplit(Part):
    """A held-out set chosen by a seed; what belongs together stays on one side."""

    kind: Literal["random"] = "random"
    held_out_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    seed: int = 0
    similar_together: bool = True
    """Whether near duplicates count as belonging together."""


class ColumnSplit(Part):
    """A column says which rows are held out."""

    kind: Literal["column"] = "column"
    column: str
    held_out: tuple[str, ...] = Field(min_length=1)
    """The values that mean so."""


class FileSplit(Part):
    """A second table, with the same columns, is the held-out set."""

    kind: Literal["file"] = "file"
    table: InstanceOf[Table]


Split = Annotated[RandomSplit | ColumnSplit | FileSplit, Field(discriminator="kind")]
