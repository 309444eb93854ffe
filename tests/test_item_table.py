"""Results kept by column come out as they went in."""

from __future__ import annotations

import math

import pytest

from advisor.records import Failure, ItemResult, ItemTable, Usage, items

ROWS = [
    ItemResult(id="a", answer="x", scores={"accuracy": 1.0}, usage=Usage(input=3), latency_s=0.5, call_key="k"),
    ItemResult(id="b", failure=Failure(error="timeout", message="late")),
    ItemResult(id="c", scores={"f1": 0.5}, retrieved=("d1", "d2"), cost_usd=0.25, finish_reason="stop"),
    ItemResult(id="d", scores={"accuracy": 0.0, "f1": 1.0}, repeat_scores={"f1": (1.0, 1.0)}),
    ItemResult(id="e", usage=Usage(output=0), compute_s=0.0),
]  # fmt: skip


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_items_come_out_as_they_went_in(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(items, "_ROWS_AT_ONCE", at_once)
    for table in (ItemTable(ROWS), ItemTable.of_rows(r.model_dump(exclude_defaults=True) for r in ROWS)):
        assert list(table) == ROWS
        assert table.scores["f1"].tolist() == pytest.approx(
            [math.nan, math.nan, 0.5, 1.0, math.nan], nan_ok=True
        )
        assert table.failed.tolist() == [False, True, False, False, False]


def test_there_may_be_no_item() -> None:
    table = ItemTable.of_rows([])
    assert len(table) == 0
    assert table.number("latency_s").shape == table.score("accuracy").shape == (0,)
