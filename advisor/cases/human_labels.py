"""Reading people's scores of answers, which a judge's are held against: JSON Lines, with all problems at once.

A line is `{"baseline": "zero_shot", "id": "h1", "score": 0.75}`. With `answer`, the text that was scored, the label
counts for that answer alone, and is left out where the baseline answers otherwise now.
"""

from __future__ import annotations

import json
import math
from collections.abc import Set
from pathlib import Path
from typing import Any

from advisor.cases.schema import Case
from advisor.cases.yaml_file import read_text
from advisor.errors import Problem, first_of
from advisor.records import HumanLabel

_KEYS = {"baseline", "id", "score", "answer"}


def read_human_labels(
    path: Path, case: Case, held_out: Set[str]
) -> tuple[tuple[HumanLabel, ...], list[Problem]]:
    """(labels, problems) of one file.

    Args:
        path: The file.
        case: Whose baselines may be named.
        held_out: The ids that may be named; empty where they are not known.
    """
    text, problems = read_text(path)
    if text is None:
        return (), problems
    labels: list[HumanLabel] = []
    lines: dict[tuple[str, str], int] = {}
    for number, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        values, wrong = _row(path, number, raw)
        problems += wrong
        if values is None:
            continue
        label = HumanLabel(**values)
        problems += _strangers(path, number, label, case, held_out)
        first = lines.setdefault((label.baseline, label.id), number)
        if first != number:
            where = f"of {label.baseline!r} stands on line {first} already"
            problems.append(
                Problem(path, f"{label.id!r} {where}; give the mean of several people", number, "id")
            )
        labels.append(label)
    if not labels and not problems:
        problems.append(
            Problem(path, "holds no human label; leave out `judge.human_labels` until there are some")
        )
    return tuple(labels), first_of(problems, path)


def _row(path: Path, number: int, raw: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return None, [Problem(path, f"is not valid JSON: {error}", number)]
    if not isinstance(row, dict):
        return None, [Problem(path, "must be a JSON object", number)]
    problems = [Problem(path, "is not a key of a human label", number, k) for k in row if k not in _KEYS]
    problems += [
        Problem(path, "is missing", number, k) for k in ("baseline", "id", "score") if row.get(k) is None
    ]
    if isinstance(row.get("id"), int) and not isinstance(row["id"], bool):
        row["id"] = str(row["id"])
    problems += [
        Problem(path, "must be a text", number, k)
        for k in ("baseline", "id", "answer")
        if row.get(k) is not None and not isinstance(row[k], str)
    ]
    score = row.get("score")
    if score is not None:
        number_given = isinstance(score, int | float) and not isinstance(score, bool)
        if not number_given or not math.isfinite(score) or not 0 <= score <= 1:
            problems.append(
                Problem(path, f"must be a number between 0 and 1, not {score!r}", number, "score")
            )
    return (None, problems) if problems else (row, [])


def _strangers(path: Path, number: int, label: HumanLabel, case: Case, held_out: Set[str]) -> list[Problem]:
    """What a label names that the case does not have."""
    problems = []
    known = [b.name for b in case.baselines]
    if label.baseline not in known:
        hint = f"the case has {', '.join(known)}"
        problems.append(
            Problem(path, f"{label.baseline!r} is not a baseline of the case; {hint}", number, "baseline")
        )
    elif label.baseline == case.judge_reference:
        problems.append(
            Problem(
                path,
                f"{label.baseline!r} is what the others are compared with; its own score is 0.5 by definition",
                number,
                "baseline",
            )
        )
    if held_out and label.id not in held_out:
        problems.append(Problem(path, f"{label.id!r} is not in the held-out set", number, "id"))
    return problems
