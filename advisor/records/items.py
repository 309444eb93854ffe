"""Item results by column: what 100,000 items of eight baselines take is megabytes, not gigabytes.

An `ItemTable` is a sequence of `ItemResult`, made on the way out; whatever looks at all items at once takes the
columns instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from advisor.records.answers import Failure, Usage
from advisor.records.base import Record

Floats = NDArray[np.float64]


class ItemResult(Record):
    """One baseline's answer to one held-out item, with its scores by metric name."""

    id: str
    answer: str | None = None
    scores: dict[str, float] = {}
    failure: Failure | None = None
    usage: Usage = Usage()
    latency_s: float | None = None
    compute_s: float | None = None
    cost_usd: float | None = None
    retrieved: tuple[str, ...] | None = None
    """Documents whose passages were shown, best first."""
    call_key: str | None = None
    repeat_scores: dict[str, tuple[float, ...]] = {}
    """By metric, the score of each answer where the item was asked several times; `scores` then holds their means.

    `answer` and `latency_s` are then of the first answer that came, usage and cost the means of a request.
    """
    failed_repeats: tuple[Failure, ...] = ()
    """Of several answers those that failed, each scored 0, where others came."""
    finish_reason: str | None = None
    model_version: str | None = None
    """What a hosted model said that it is, with the provider's mark of its configuration."""


_NUMBERS = ("latency_s", "compute_s", "cost_usd")
_TOKENS = ("input", "cached_input", "output", "reasoning")
_RARE = ("failure", "retrieved", "repeat_scores", "failed_repeats", "finish_reason", "model_version")
"""Fields that most items lack; kept by position."""


_COMMON = {"id", "answer", "call_key", "scores", "usage", *_NUMBERS}
_ROWS_AT_ONCE = 4_096


def _floats(values: Sequence[float | None]) -> Floats:
    """An array, nan for None."""
    return np.array(values, dtype=np.float64)


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.zeros(0)


def _failures(rows: Iterable[Any]) -> tuple[Failure, ...]:
    return tuple(Failure.model_validate(row) for row in rows)


class ItemTable(Sequence[ItemResult]):
    """The results of one baseline, frozen, in the order of the held-out set.

    Attributes:
        ids: Held-out items.
        answers: Texts, None where there is none.
        scores: By metric, an array of shape (n,); nan where an item has no such score.
        failed: Whether an item failed for good, shape (n,).
    """

    def __init__(self, items: Iterable[ItemResult] = ()) -> None:
        self._fill(item.__dict__ | {"usage": item.usage.__dict__} for item in items)

    @classmethod
    def of_rows(cls, rows: Iterable[Mapping[str, Any]]) -> ItemTable:
        """From rows as `ItemResult.model_dump` gives them; what was written by us is not validated again."""
        table = cls.__new__(cls)
        table._fill(rows)
        return table

    def _fill(self, rows: Iterable[Mapping[str, Any]]) -> None:
        ids: list[str] = []
        answers: list[str | None] = []
        keys: list[str | None] = []
        numbers: dict[str, list[Floats]] = {name: [] for name in (*_NUMBERS, *_TOKENS)}
        scores: dict[str, list[Floats]] = {}
        self._rare: dict[str, dict[int, Any]] = {name: {} for name in _RARE}
        n = 0
        # column by column, as a loop over the fields of each row would take most of the time of a decision
        every = iter(rows)
        while some := list(islice(every, _ROWS_AT_ONCE)):
            ids += [row["id"] for row in some]
            answers += [row.get("answer") for row in some]
            keys += [row.get("call_key") for row in some]
            for name in _NUMBERS:
                numbers[name].append(_floats([row.get(name) for row in some]))
            usages = [row.get("usage") or {} for row in some]
            for name in _TOKENS:
                numbers[name].append(_floats([usage.get(name) for usage in usages]))
            by_metric = [row.get("scores") or {} for row in some]
            for metric in dict.fromkeys(chain(scores, *by_metric)):
                # nan for the items before the first that has such a score
                column = scores.setdefault(metric, [np.full(n, math.nan)])
                column.append(_floats([row.get(metric) for row in by_metric]))
            for k, row in enumerate(some, start=n):
                if not row.keys() <= _COMMON:
                    for name in _RARE:
                        if value := row.get(name):
                            self._rare[name][k] = value
            n += len(some)
        self.ids: tuple[str, ...] = tuple(ids)
        self.answers: tuple[str | None, ...] = tuple(answers)
        self._keys = tuple(keys)
        self._numbers = {name: _joined(parts) for name, parts in numbers.items()}
        self.scores: dict[str, Floats] = {metric: _joined(parts) for metric, parts in scores.items()}
        self.failed = np.zeros(n, dtype=bool)
        self.failed[list(self._rare["failure"])] = True
        for name, make in (
            ("failure", Failure.model_validate),
            ("retrieved", tuple),
            ("failed_repeats", _failures),
        ):
            self._rare[name] = {k: make(v) for k, v in self._rare[name].items()}
        self._rare["repeat_scores"] = {
            k: {metric: tuple(values) for metric, values in v.items()}
            for k, v in self._rare["repeat_scores"].items()
        }

    def number(self, name: str) -> Floats:
        """A column of shape (n,), nan where unknown: latency_s, compute_s, cost_usd, or a token count by its name."""
        return self._numbers[name]

    def score(self, metric: str) -> Floats:
        """The scores of a metric, shape (n,): 0 for an item that failed, nan where there is none."""
        column = self.scores.get(metric)
        found = np.full(len(self), math.nan) if column is None else column.copy()
        # an answer that could not be had is a wrong one to whoever asked
        found[self.failed] = 0.0
        return found

    def rare(self, name: str) -> Mapping[int, Any]:
        """By position, a field that most items lack: failure, retrieved, repeat_scores, failed_repeats and the like."""
        return self._rare[name]

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> ItemResult: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[ItemResult, ...]: ...

    def __getitem__(self, index: int | slice) -> ItemResult | tuple[ItemResult, ...]:
        if isinstance(index, slice):
            return tuple(self._item(k) for k in range(*index.indices(len(self))))
        return self._item(range(len(self))[index])

    def __iter__(self) -> Iterator[ItemResult]:
        return map(self._item, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ItemTable) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ItemTable({len(self)} items)"

    def _item(self, k: int) -> ItemResult:
        def known(name: str) -> float | None:
            value = float(self._numbers[name][k])
            return None if math.isnan(value) else value

        tokens: dict[str, Any] = {name: None if (v := known(name)) is None else int(v) for name in _TOKENS}
        rare: dict[str, Any] = {name: self._rare[name][k] for name in _RARE if k in self._rare[name]}
        scores = {m: float(c[k]) for m, c in self.scores.items() if not math.isnan(c[k])}
        fields: dict[str, Any] = {name: known(name) for name in _NUMBERS}
        return ItemResult.model_construct(
            id=self.ids[k],
            answer=self.answers[k],
            call_key=self._keys[k],
            scores=scores,
            usage=Usage.model_construct(**tokens),
            **fields,
            **rare,
        )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        items = handler(tuple[ItemResult, ...])
        return core_schema.union_schema(
            [
                core_schema.is_instance_schema(cls),
                core_schema.no_info_after_validator_function(cls, items),
            ],
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda table, info: [
                    i.model_dump(mode=info.mode, exclude_defaults=info.exclude_defaults) for i in table
                ],
                info_arg=True,
            ),
        )
