"""The prompt of one answer in its parts: as the store keeps it, or rebuilt by the code that would build it again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from advisor.baselines import Ask
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.model_spec import IN_PROCESS
from advisor.cases.schema import Example
from advisor.errors import AdvisorError
from advisor.models.structured import enforced_messages
from advisor.records import ChatRequest, Completion, Failure, Measured, Message, Record

if TYPE_CHECKING:
    from advisor.workflow._answer_book import AnswerBook

PartKind = Literal["instructions", "example", "passages", "question"]
MOST_CHARACTERS = 4_000_000
"""Training examples, or documents, up to which a search over them is built for one prompt: a matter of seconds."""
_PASSAGES, _QUESTION = "Passages:\n", "\n\nQuestion: "
_BLOCK = re.compile(r"(?:^|\n\n)\[(\d+)\] ")


class PromptPart(Record):
    """A part of a prompt."""

    kind: PartKind
    role: str
    text: str
    number: int | None = None
    """Of an example or a passage, from 1."""
    source: str | None = None
    """The training example that it is, or the document's name or title."""
    tokens: float | None = None
    """Estimated: the measured tokens of the whole prompt, shared out by characters."""


class SentPrompt(Record):
    """What a baseline was sent for one item."""

    origin: Literal["sent", "rebuilt", "unknown"]
    note: str
    """What a reader should know: that it is the kept call, that it was built again, or why there is none."""
    parts: tuple[PromptPart, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    """(name, value) of what was asked for beside the messages."""
    model_version: str | None = None
    input_tokens: int | None = None
    """Measured, of the whole prompt."""


def sent_prompt(
    book: AnswerBook,
    baseline: str,
    item_id: str,
    version: str,
    request: ChatRequest,
    answer: Completion | Failure,
) -> SentPrompt:
    """A call as it was made, in its parts."""
    item, measured, result = book.result(baseline, item_id)
    spec = _spec(book, baseline)
    note = "This is the request as it was sent; the store keeps it with its answer."
    if spec.kind == "classifier":
        note = (
            "This is the request as the store keeps it. A classifier is no language model: it reads the last message "
            "alone, and neither instructions nor tokens count."
        )
    enforced = isinstance(answer, Completion) and bool(answer.enforced)
    if enforced:
        request = request.model_copy(update={"messages": enforced_messages(request)})
    times = max((len(scores) for scores in result.repeat_scores.values()), default=1)
    if times > 1:
        note += f" It was asked {times} times; the first call is shown."
    tokens = answer.usage.input if isinstance(answer, Completion) else None
    parts = _parts(book, item, request.messages, measured)
    return SentPrompt(
        origin="sent",
        note=note,
        parts=_with_tokens(parts, tokens),
        parameters=_parameters(request, spec, enforced=enforced),
        model_version=version,
        input_tokens=tokens,
    )


def rebuilt_prompt(book: AnswerBook, baseline: str, item_id: str) -> SentPrompt:
    """The prompt that the case gives now, by the code that evaluation sends it with; or why there is none."""
    item, measured, result = book.result(baseline, item_id)
    spec, retrieved = _spec(book, baseline), result.retrieved
    why_not = _why_not(book, spec, measured)
    if why_not is not None:
        return SentPrompt(origin="unknown", note=f"The call was not kept with these results. {why_not}")
    try:
        ask = book.way_of_asking(spec).ask(item, dict(measured.setting))
    except AdvisorError as error:
        reason = f"It cannot be built again: {error.message}"
        return SentPrompt(origin="unknown", note=f"The call was not kept with these results. {reason}")
    note = (
        "The call itself was not kept with these results. This is what the advisor would send now, with the case's "
        "examples as they are and the setting that was chosen then."
    )
    if retrieved is not None and ask.retrieved != retrieved:
        note += (
            " It is not what was sent: other documents were found then "
            f"({', '.join(retrieved)}), so the documents have changed since."
        )
    elif spec.kind == "classifier":
        note += " A classifier is no language model: it reads the last message alone."
    if ask.examples and measured.provider not in (None, *IN_PROCESS) and _has_form(ask.request):
        note += " An endpoint that enforces the form of answers was shown the example answers in that form."
    tokens = result.usage.input
    return SentPrompt(
        origin="rebuilt",
        note=note,
        parts=_with_tokens(_of_ask(ask), tokens),
        parameters=_parameters(ask.request, spec, enforced=False),
        input_tokens=tokens,
    )


def _spec(book: AnswerBook, baseline: str) -> BaselineSpec:
    return next(b for b in book.loaded.case.baselines if b.name == baseline)


def _why_not(book: AnswerBook, spec: BaselineSpec, measured: Measured) -> str | None:
    """Why a prompt is not built again."""
    if measured.imported or book.provenance.source == "imported":
        return "They were measured elsewhere, so what was sent there is not known here."
    if spec.kind == "few_shot" and "examples" not in measured.setting:
        return "Nor is it known how many examples were shown, so the prompt cannot be built again."
    if spec.uses_retrieval and "passages" not in measured.setting:
        return "Nor is it known how many passages were shown, so the prompt cannot be built again."
    if spec.uses_retrieval and spec.search != "lexical":
        return "Building it again would embed all documents anew; run the case to have its calls kept."
    if spec.uses_retrieval and _document_bytes(book) > MOST_CHARACTERS:
        return "Building it again would index all documents anew; run the case to have its calls kept."
    if spec.kind == "few_shot" and sum(len(e.input_text) for e in book.loaded.learn) > MOST_CHARACTERS:
        return (
            "Building it again would search all training examples anew; run the case to have its calls kept."
        )
    return None


def _has_form(request: ChatRequest) -> bool:
    return request.labels is not None or request.json_schema is not None


def _document_bytes(book: AnswerBook) -> int:
    folder = book.loaded.documents
    return 0 if folder is None else sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


# ── parts ──


def _of_ask(ask: Ask) -> list[PromptPart]:
    """The parts of a prompt of which is known what it was made from."""
    messages = ask.request.messages
    parts = [PromptPart(kind="instructions", role=messages[0].role, text=messages[0].content)]
    at = 1
    for number, example in enumerate(ask.examples, start=1):
        n = _turns(example) + 1
        parts += [
            PromptPart(kind="example", role=m.role, text=m.content, number=number, source=example.id)
            for m in messages[at : at + n]
        ]
        at += n
    parts += _of_question(messages[at:], [p.title for p in ask.passages])
    return parts


def _parts(
    book: AnswerBook, item: Example, messages: Sequence[Message], measured: Measured
) -> list[PromptPart]:
    """The parts of a prompt as it was kept, by the order in which prompts are built."""
    end = len(messages) - _turns(item)
    start = int(bool(messages) and messages[0].role == "system")
    parts = [PromptPart(kind="instructions", role=m.role, text=m.content) for m in messages[:start]]
    number = 1
    known = {e.input: e.id for e in book.loaded.learn if isinstance(e.input, str)} if end > start else {}
    several = measured.setting.get("examples")
    in_pairs = isinstance(several, int) and end - start == 2 * several
    source = None
    for k, m in enumerate(messages[start:end]):
        first = not in_pairs or k % 2 == 0
        source = known.get(m.content) if first and m.role == "user" else source
        parts.append(
            PromptPart(
                kind="example",
                role=m.role,
                text=m.content,
                number=number if in_pairs else None,
                source=source,
            )
        )
        number += in_pairs and k % 2
    parts += _of_question(messages[end:], None)
    return parts


def _of_question(messages: Sequence[Message], titles: Sequence[str] | None) -> Iterator[PromptPart]:
    """The turns of the question; passages stand before the last one."""
    for m in messages[:-1]:
        yield PromptPart(kind="question", role=m.role, text=m.content)
    for last in messages[-1:]:
        text = last.content
        begins = text.startswith(_PASSAGES) and _QUESTION in text
        if not begins:
            yield PromptPart(kind="question", role=last.role, text=text)
            return
        # a passage may hold the word itself; the question is what comes last
        block, _, question = text.rpartition(_QUESTION)
        for number, passage in enumerate(_passages(block.removeprefix(_PASSAGES)), start=1):
            title = titles[number - 1] if titles and number <= len(titles) else passage.split("\n", 1)[0]
            yield PromptPart(kind="passages", role=last.role, text=passage, number=number, source=title)
        yield PromptPart(kind="question", role=last.role, text=question)


def _passages(block: str) -> list[str]:
    """A block of passages, cut where the next number stands."""
    starts: list[tuple[int, int]] = []
    for found in _BLOCK.finditer(block):
        if int(found[1]) == len(starts) + 1:
            starts.append((found.start(), found.end()))
    ends = [s for s, _ in starts[1:]] + [len(block)]
    return [block[b:e] for (_, b), e in zip(starts, ends, strict=True)] or [block]


def _turns(example: Example) -> int:
    return 1 if isinstance(example.input, str) else len(example.input)


def _with_tokens(parts: Sequence[PromptPart], whole: int | None) -> tuple[PromptPart, ...]:
    characters = sum(len(p.text) for p in parts)
    if whole is None or not characters:
        return tuple(parts)
    return tuple(p.model_copy(update={"tokens": whole * len(p.text) / characters}) for p in parts)


def _parameters(request: ChatRequest, spec: BaselineSpec, *, enforced: bool) -> tuple[tuple[str, str], ...]:
    if spec.kind == "classifier":
        return ()
    found = [
        ("Longest answer", f"{request.max_tokens} tokens"),
        ("Temperature", f"{request.temperature:g}"),
    ]
    if request.labels is not None:
        found.append(("Labels", ", ".join(request.labels)))
    if request.json_schema is not None:
        found.append(("Form", "JSON by the case's schema"))
    if enforced:
        found.append(("Form enforced by", "the endpoint"))
    return tuple(found)
