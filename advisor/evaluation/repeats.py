"""Asking each held-out item several times, where answers are sampled: what is asked, and the item that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.model_spec import IN_PROCESS
from advisor.records import ChatRequest, Completion, Failure, ItemResult, Usage

ONCE_NOTE = "each item is asked once: a model of this process gives the same answer to the same question"
PROBE_REPEAT = -1
"""The repeat number of latency probes, which are no answers: they never share a call with one."""


def answers_per_item(spec: BaselineSpec, provider: str | None) -> int:
    """How often each item is asked; once where asking again would give the same answer.

    Hosted models vary even at temperature 0, so they are asked as often as the case says.
    """
    return 1 if provider is None or (provider in IN_PROCESS and spec.temperature == 0) else spec.repeats


def repeated(requests: Sequence[ChatRequest], times: int) -> list[ChatRequest]:
    """All requests for the first time, then all for the second, and so on."""
    return [r.model_copy(update={"repeat": k}) if k else r for k in range(times) for r in requests]


def notes(spec: BaselineSpec, times: int) -> list[str]:
    """What a reader should know of how often a baseline was asked."""
    if times < spec.repeats:
        return [f"{spec.name}: {ONCE_NOTE}."]
    if times > 1 and spec.temperature == 0:
        return [
            f"{spec.name}: asked {times} times at temperature 0, so what varies between its answers is the "
            "provider's doing."
        ]
    return []


def version_of(answer: Completion) -> str | None:
    """What a hosted model said that it is; a model of this process does not change while it is measured."""
    if answer.compute_s is not None or answer.model_version is None:
        return None
    return f"{answer.model_version} ({answer.fingerprint or 'no fingerprint'})"


def joined(
    id_: str,
    answers: Sequence[Completion | Failure],
    scores: Sequence[Mapping[str, float]],
    costs: Sequence[float | None],
    *,
    retrieved: tuple[str, ...] | None,
    call_key: str,
) -> ItemResult:
    """One item's result from all of its answers.

    Tokens, cost and machine time are means of the answers that came, a failed answer scores 0, and the latency is the
    first answer's: percentiles over items are then percentiles of requests, which means would flatten.

    Args:
        id_: The held-out item.
        answers: All answers, at least one.
        scores: By metric, of each answer that came, in their order.
        costs: USD of each answer that came.
        retrieved: Documents that were shown.
        call_key: Of the first answer.
    """
    came = [a for a in answers if isinstance(a, Completion)]
    failures = tuple(a for a in answers if isinstance(a, Failure))
    if not came:
        # one that failed only for a while is asked again
        worst = next((f for f in failures if f.transient), failures[0])
        return ItemResult(id=id_, failure=worst, retrieved=retrieved, call_key=call_key)
    by_answer = iter(scores)
    rows = [next(by_answer) if isinstance(a, Completion) else {} for a in answers]
    by_metric = {name: tuple(row.get(name, 0.0) for row in rows) for name in scores[0]}
    first = came[0]
    return ItemResult(
        id=id_,
        answer=first.text,
        scores={name: fmean(values) for name, values in by_metric.items()},
        usage=_mean_usage([a.usage for a in came]),
        latency_s=first.latency_s,
        compute_s=_mean([a.compute_s for a in came]),
        cost_usd=_mean(costs),
        retrieved=retrieved,
        call_key=call_key,
        repeat_scores=by_metric if len(answers) > 1 else {},
        failed_repeats=failures,
        finish_reason=first.finish_reason,
        model_version=version_of(first),
    )


def is_complete(item: ItemResult) -> bool:
    """Whether no answer is missing that a later run could get."""
    if item.failure is not None:
        return not item.failure.transient
    return not any(f.transient for f in item.failed_repeats)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return fmean(known) if len(known) == len(values) else None


def _mean_usage(usages: Sequence[Usage]) -> Usage:
    def mean(values: Sequence[int | None]) -> int | None:
        value = _mean(values)
        return None if value is None else round(value)

    return Usage(
        input=mean([u.input for u in usages]),
        cached_input=mean([u.cached_input for u in usages]),
        output=mean([u.output for u in usages]),
        reasoning=mean([u.reasoning for u in usages]),
    )
