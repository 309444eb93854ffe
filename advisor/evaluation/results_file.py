"""Results as a file: written by `advisor export`, taken in by `advisor import`, shipped with the sample cases.

`results.jsonl` has a line per baseline and held-out item; only `baseline`, `id` and `score` are required::

    {"baseline": "few_shot", "id": "h1", "score": 1.0, "input_tokens": 412, "cached_input_tokens": 180,
     "output_tokens": 5, "latency_s": 0.21, "cost_usd": 0.00002, "answer": "delivery", ...}

What belongs to a baseline as a whole (its setting, its training) and to the recording (date, hardware, a hash of
the held-out set) stands beside it in `results.about.json`.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from advisor.cases.examples import HALF_A_CHARACTER, half_a_character
from advisor.cases.loading import LoadedCase, data_fingerprint
from advisor.cases.model_spec import ModelSpec
from advisor.cases.yaml_file import read_text
from advisor.errors import CaseError, Problem, first_of
from advisor.files import write_whole
from advisor.formatting import shortened
from advisor.records import Failure, ItemResult, ItemTable, Measured, Provenance, Usage
from advisor.scoring import is_judged, is_per_item
from advisor.version import __version__

RESULTS_FILE = "results.jsonl"
_FIELDS = (
    "baseline", "id", "score", "input_tokens", "cached_input_tokens", "output_tokens", "latency_s", "cost_usd",
    "answer", "scores", "compute_s", "retrieved", "failure", "repeat_scores", "finish_reason", "model_version",
)  # fmt: skip
_NUMBERS = (
    "score",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "latency_s",
    "cost_usd",
    "compute_s",
)


_MOST = 1e9
"""Of tokens, seconds and USD of one answer."""


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_SHAPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "answer": (_is_text, "text"),
    "finish_reason": (_is_text, "text"),
    "model_version": (_is_text, "text"),
    "scores": (
        lambda v: isinstance(v, dict) and all(map(_is_share, v.values())),
        "scores by the name of their metric, each between 0 and 1",
    ),
    "repeat_scores": (
        lambda v: (
            isinstance(v, dict) and all(isinstance(x, list) and all(map(_is_share, x)) for x in v.values())
        ),
        "lists of scores by the name of their metric, each between 0 and 1",
    ),
    "retrieved": (lambda v: isinstance(v, list) and all(map(_is_text, v)), "a list of names of passages"),
    "failure": (
        lambda v: _is_text(v) or (isinstance(v, dict) and {"error", "message"} <= set(v)),
        'text, or an object with "error" and "message"',
    ),
}
"""What further keys hold."""


@dataclass(frozen=True)
class Recording:
    """Where results come from, and what a reader should be warned of."""

    provenance: Provenance
    warnings: tuple[str, ...] = ()


def write_results(
    path: Path,
    loaded: LoadedCase,
    measured: Sequence[Measured],
    environment: Mapping[str, Any],
    started_at: datetime | None,
) -> None:
    """Writes results and what is about them; each file is there whole or not at all."""
    metric = score_name(loaded.case.quality.metric)
    lines = []
    for m in measured:
        for item in m.items:
            if is_judged(metric) and item.failure is None and metric not in item.scores:
                continue  # not judged: its score is unknown
            line = {
                "baseline": m.name,
                "id": item.id,
                "score": 0.0 if item.failure else item.scores.get(metric),
                "input_tokens": item.usage.input,
                "cached_input_tokens": item.usage.cached_input,
                "output_tokens": item.usage.output,
                "latency_s": _rounded(item.latency_s),
                "cost_usd": item.cost_usd,
                "answer": item.answer,
                "scores": {k: v for k, v in item.scores.items() if k != metric} or None,
                "compute_s": _rounded(item.compute_s),
                "retrieved": list(item.retrieved) if item.retrieved else None,
                "failure": item.failure.model_dump() if item.failure else None,
                "repeat_scores": {k: list(v) for k, v in item.repeat_scores.items()} or None,
                "finish_reason": item.finish_reason,
                "model_version": item.model_version,
            }
            lines.append(json.dumps({k: v for k, v in line.items() if v is not None}, ensure_ascii=False))
    about = {
        "recorded_at": started_at.strftime("%Y-%m-%d") if started_at else None,
        "advisor_version": __version__,
        "hardware": environment.get("hardware"),
        "software": environment.get("software", {}),
        "held_out_sha256": data_fingerprint(loaded.held_out),
        "models": {name: [m.provider, m.model] for name, m in loaded.case.models.items()},
        "baselines": {
            m.name: m.model_dump(mode="json", exclude={"items", "name"}, exclude_defaults=True)
            for m in measured
        },
    }
    write_whole(path, "\n".join(lines) + "\n")
    write_whole(about_path(path), json.dumps(about, indent=2, ensure_ascii=False) + "\n")


def score_name(metric: str) -> str:
    """The metric that a line's `score` is of: the case's, or accuracy where only a whole set has the case's."""
    return metric if is_per_item(metric) else "accuracy"


def about_path(results: Path) -> Path:
    """The file beside the results that says what they are about."""
    return results.with_suffix(".about.json")


def read_results(loaded: LoadedCase, path: Path) -> tuple[list[Measured], Recording]:
    """Results by baseline, in the order of the case, and where they come from.

    Raises:
        CaseError: With all problems of the file.
    """
    text, problems = read_text(path)
    if text is None:
        raise CaseError(problems)
    if text.strip() and text.lstrip()[0] not in "{[":
        why = (
            'is no JSON: each line must be an object such as {"baseline": "few_shot", "id": "h1", "score": 1}'
        )
        raise CaseError([Problem(path, why, 1)])
    known = {b.name for b in loaded.case.baselines}
    order = {e.id: n for n, e in enumerate(loaded.held_out)}
    found: dict[str, dict[str, ItemResult]] = defaultdict(dict)
    metric = score_name(loaded.case.quality.metric)
    for number, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        row, wrong = _row(path, number, raw)
        if row is None:
            problems += wrong
            continue
        baseline, item_id = str(row["baseline"]), str(row["id"])
        if metric != loaded.case.quality.metric and not row.get("failure") and row.get("answer") is None:
            why = f"is missing: {loaded.case.quality.metric} is computed from the answers of the whole set"
            problems.append(Problem(path, why, number, "answer"))
            continue
        if baseline not in known:
            hint = f"the case has {', '.join(sorted(known))}"
            problems.append(
                Problem(path, f"{baseline!r} is not a baseline of the case; {hint}", number, "baseline")
            )
        elif item_id not in order:
            problems.append(
                Problem(path, f"{shortened(item_id, 80)!r} is not in the held-out set", number, "id")
            )
        elif item_id in found[baseline]:
            problems.append(Problem(path, f"{item_id!r} stands there twice for {baseline!r}", number, "id"))
        else:
            try:
                found[baseline][item_id] = _item(row, metric)
            except ValidationError as error:
                wrong_key = str(error.errors()[0]["loc"][0])
                problems.append(
                    Problem(path, f"is not as expected: {error.errors()[0]['msg']}", number, wrong_key)
                )
    if not found and not problems:
        problems.append(Problem(path, "holds no result"))
    about, wrong = _about(path)
    problems += wrong
    if problems:
        raise CaseError(first_of(problems, path))
    measured, others = [], []
    for spec in loaded.case.baselines:
        if spec.name not in found:
            continue
        rows = sorted(found[spec.name].values(), key=lambda i: order[i.id])
        described = {**about.get("baselines", {}).get(spec.name, {})}
        if spec.model is not None and _is_another_model(
            loaded.case.models[spec.model], spec.model, about, described
        ):
            others.append(spec.name)
            continue
        described |= {
            "name": spec.name,
            "kind": spec.kind,
            "model": spec.model,
            "uses_retrieval": spec.uses_retrieval,
        }
        measured.append(Measured(items=ItemTable(rows), **described))
    recording = _recording(loaded, about)
    if others:
        warning = f"Results of {', '.join(others)} were recorded of another model than the case names now; left out."
        recording = replace(recording, warnings=(*recording.warnings, warning))
    return measured, recording


def _is_another_model(
    spec: ModelSpec, name: str, about: Mapping[str, Any], described: Mapping[str, Any]
) -> bool:
    """Whether results were recorded of another model than the case names now, as far as the recording says."""
    recorded = about.get("models", {}).get(name)
    if recorded is not None:
        return bool(list(recorded) != [spec.provider, spec.model])
    return described.get("provider") not in (None, spec.provider)


def _row(path: Path, number: int, raw: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    try:
        row = json.loads(raw)
    except RecursionError:
        return None, [Problem(path, "is nested too deeply", number)]
    except ValueError as error:
        return None, [Problem(path, f"is not valid JSON: {error}", number)]
    if not isinstance(row, dict):
        return None, [Problem(path, "must be a JSON object", number)]
    if half_a_character(raw, row):
        return None, [Problem(path, HALF_A_CHARACTER, number)]
    hint = f"is not a key of a result; there are {', '.join(_FIELDS)}"
    problems = [Problem(path, hint, number, shortened(k, 80)) for k in row if k not in _FIELDS]
    problems += [
        Problem(path, "is missing", number, k) for k in ("baseline", "id", "score") if row.get(k) is None
    ]
    for key in _NUMBERS:
        value = row.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            problems.append(Problem(path, f"must be a number, not {value!r}", number, key))
        elif value < 0 and key != "score":
            problems.append(Problem(path, "must not be negative", number, key))
        elif key == "score" and not 0 <= value <= 1:
            problems.append(Problem(path, f"must be between 0 and 1, not {value!r}", number, key))
        elif value > _MOST:
            problems.append(
                Problem(path, f"is more than can be believed ({_MOST:,.0f} at most)", number, key)
            )
    fresh, cached = row.get("input_tokens"), row.get("cached_input_tokens")
    if not problems and cached is not None and fresh is not None and cached > fresh:
        why = f"must not be more than input_tokens ({fresh:,}), of which they are a part"
        problems.append(Problem(path, why, number, "cached_input_tokens"))
    problems += [
        Problem(path, f"must be {kind}", number, key)
        for key, (fits, kind) in _SHAPES.items()
        if row.get(key) is not None and not fits(row[key])
    ]
    return (None, problems) if problems else (row, [])


def _item(row: dict[str, Any], metric: str) -> ItemResult:
    def tokens(key: str) -> int | None:
        return None if row.get(key) is None else round(row[key])

    failure = row.get("failure")
    if isinstance(failure, str):
        failure = {"error": "failed", "message": failure}
    return ItemResult(
        id=str(row["id"]),
        answer=row.get("answer"),
        scores={} if failure else {**(row.get("scores") or {}), metric: float(row["score"])},
        failure=Failure(**failure) if failure else None,
        usage=Usage(
            input=tokens("input_tokens"),
            cached_input=tokens("cached_input_tokens"),
            output=tokens("output_tokens"),
        ),
        latency_s=row.get("latency_s"),
        compute_s=row.get("compute_s"),
        cost_usd=row.get("cost_usd"),
        retrieved=tuple(row["retrieved"]) if row.get("retrieved") else None,
        repeat_scores=row.get("repeat_scores") or {},
        finish_reason=row.get("finish_reason"),
        model_version=row.get("model_version"),
    )


def _about(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    beside = about_path(path)
    if not beside.exists():
        return {}, []
    try:
        about = json.loads(beside.read_text(encoding="utf-8"))
        for described in about.get("baselines", {}).values():
            Measured(name="x", items=ItemTable(), **{"kind": "zero_shot", "model": None, **described})
    except (ValueError, AttributeError, TypeError, ValidationError) as error:
        return {}, [Problem(beside, f"is not what `advisor export` writes: {str(error).splitlines()[0]}")]
    return about, []


def _recording(loaded: LoadedCase, about: dict[str, Any]) -> Recording:
    warnings = []
    digest = about.get("held_out_sha256")
    if digest is not None and digest != data_fingerprint(loaded.held_out):
        warnings.append("The held-out set has changed since these results were recorded: run the case again.")
    provenance = Provenance(
        advisor_version=about.get("advisor_version", __version__),
        recorded_at=about.get("recorded_at"),
        hardware=about.get("hardware"),
        software=about.get("software", {}),
        source="recorded" if about else "imported",
    )
    return Recording(provenance, tuple(warnings))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else float(f"{seconds:.4g}")
