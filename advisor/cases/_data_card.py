"""The README of a case that was made from a table: where its data come from, and how they were split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from advisor.cases._rows import Columns
from advisor.cases._splitting import ColumnSplit, FileSplit, Split
from advisor.cases.upload import Table


def data_card(title: str, origin: str, split: str) -> str:
    """The README of a case: where its data come from."""
    return (
        f"# {' '.join(title.split())}\n\n"
        f"- Origin: {origin}\n"
        "- Licence: say under which terms these texts may be used.\n"
        f"- Split: {split}\n"
        "- Known biases: say which cases are missing or too frequent.\n"
    )


def origin(table: Table, columns: Columns) -> str:
    """The file, its size and a hash of its values, and what its columns mean."""
    digest = hashlib.sha256(
        json.dumps([table.columns, [r.values for r in table.rows]], ensure_ascii=False).encode()
    ).hexdigest()
    sheet = f", sheet {table.sheet!r}" if table.sheet else ""
    meaning = f"input from {_named(columns.input)}, expected output from {_named(columns.output)}"
    return (
        f"{table.name!r}{sheet}, {len(table.rows):,} rows (SHA-256 of their values {digest[:16]}); {meaning}."
    )


def _named(columns: Sequence[str]) -> str:
    return " + ".join(map(repr, columns))


def how_split(split: Split, columns: Columns) -> str:
    """The split, in words that let somebody make it again."""
    if isinstance(split, FileSplit):
        return f"the held-out set came as a file of its own, {split.table.name!r}."
    if isinstance(split, ColumnSplit):
        return f"by column {split.column!r}: held out where it says {' or '.join(map(repr, split.held_out))}."
    kept = ["the same input"]
    kept += [f"one {columns.group!r}"] if columns.group else []
    kept += ["nearly the same input"] if split.similar_together else []
    together = ", ".join(kept)
    return f"at random (seed {split.seed}), {split.held_out_share:.0%} held out; rows of {together} stay together."
