"""What a table looks like: which columns are what, which task it is, what to measure; each with its reason.

They are rules of thumb over names and values, and are meant to be confirmed by whoever knows the data.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import JsonValue

from advisor.cases.baseline_spec import BaselineSpec, TuningSpec
from advisor.cases.model_spec import ModelSpec, Serving
from advisor.cases.schema import TaskKind
from advisor.cases.upload import Table, text_of

_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "input": (
            "input", "text", "message", "question", "prompt", "query", "body", "request", "email", "mail",
            "comment", "review", "sentence", "source", "utterance", "description", "content", "subject",
        ),
        "output": (
            "output", "expected", "expected_output", "label", "category", "class", "intent", "answer", "target",
            "completion", "response", "reply", "queue", "team", "topic", "sentiment", "result", "json", "gold",
            "tag", "route", "summary", "department",
        ),
        "id": ("id", "number", "no", "nr", "key", "ticket", "ticket_id", "case_id", "row_id", "uuid", "reference"),
        "group": (
            "group", "customer", "customer_id", "user", "user_id", "account", "client", "company", "document", "thread",
            "thread_id", "conversation", "conversation_id", "author", "patient",
        ),
        "split": ("split", "set", "subset", "fold", "partition"),
    }
)  # fmt: skip
HELD_OUT_WORDS = (
    "held_out",
    "held-out",
    "held out",
    "heldout",
    "holdout",
    "hold-out",
    "test",
    "eval",
    "evaluation",
)
MAX_LABELS = 60
FEW_HELD_OUT, FEW_TRAINING = 100, 50


@dataclass(frozen=True)
class Suggestion:
    """What a table seems to be. `reasons` says by key (a field's name) why."""

    input: str | None
    output: str | None
    id: str | None
    group: str | None
    split: str | None
    kind: TaskKind
    reasons: Mapping[str, str]


def suggest(table: Table) -> Suggestion:
    """Guesses what the columns are, by their names first and by their values where names say nothing."""
    reasons: dict[str, str] = {}
    found: dict[str, str | None] = {}
    taken: set[str] = set()
    for role in ("split", "id", "input", "output", "group"):
        by_name = _by_name(table, role, taken)
        found[role] = by_name
        if by_name is not None:
            reasons[role] = "by its name"
            taken.add(by_name)
    free = [c for c in table.columns if c not in taken]
    if found["input"] is None and free:
        longest = max(free, key=lambda c: _mean_length(table, c))
        found["input"], reasons["input"] = longest, "its texts are the longest"
        free.remove(longest)
    if found["output"] is None and free:
        found["output"] = free[-1]
        reasons["output"] = "it is the last column that is nothing else"
    kind: TaskKind = "generation"
    if found["output"] is not None:
        kind, reasons["kind"] = suggest_kind(table.column(found["output"]))
    return Suggestion(
        found["input"], found["output"], found["id"], found["group"], found["split"], kind, reasons
    )


def suggest_kind(outputs: Sequence[JsonValue]) -> tuple[TaskKind, str]:
    """The kind of task that expected outputs suggest, and why."""
    given = [o for o in outputs if o is not None]
    if not given:
        return "generation", "the column is empty"
    if all(_is_json(o) for o in given):
        return "extraction", "every expected output is a JSON object or list"
    texts = [text_of(o).strip() for o in given]
    different = len(set(texts))
    if 2 <= different <= min(MAX_LABELS, max(2, len(texts) // 3)) and max(map(len, texts)) <= 60:
        return "classification", f"there are only {different} different outputs in {len(texts):,} rows"
    words = statistics.mean(len(t.split()) for t in texts)
    if words <= 12:
        return "question_answering", f"outputs are short (about {words:.0f} words) and mostly different"
    return "generation", f"outputs are long (about {words:.0f} words)"


def suggest_metric(kind: TaskKind, outputs: Sequence[JsonValue] = ()) -> str:
    """The metric that a kind of task is usually judged by."""
    if kind == "extraction":
        lists = bool(outputs) and all(
            isinstance(o, list) and all(isinstance(x, str) for x in o) for o in outputs
        )
        return "set_f1" if lists else "json_field_f1"
    return {"classification": "accuracy", "question_answering": "token_f1", "generation": "rouge_l"}[kind]


def suggest_held_out_values(table: Table, column: str) -> tuple[str, ...]:
    """The values of a split column that mean "held out"; none where no value says so."""
    values = dict.fromkeys(text_of(v).strip() for v in table.column(column) if v is not None)
    return tuple(v for v in values if v.lower() in HELD_OUT_WORDS)


def default_models() -> dict[str, ModelSpec]:
    """The model that comes with the advisor: small, and nothing leaves the machine."""
    serving = Serving(usd_per_hour=0.05, always_on=True)
    return {"small": ModelSpec(provider="embedded", model="smollm2-135m", serving=serving)}


def default_baselines(
    kind: TaskKind, *, documents: bool, model: str = "small", tuning: TuningSpec | None = None
) -> tuple[BaselineSpec, ...]:
    """The alternatives worth measuring: retrieval only with documents, a classifier only for labels."""
    tuning = tuning or TuningSpec(system="trl")
    found = [
        BaselineSpec(name="zero_shot", kind="zero_shot", model=model),
        BaselineSpec(name="few_shot", kind="few_shot", model=model, examples=(1, 3), selection="nearest"),
    ]
    if documents:
        found.append(BaselineSpec(name="rag", kind="rag", model=model, passages=(2, 4)))
    found.append(BaselineSpec(name="fine_tuned", kind="fine_tuned", model=model, tuning=tuning))
    if documents:
        found.append(
            BaselineSpec(name="fine_tuned_rag", kind="fine_tuned", model=model, tuning=tuning, retrieval=True)
        )
    if kind == "classification":
        found.append(BaselineSpec(name="classifier", kind="classifier"))
    return tuple(found)


def default_output_tokens(kind: TaskKind, outputs: Sequence[JsonValue]) -> int:
    """Room for the longest expected output, twice over, in steps that a reader recognises."""
    longest = max((len(text_of(o)) for o in outputs), default=0)
    needed = 2 * longest / 3  # of three characters a token, which most languages stay above
    return next((n for n in (32, 64, 128, 256, 512, 1024, 2048) if n >= needed), 4096)


def size_notes(n_train: int, n_held_out: int) -> list[str]:
    """What too few examples mean, where they are few."""
    notes = []
    if n_held_out < FEW_HELD_OUT:
        notes.append(
            f"{n_held_out} held-out examples show large differences only; with {FEW_HELD_OUT} or more, smaller ones."
        )
    if n_train < FEW_TRAINING:
        notes.append(
            f"{n_train} training examples are few: tuning seldom has an effect below {FEW_TRAINING} to 100."
        )
    return notes


def infer_schema(values: Sequence[JsonValue]) -> dict[str, JsonValue]:
    """A JSON Schema that all values fit: their keys, and the types that occur. Keys that always occur are required."""
    kinds = dict.fromkeys(_type(v) for v in values)
    if set(kinds) >= {"integer", "number"}:
        kinds.pop("integer")
    names = [k for k in kinds if k != "null"] + (["null"] if "null" in kinds else [])
    schema: dict[str, JsonValue] = {"type": names[0] if len(names) == 1 else list(names)} if names else {}
    objects = [v for v in values if isinstance(v, dict)]
    if objects:
        keys = list(dict.fromkeys(k for v in objects for k in v))
        schema["additionalProperties"] = False
        schema["required"] = [k for k in keys if all(k in v for v in objects)]
        schema["properties"] = {k: infer_schema([v[k] for v in objects if k in v]) for k in keys}
    items = [x for v in values if isinstance(v, list) for x in v]
    if items:
        schema["items"] = infer_schema(items)
    return schema


def _type(value: JsonValue) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"


def _is_json(value: JsonValue) -> bool:
    if isinstance(value, dict | list):
        return True
    if not isinstance(value, str) or value.strip()[:1] not in ("{", "["):
        return False
    try:
        return isinstance(json.loads(value), dict | list)
    except (ValueError, RecursionError):
        return False


def _by_name(table: Table, role: str, taken: set[str]) -> str | None:
    names = {
        c.strip().lower().replace(" ", "_").replace("-", "_"): c for c in table.columns if c not in taken
    }
    for wanted in _NAMES[role]:
        if wanted not in names:
            continue
        column = names[wanted]
        values = [v for v in table.column(column) if v is not None]
        if role == "id" and len({text_of(v) for v in values}) < len(table.rows):
            continue  # something that occurs twice, or is missing, names no row
        return column
    return None


def _mean_length(table: Table, column: str) -> float:
    return statistics.mean(len(text_of(v)) for v in table.column(column)[:2_000])
