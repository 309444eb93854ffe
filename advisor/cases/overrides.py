"""Changing assumptions of a case: `--set traffic.requests_per_month=100000`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml
from pydantic import ValidationError

from advisor.cases.loading import LoadedCase
from advisor.cases.numbers import SHAPES
from advisor.cases.schema import Case
from advisor.errors import UsageError

_ASSUMPTIONS = (
    "traffic",
    "value",
    "effort",
    "constraints",
    "costs",
    "quality.bar",
    "quality.min_gain",
    "declared",
)
_OF_A_MODEL = ("serving", "prices")


def with_overrides(loaded: LoadedCase, overrides: Mapping[str, str]) -> LoadedCase:
    """The case with some assumptions replaced; what decides measured results cannot be changed here.

    Raises:
        UsageError: A key is no assumption, or a value does not fit.
    """
    if not overrides:
        return loaded
    values = loaded.case.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for key, text in overrides.items():
        if not _is_assumption(key):
            raise UsageError(
                f"{key!r} is not an assumption that can be set.",
                hint=f"There are: {', '.join(_ASSUMPTIONS)}, models.NAME.serving, models.NAME.prices.",
            )
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(f"{key}={text}: the value cannot be read.") from error
        if key.startswith("declared."):  # the ids of questions have dots of their own
            values.setdefault("declared", {})[key.removeprefix("declared.")] = str(value)
            continue
        *path, last = key.split(".")
        part: Any = values
        for name in path:
            part = part.setdefault(name, {}) if isinstance(part, dict) else None
            if not isinstance(part, dict):
                raise UsageError(f"{key}: there is no such key.")
        part[last] = value
    try:
        case = Case.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"] if p not in SHAPES)
        what = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"The new value does not fit: {where}: {what}.") from error
    return replace(loaded, case=case)


def _is_assumption(key: str) -> bool:
    head, _, rest = key.partition(".")
    if head == "models":
        return rest.partition(".")[2].partition(".")[0] in _OF_A_MODEL
    return any(key == a or key.startswith(f"{a}.") for a in _ASSUMPTIONS)
