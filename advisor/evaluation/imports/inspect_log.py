"""Inspect's logs: `.eval`, a zip of JSON files, and `.json`. A log is one task asked of one model.

Scores are numbers, or C, P, I, N (right 1, in part 0.5, wrong 0, no answer 0). Tokens are the sum of those at full
rate, those read from a cache and those written to one. A sample that failed has an `error` and counts as a failure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from advisor.errors import CaseError, Problem
from advisor.evaluation.imports._formats import ZIP_MAGIC, read_bytes, read_document
from advisor.evaluation.imports._rows import Row, Source, as_text, mapping, number, texts, tokens
from advisor.evaluation.imports._zip import ZstdMissingError, members
from advisor.records import Failure, Usage

_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_ATTACHED = "attachment://"


def read_inspect(path: Path, scorer: str | None = None) -> Source:
    """The results of a log.

    Args:
        path: The log.
        scorer: Whose scores count; needed where there are several. `NAME.KEY` of one that gives several values.

    Raises:
        CaseError: It is no log, or cannot be unpacked here.
    """
    header, samples = _content(path)
    about = mapping(header.get("eval"))
    if not about:
        raise CaseError([Problem(path, "is no log of Inspect", key="eval")])
    scorers = _scorers(header, samples)
    if scorer is None and len(scorers) > 1:
        raise CaseError(
            [Problem(path, f"has several scorers; choose one with --scorer: {', '.join(scorers)}")]
        )
    chosen = scorer or (scorers[0] if scorers else "")
    if scorer is not None and scorer not in scorers and scorer.partition(".")[0] not in scorers:
        raise CaseError(
            [Problem(path, f"has no scorer {scorer!r}; there are: {', '.join(scorers) or 'none'}")]
        )
    model = str(about.get("model", ""))
    names = texts(
        f"{about.get('task')}|{model}",
        mapping(header.get("metadata")).get("baseline"),
        mapping(about.get("metadata")).get("baseline"),
        *(about.get("tags") or ()),
        about.get("task"),
        model,
        model.rpartition("/")[2],
        path.stem,
    )
    rows, problems, several = [], [], 0
    for sample in samples:
        row, wrong, calls = _row(sample, names, model, chosen)
        several += calls > 1
        if row is None:
            problems.append(Problem(path, wrong))
        else:
            rows.append(row)
    notes = [f"model {model}, task {about.get('task')}, scorer {chosen or 'none'}."]
    if several:
        notes.append(
            f"{several} samples called the model several times: their latency is Inspect's working time, which "
            "holds tools and scoring too."
        )
    if header.get("status") not in (None, "success"):
        notes.append(f"the evaluation did not end well: {header.get('status')}.")
    version = mapping(about.get("packages")).get("inspect_ai")
    created = about.get("created")
    return Source(
        "inspect_ai",
        version if isinstance(version, str) else None,
        created[:10] if isinstance(created, str) else None,
        tuple(rows),
        tuple(problems),
        tuple(notes),
    )


def _content(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(what the log says of itself, its samples)."""
    if not read_bytes(path).startswith(ZIP_MAGIC):
        document = read_document(path)
        samples = document.get("samples") or []
        return document, [s for s in samples if isinstance(s, dict)]
    try:
        files = {name: json.loads(data) for name, data in members(path, _wanted)}
    except ZstdMissingError as error:
        raise CaseError(
            [
                Problem(
                    path,
                    "is compressed in a way that cannot be read here; convert it with: inspect log convert "
                    f"{path.name} --to json --output-dir json",
                )
            ]
        ) from error
    except (ValueError, OSError, EOFError) as error:
        raise CaseError([Problem(path, f"is damaged: {error}")]) from error
    header = files.get("header.json") or files.get("_journal/start.json")
    if not isinstance(header, dict):
        raise CaseError([Problem(path, "is no log of Inspect: it has no header.json")])
    return header, [s for name, s in files.items() if name.startswith("samples/") and isinstance(s, dict)]


def _wanted(name: str) -> bool:
    return name in ("header.json", "_journal/start.json") or (
        name.startswith("samples/") and name.endswith(".json")
    )


def _scorers(header: dict[str, Any], samples: list[dict[str, Any]]) -> list[str]:
    """Names of the scores that samples have."""
    said = [s.get("name") for s in mapping(header.get("results")).get("scores") or () if isinstance(s, dict)]
    there = {name: None for s in samples for name in mapping(s.get("scores"))}
    return list(there) or [str(name) for name in dict.fromkeys(said) if name]


def _row(
    sample: dict[str, Any], names: tuple[str, ...], model: str, scorer: str
) -> tuple[Row | None, str, int]:
    """(the row, else what is wrong; calls of the model)."""
    attached = mapping(sample.get("attachments"))
    where = f"sample {sample.get('id')!r}, epoch {sample.get('epoch', 1)}"
    asked = sample.get("input")
    if isinstance(asked, list):  # chat messages: the last question, and all of them as the case joins them
        contents = [_resolved(_text(mapping(m).get("content")), attached) for m in asked]
        questions = [contents[-1] if contents else "", "\n".join(contents)]
    else:
        questions = [_resolved(asked if isinstance(asked, str) else "", attached)]
    common: dict[str, Any] = {
        "where": where,
        "names": names,
        "ids": texts(sample.get("id"), mapping(sample.get("metadata")).get("id")),
        "texts": texts(*questions),
    }
    error = mapping(sample.get("error"))
    if error:
        message = str(error.get("message") or "The sample failed.")[:500]
        return Row(failure=Failure(error="inspect", message=message), **common), "", 0
    scores = {name: _value(mapping(s).get("value")) for name, s in mapping(sample.get("scores")).items()}
    name, _, key = scorer.partition(".")
    score = scores.get(scorer)
    if scorer not in scores and key:
        value = mapping(mapping(mapping(sample.get("scores")).get(name)).get("value")).get(key)
        score = _value(value)
    if score is None or not 0 <= score <= 1:
        given = mapping(mapping(sample.get("scores")).get(scorer)).get("value")
        return None, f"{where}: has no score between 0 and 1 by {scorer!r}, but {given!r}", 0
    calls = sum(
        mapping(m).get("role") == "assistant" and mapping(m).get("source") != "input"
        for m in sample.get("messages") or ()
    )
    output = mapping(sample.get("output"))
    usages = mapping(sample.get("model_usage"))
    usage = mapping(output.get("usage")) if calls <= 1 else mapping(usages.get(model))
    return (
        Row(
            score=score,
            scores={n: v for n, v in scores.items() if v is not None and n != scorer},
            answer=_resolved(_answer(output) or "", attached),
            usage=_usage(usage),
            latency_s=number(output.get("time")) if calls <= 1 else number(sample.get("working_time")),
            cost_usd=number(usage.get("total_cost")),
            **common,
        ),
        "",
        calls,
    )


def _value(value: Any) -> float | None:
    """A score as a number; None for one that is none."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        grade = _GRADES.get(value, _GRADES.get(value.lower()))
        if grade is not None:
            return grade
        try:
            value = float(value)
        except ValueError:
            return None
    return number(value)


def _usage(found: dict[str, Any]) -> Usage:
    """Tokens; Inspect's input leaves out what was read from a cache or written to one."""
    fresh = tokens(found.get("input_tokens"))
    read, written = (
        tokens(found.get("input_tokens_cache_read")),
        tokens(found.get("input_tokens_cache_write")),
    )
    if fresh is None:
        return Usage()
    return Usage(
        input=fresh + (read or 0) + (written or 0),
        cached_input=read,
        output=tokens(found.get("output_tokens")),
        reasoning=tokens(found.get("reasoning_tokens")),
    )


def _answer(output: dict[str, Any]) -> str | None:
    """The completion; older logs have it only inside the first choice."""
    if isinstance(output.get("completion"), str):
        return str(output["completion"])
    choices = output.get("choices") or []
    return _text(mapping(mapping(choices[0]).get("message")).get("content")) if choices else None


def _text(content: Any) -> str:
    """A message's text: content is a text, or a list of parts."""
    if isinstance(content, list):
        return "\n".join(_parts(content))
    return as_text(content) or ""


def _parts(content: list[Any]) -> Iterator[str]:
    for part in content:
        found = mapping(part).get("text")
        if isinstance(found, str):
            yield found


def _resolved(text: str, attached: dict[str, Any]) -> str:
    """A text that stands among the sample's attachments, where it is long."""
    found = attached.get(text.removeprefix(_ATTACHED)) if text.startswith(_ATTACHED) else None
    return found if isinstance(found, str) else text
