"""What a provider would refuse in a training file, and what it would train on to little use.

Format errors have the names that OpenAI's cookbook gives them ("Data preparation and analysis for chat model
fine-tuning"). What a message may hold follows the chat API's contract. Everything wrong is told at once: a
fault in one line hides no fault of another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from advisor.formatting import shortened
from advisor.records import Record
from advisor.tuning.base import Finding
from advisor.tuning.training_estimate import (
    TOKEN_LIMIT,
    CountTokens,
    assistant_tokens,
    example_tokens,
    token_counter,
)
from advisor.tuning.training_file import TrainingFile, TrainingLine, TrainingSource, as_training_file

HostedSystem = Literal["openai", "azure_openai"]

MIN_EXAMPLES = 10
USEFUL_EXAMPLES = 50
LISTED_LINES = 10
LISTED_DETAILS = 5

_PROVIDERS: Mapping[HostedSystem, str] = {"openai": "OpenAI", "azure_openai": "Azure OpenAI"}
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_MESSAGE_KEYS = (
    "role", "content", "name", "function_call", "weight", "tool_calls", "tool_call_id", "refusal",
)  # fmt: skip
_TOP_LEVEL_KEYS = ("messages", "tools", "functions", "parallel_tool_calls")
_INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "refusal")


class Distribution(Record):
    """How a figure is spread over the examples; quantiles are interpolated linearly."""

    min: float
    max: float
    mean: float
    median: float
    p10: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Distribution | None:
        """The distribution of some values; None where there are none."""
        if not values:
            return None
        ordered = sorted(values)
        return cls(
            min=ordered[0],
            max=ordered[-1],
            mean=sum(ordered) / len(ordered),
            median=_quantile(ordered, 0.5),
            p10=_quantile(ordered, 0.1),
            p90=_quantile(ordered, 0.9),
        )


class CheckReport(Record):
    """What a check found; the distributions are over the examples whose messages can be read."""

    n_examples: int
    """Lines that are not blank, good or bad."""
    findings: tuple[Finding, ...]
    """Errors first."""
    n_messages: Distribution | None
    total_tokens: Distribution | None
    """Tokens of an example, not cut at the limit."""
    assistant_tokens: Distribution | None
    n_over_limit: int
    token_limit: int

    @property
    def ok(self) -> bool:
        """Whether nothing was found for which the file would be refused."""
        return all(f.severity != "error" for f in self.findings)


class _Rule(NamedTuple):
    severity: Literal["error", "warning"]
    what: str
    todo: str


# In the order in which they are told.
_RULES: Mapping[str, _Rule] = {
    "invalid_json": _Rule("error", "The line is not JSON", "Write one JSON object a line, in UTF-8."),
    "data_type": _Rule(
        "error",
        "The line, or a message in it, is not a JSON object",
        'Give each line the form {"messages": [{"role": …, "content": …}, …]}.',
    ),
    "missing_messages_list": _Rule(
        "error", "There is no list `messages`, or it is empty", "Put the conversation into `messages`."
    ),
    "message_missing_key": _Rule("error", "A message lacks a key", "Give each message `role` and `content`."),
    "message_unrecognized_key": _Rule(
        "error", "A message has a key that is not known", f"Remove it; known are {', '.join(_MESSAGE_KEYS)}."
    ),
    "unrecognized_role": _Rule(
        "error", "A message has a role that is not known", f"Use one of {', '.join(_ROLES)}."
    ),
    "missing_content": _Rule(
        "error",
        "A message has no content, or one of a wrong kind",
        "Content is a text that is not empty; or parts: texts, in user messages also images; "
        "or null beside a function call, tool calls or a refusal.",
    ),
    "invalid_weight": _Rule(
        "error",
        "A `weight` is not 0 or 1, or stands on a message that is not the assistant's",
        "Write the number 0 or 1, on assistant messages only, or leave it out.",
    ),
    "missing_tool_call_id": _Rule(
        "error", "A tool message has no `tool_call_id`", "Name the call that it answers."
    ),
    "unknown_tool_call_id": _Rule(
        "error",
        "A tool message answers a call that was not made before it",
        "Use the id of an earlier tool call of the same example.",
    ),
    "unanswered_tool_call": _Rule(
        "error",
        "The conversation goes on without an answer to a tool call",
        "Put a tool message with its id right after the call, or end the example with the call.",
    ),
    "example_missing_assistant_message": _Rule(
        "error", "There is no assistant message", "Add the answer to learn, or remove the example."
    ),
    "blank_line": _Rule("warning", "The line is blank", "Remove it; some readers refuse it."),
    "unrecognized_top_level_key": _Rule(
        "warning",
        "The line has a key that is not known",
        f"Remove it; known are {', '.join(_TOP_LEVEL_KEYS)}.",
    ),
    "nothing_to_learn": _Rule(
        "warning",
        "All assistant messages have weight 0, so nothing is learnt",
        "Give one of them weight 1, or remove the example.",
    ),
    "example_ends_without_assistant": _Rule(
        "warning",
        "The last message is not the assistant's, so what comes after its last answer teaches nothing",
        "End the example with the answer to learn.",
    ),
    "no_system_message": _Rule(
        "warning",
        "There is no system message",
        "Put the instructions there that the model will get in use; the two should be equal.",
    ),
    "no_user_message": _Rule("warning", "There is no user message", "Add what the assistant answers."),
    "over_token_limit": _Rule(
        "warning", "The example is over the token limit and will be cut", "Shorten or split it."
    ),
    "duplicate_example": _Rule(
        "warning",
        "The example stands in the file already",
        "Remove it, unless it is meant to count twice.",
    ),
}


@dataclass
class _Found:
    """Where a fault was found, and in which forms."""

    lines: list[int] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def add(self, line: int, detail: str) -> None:
        if not self.lines or self.lines[-1] != line:
            self.lines.append(line)
        if detail and len(self.details) <= LISTED_DETAILS and detail not in self.details:
            self.details.append(detail)


_Fault = tuple[str, str]
"""(code, detail)"""


def check_training_file(
    source: TrainingSource,
    *,
    model: str,
    system: HostedSystem,
    token_limit: int = TOKEN_LIMIT,
    count: CountTokens | None = None,
) -> CheckReport:
    """Checks a training file as the provider would, and counts its tokens.

    Args:
        source: A training file, or the examples that one is written from.
        model: The base model, for its tokens.
        system: Where the file would be uploaded.
        token_limit: Tokens of an example that are trained on.
        count: Counts a text's tokens; by default as the model does.

    Raises:
        TuningError: The file cannot be read at all.
    """
    file = as_training_file(source)
    count = count or token_counter(model)
    readable = [line for line in file.lines if line.messages]
    totals = [example_tokens(line.messages, model, count=count) for line in readable]
    over = [line.number for line, n in zip(readable, totals, strict=True) if n > token_limit]

    faults = [(line.number, fault) for line in file.lines for fault in _line_faults(line)]
    faults += [(number, ("blank_line", "")) for number in file.blank_lines]
    faults += [(number, ("duplicate_example", "")) for number in _duplicates(file)]
    faults += [(number, ("over_token_limit", f"{token_limit:,} tokens")) for number in over]
    found: dict[str, _Found] = {}
    for number, (code, detail) in faults:
        found.setdefault(code, _Found()).add(number, detail)
    findings = [_finding(code, found[code]) for code in _RULES if code in found]
    findings += _file_findings(file, system)
    return CheckReport(
        n_examples=len(file.lines),
        findings=tuple(sorted(findings, key=lambda f: f.severity != "error")),
        n_messages=Distribution.of([len(line.messages) for line in readable]),
        total_tokens=Distribution.of(totals),
        assistant_tokens=Distribution.of(
            [assistant_tokens(line.messages, model, count=count) for line in readable]
        ),
        n_over_limit=len(over),
        token_limit=token_limit,
    )


def _line_faults(line: TrainingLine) -> Iterator[_Fault]:
    if line.problem is not None:
        yield "invalid_json", line.problem
        return
    if not isinstance(line.value, dict):
        yield "data_type", ""
        return
    for key in line.value:
        if key not in _TOP_LEVEL_KEYS:
            yield "unrecognized_top_level_key", _quoted(key)
    messages = line.value.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "missing_messages_list", ""
        return
    if len(line.messages) < len(messages):
        yield "data_type", ""
    for message in line.messages:
        yield from _message_faults(message)
    yield from _tool_faults(line.messages)
    if line.messages:
        yield from _conversation_faults(line.messages)


def _message_faults(message: Mapping[str, object]) -> Iterator[_Fault]:
    role = message.get("role")
    if "role" not in message:
        yield "message_missing_key", "role"
    elif role not in _ROLES:
        yield "unrecognized_role", _quoted(role)
    for key in message:
        if key not in _MESSAGE_KEYS:
            yield "message_unrecognized_key", _quoted(key)
    # the chat API lets the key itself be absent where a call stands in its place
    replaced = role == "assistant" and any(message.get(key) for key in _INSTEAD_OF_CONTENT)
    if "content" not in message:
        if not replaced:
            yield "message_missing_key", "content"
    elif not _is_content(message["content"], role) and not (replaced and message["content"] in (None, "")):
        yield "missing_content", ""
    if "weight" in message:
        weight = message["weight"]
        # `True == 1`, but it is no weight
        if role != "assistant" or type(weight) is not int or weight not in (0, 1):
            yield "invalid_weight", _quoted(weight)


def _is_content(content: object, role: object) -> bool:
    if isinstance(content, list):
        return bool(content) and all(_is_part(part, role) for part in content)
    return isinstance(content, str) and content != ""


def _is_part(part: object, role: object) -> bool:
    if not isinstance(part, dict):
        return False
    kind = part.get("type")
    if kind == "text" or (kind == "refusal" and role == "assistant"):
        return isinstance(part.get(kind), str)
    return role == "user" and isinstance(kind, str) and kind in part


def _tool_faults(messages: Sequence[Mapping[str, object]]) -> Iterator[_Fault]:
    known: set[str] = set()
    waiting: list[str] = []
    for message in messages:
        if message.get("role") == "tool":
            answered = message.get("tool_call_id")
            if not isinstance(answered, str) or not answered:
                yield "missing_tool_call_id", ""
            elif answered not in known:
                yield "unknown_tool_call_id", _quoted(answered)
            waiting = [call for call in waiting if call != answered]
            continue
        for call in waiting:
            yield "unanswered_tool_call", _quoted(call)
        waiting = _call_ids(message)
        known.update(waiting)


def _call_ids(message: Mapping[str, object]) -> list[str]:
    calls = message.get("tool_calls")
    if message.get("role") != "assistant" or not isinstance(calls, list):
        return []
    return [call["id"] for call in calls if isinstance(call, dict) and isinstance(call.get("id"), str)]


def _conversation_faults(messages: Sequence[Mapping[str, object]]) -> Iterator[_Fault]:
    roles = [message.get("role") for message in messages]
    answers = [message for message in messages if message.get("role") == "assistant"]
    if "system" not in roles and "developer" not in roles:
        yield "no_system_message", ""
    if "user" not in roles:
        yield "no_user_message", ""
    if not answers:
        yield "example_missing_assistant_message", ""
        return
    if roles[-1] != "assistant":
        yield "example_ends_without_assistant", ""
    if all(type(weight := a.get("weight")) is int and weight == 0 for a in answers):
        yield "nothing_to_learn", ""


def _duplicates(file: TrainingFile) -> list[int]:
    """Lines with a value that an earlier line has."""
    seen: set[str] = set()
    lines = []
    for line in file.lines:
        if line.problem is not None:
            continue
        canonical = json.dumps(line.value, sort_keys=True)
        if canonical in seen:
            lines.append(line.number)
        seen.add(canonical)
    return lines


def _file_findings(file: TrainingFile, system: HostedSystem) -> Iterator[Finding]:
    n = len(file.lines)
    if n < MIN_EXAMPLES:
        yield Finding(
            severity="error",
            code="too_few_examples",
            text=f"{_PROVIDERS[system]} refuses files of fewer than {MIN_EXAMPLES} examples; this has {n}. "
            f"Add at least {MIN_EXAMPLES - n}; gains are usual from 50–100 on.",
        )
    elif n < USEFUL_EXAMPLES:
        yield Finding(
            severity="warning",
            code="few_examples",
            text=f"There are {n} examples; gains are usual from 50–100 on. "
            f"Collect at least {USEFUL_EXAMPLES - n} more.",
        )
    if file.has_bom and system == "openai":  # Azure's guide asks for one
        yield Finding(
            severity="warning",
            code="byte_order_mark",
            text="The file begins with a byte order mark. Save it as UTF-8 without one; some readers refuse it.",
            lines=(1,),
        )


def _finding(code: str, found: _Found) -> Finding:
    rule = _RULES[code]
    details = ", ".join(found.details[:LISTED_DETAILS])
    if len(found.details) > LISTED_DETAILS:
        details += ", …"
    what = f"{rule.what} ({details})" if details else rule.what
    return Finding(
        severity=rule.severity,
        code=code,
        text=f"{what}: {_where(found.lines)}. {rule.todo}",
        lines=tuple(found.lines),
    )


def _where(lines: Sequence[int]) -> str:
    """Line 3 · lines 3, 5 and 8 · lines 1, 2, … and 40 more."""
    if len(lines) == 1:
        return f"line {lines[0]}"
    listed = [str(n) for n in lines[:LISTED_LINES]]
    if len(lines) > LISTED_LINES:
        return f"lines {', '.join(listed)} and {len(lines) - LISTED_LINES:,} more"
    return f"lines {', '.join(listed[:-1])} and {listed[-1]}"


def _quoted(value: object) -> str:
    return f"`{shortened(value if isinstance(value, str) else json.dumps(value), 40)}`"


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation between the two nearest of the sorted values, as numpy does by default."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
