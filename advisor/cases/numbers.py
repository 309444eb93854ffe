"""The numbers of a case file: plain ones, and ranges where they are uncertain."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator


class Part(BaseModel):
    """A part of the case file; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


class Range(Part):
    """An uncertain number: its low, likely and high value."""

    low: float
    likely: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.likely <= self.high:
            raise ValueError("must have low <= likely <= high")
        return self


def _from(least: float) -> AfterValidator:
    """A range that begins at `least` or above."""

    def checked(found: Range) -> Range:
        if found.low < least:
            raise ValueError(f"must not begin below {least:g}")
        return found

    return AfterValidator(checked)


def _shape(value: object) -> str:
    """Which of the two a number is given as, so that what is wrong with it is said of that one alone."""
    return "range" if isinstance(value, dict | Range) else "number"


SHAPES = ("number", "range")
"""The names of the two in the location of an error, where no key of the case has them."""
_ByShape = Discriminator(_shape)
NonNegative = Annotated[float, Field(ge=0)]
AnyNumber = Annotated[Annotated[float, Tag("number")] | Annotated[Range, Tag("range")], _ByShape]
Number = Annotated[Annotated[NonNegative, Tag("number")] | Annotated[Range, _from(0), Tag("range")], _ByShape]
Growth = Annotated[
    Annotated[float, Field(ge=-1), Tag("number")] | Annotated[Range, _from(-1), Tag("range")], _ByShape
]
"""A share by which something grows; -1 ends it."""
Factor = Annotated[
    Annotated[float, Field(ge=1), Tag("number")] | Annotated[Range, _from(1), Tag("range")], _ByShape
]
"""How many times as much, once or more."""


def likely(number: float | Range) -> float:
    """The likely value of a number that may be given as a range."""
    return number.likely if isinstance(number, Range) else float(number)
