"""A case as the text of its `case.yaml`: the keys in the order, and with the comments, of `advisor init`."""

from __future__ import annotations

from typing import Any, get_args

from advisor.cases._yaml_text import block, flow, quoted
from advisor.cases.numbers import Part
from advisor.cases.schema import Aspect, Case, TaskKind

_HEAD = (
    "# The decision to take. Everything here can be changed; `advisor check .` says what is wrong and what a run "
    "would cost."
)


def case_yaml(case: Case) -> str:
    """The text of a case file; only what was said is written, and defaults are left to be."""
    task, quality = case.task, case.quality
    lines = [
        _HEAD,
        "schema_version: 1",
        f"name: {flow(case.name)}",
        f"title: {quoted(case.title)}",
        "",
        "use_case:",
        f"  description: {block(case.use_case.description, 2)}",
        f"  aspect: {case.use_case.aspect:<20} # what should improve: {' | '.join(get_args(Aspect))}",
        "",
        "task:",
        f"  kind: {task.kind:<22} # {' | '.join(get_args(TaskKind))}",
        f"  instructions: {block(task.instructions, 2)}",
    ]
    if task.labels is not None:
        short = f"  labels: {flow(list(task.labels))}"
        lines += [short] if len(short) <= 120 else ["  labels:", *(f"    - {flow(x)}" for x in task.labels)]
    if task.json_schema is not None:
        lines.append(f"  schema: {flow(task.json_schema)}")
    lines += [
        f"  max_output_tokens: {task.max_output_tokens:<9} # the longest answer",
        "",
        "quality:",
        f"  metric: {flow(quality.metric)}",
    ]
    if quality.bar is not None:
        lines.append(f"  bar: {flow(quality.bar):<23} # what is good enough")
    lines += [
        f"  min_gain: {flow(quality.min_gain):<18} # the smallest gain worth having",
        "",
        f"data: {flow(_said(case.data))}",
        "",
        "models:",
        *(f"  {flow(name)}: {flow(_said(model))}" for name, model in case.models.items()),
        "",
        "baselines:",
        *(f"  - {flow(_said(baseline))}" for baseline in case.baselines),
        "",
        _line(
            "traffic",
            case.traffic,
            "how often it is asked: {requests_per_month: 10000, horizon_months: 12}",
        ),
        _line(
            "value",
            case.value,
            "what a right and a wrong answer are worth: {correct_usd: 0.4, wrong_usd: -0.6}",
        ),
        _line(
            "effort",
            case.effort,
            "what people put in: {data_hours: 16, evaluation_hours: 8, hourly_rate_usd: 80}",
        ),
        _line("constraints", case.constraints, "what must hold: {latency_p95_s: 2.0, must_stay_local: true}"),
    ]
    about = "# your own words on one of the ten questions, by its id"
    if case.declared:
        lines += [f"declared:                   {about}"]
        lines += [f"  {flow(id)}: {block(text, 2)}" for id, text in case.declared.items()]
    else:
        lines.append(f"declared: {{}}                {about}")
    return "\n".join(lines) + "\n"


def _line(key: str, part: Part, about: str) -> str:
    """A part in one line; where nothing was said, with an example."""
    said = _said(part)
    return f"{key}: {flow(said)}" if said else f"{key + ': {}':<27} # {about}"


def _said(part: Part) -> dict[str, Any]:
    """What was said of a part, as plain values."""
    values: dict[str, Any] = part.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude_none=True
    )
    return values
