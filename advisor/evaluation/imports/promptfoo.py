"""What `promptfoo eval -o out.json` writes, of version 3 of its results and the older ones of the same form.

A result is one test under one prompt and one provider. `score` is 0 to 1. `failureReason` 2 is an error of the call, 1
a test that was not passed. `prompt` tokens hold the cached ones; what promptfoo took from its own cache was not asked
of the provider, so it tells neither latency nor cost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.errors import CaseError, Problem
from advisor.evaluation.imports._formats import read_document
from advisor.evaluation.imports._rows import Row, Source, as_text, mapping, number, texts, tokens
from advisor.records import Failure, Usage

_ERROR = 2


def read_promptfoo(path: Path) -> Source:
    """The results of a file.

    Raises:
        CaseError: It is not promptfoo's.
    """
    document = read_document(path)
    summary = document.get("results")
    listed = summary.get("results") if isinstance(summary, dict) else summary
    if not isinstance(listed, list):
        raise CaseError([Problem(path, "is not what `promptfoo eval -o out.json` writes", key="results")])
    about = mapping(document.get("metadata"))
    day = mapping(summary).get("timestamp") or about.get("evaluationCreatedAt") or document.get("createdAt")
    rows, problems = [], []
    cached = 0
    for number_, result in enumerate(listed):
        where = f"result {number_ + 1}"
        if not isinstance(result, dict):
            problems.append(Problem(path, f"{where}: must be a JSON object"))
            continue
        found, wrong = _row(where, result)
        cached += bool(mapping(result.get("response")).get("cached"))
        if found is None:
            problems.append(Problem(path, wrong))
        else:
            rows.append(found)
    notes = []
    if cached:
        notes.append(
            f"{cached} answers of the file came from promptfoo's cache; they have no latency, tokens or cost."
        )
    version = about.get("promptfooVersion")
    return Source(
        "promptfoo",
        version if isinstance(version, str) else None,
        str(day)[:10] if isinstance(day, str) else None,
        tuple(rows),
        tuple(problems),
        tuple(notes),
    )


def _row(where: str, result: dict[str, Any]) -> tuple[Row | None, str]:
    """(the row, else what is wrong)."""
    test = mapping(result.get("testCase"))
    variables = mapping(result.get("vars")) or mapping(test.get("vars"))
    response = mapping(result.get("response"))
    prompt = mapping(result.get("prompt"))
    description = test.get("description") or result.get("description")
    position = result.get("testIdx")
    where += f" (test {position + 1})" if isinstance(position, int) else ""
    names = _names(result.get("provider"), prompt)
    common: dict[str, Any] = {
        "where": where,
        "names": names,
        "ids": texts(
            mapping(test.get("metadata")).get("id"),
            mapping(result.get("metadata")).get("id"),
            variables.get("id"),
            description,
        ),
        "texts": texts(*variables.values(), prompt.get("raw")),
    }
    if not names:
        return None, f"{where}: names no provider"
    output = response.get("output")
    error = response.get("error") or result.get("error")
    never_answered = result.get("failureReason") is None and output is None and bool(error)
    if result.get("failureReason") == _ERROR or never_answered:
        failure = Failure(error="promptfoo", message=str(error or "The call failed.")[:500])
        return Row(failure=failure, **common), ""
    score = number(result.get("score"))
    if score is None and isinstance(result.get("success"), bool):
        score = float(result["success"])
    if score is None or not 0 <= score <= 1:
        return None, f"{where}: its score must be between 0 and 1, not {result.get('score')!r}"
    fresh = not response.get("cached")
    latency_ms = number(result.get("latencyMs"))
    named = {k: v for k, n in mapping(result.get("namedScores")).items() if (v := number(n)) is not None}
    return Row(
        score=score,
        scores=named,
        answer=as_text(output),
        usage=_usage(mapping(response.get("tokenUsage"))) if fresh else Usage(),
        latency_s=latency_ms / 1000 if fresh and latency_ms is not None else None,
        cost_usd=number(response.get("cost")) if fresh else None,
        **common,
    ), ""


def _names(provider: Any, prompt: dict[str, Any]) -> tuple[str, ...]:
    """By label and id of the provider, and label of the prompt; both together first."""
    asked = mapping(provider)
    providers = texts(asked.get("label"), asked.get("id")) if asked else texts(provider)
    prompts = texts(prompt.get("label"), prompt.get("display"), prompt.get("id"))
    return (*(f"{a}|{b}" for a in providers for b in prompts), *providers, *prompts) if providers else ()


def _usage(found: dict[str, Any]) -> Usage:
    """Tokens of one call; a prompt without any was not counted."""
    prompt = tokens(found.get("prompt"))
    if not prompt:
        return Usage()
    details = mapping(found.get("completionDetails"))
    cached = tokens(details.get("cacheReadInputTokens"))
    return Usage(
        input=prompt,
        cached_input=None if cached is None else min(cached, prompt),
        output=tokens(found.get("completion")),
        reasoning=tokens(details.get("reasoning")),
    )
