"""What the page of answers draws: the answers of an item side by side with their differences, and a prompt's parts.

All of it is foreign text: it is escaped, and what would steer a screen is written out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st
import ui_shared as ui
from pydantic import JsonValue

from advisor import formatting as f
from advisor.cases.schema import Task
from advisor.records import Failure
from advisor.reports import differences as diff
from advisor.scoring.text import expected_texts
from advisor.workflow.answers import AnswerBook, AnswerRow, BaselineAnswer, SentPrompt, State, answers

__all__ = ["STATES", "book_of", "legend", "mark", "show_answers", "show_prompt", "show_question", "style"]

STATES: dict[State, tuple[str, str]] = {
    "right": ("✓", "right"),
    "wrong": ("✗", "wrong"),
    "failed": ("!", "failed"),
    "no_score": ("?", "no score"),
    "not_asked": ("–", "not asked"),
}
"""A sign and a word for how a baseline did."""
MOST_CHARACTERS = 20_000
"""Of a text that are shown."""
PARTS = {
    "instructions": "Instructions",
    "example": "Example",
    "passages": "Passage",
    "question": "Question",
}
_CSS = """<style>
.adv-answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12rem), 1fr)); gap: .8rem; }
.adv-answer, .adv-turn, .adv-part { border: 1px solid color-mix(in srgb, currentcolor 22%, transparent);
  border-radius: .5rem; padding: .65rem .8rem; min-width: 0; }
.adv-answer { border-top: .25rem solid color-mix(in srgb, currentcolor 35%, transparent); }
.adv-answer.right { border-top-color: #009e73; }
.adv-answer.wrong, .adv-answer.failed { border-top-color: #d55e00; border-top-style: dashed; }
.adv-answer h4 { font-size: 1rem; margin: 0 0 .45rem; padding: 0; overflow-wrap: anywhere; }
.adv-answer h4 .how { font-weight: 400; white-space: nowrap; }
.adv-foreign { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; font-size: .95rem; }
.adv-foreign.plain { font-family: inherit; }
.adv-foreign ins { text-decoration: underline 2px; text-underline-offset: .15em; background:
  color-mix(in srgb, #0072b2 16%, transparent); }
.adv-foreign del, .adv-fields del { text-decoration: line-through; background:
  color-mix(in srgb, #d55e00 16%, transparent); }
.adv-fields ins { text-decoration: underline 2px; background: color-mix(in srgb, #0072b2 16%, transparent); }
.adv-sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.adv-fields { border-collapse: collapse; width: 100%; font-size: .88rem; }
.adv-fields th, .adv-fields td { text-align: left; vertical-align: top; padding: .2rem .5rem .2rem 0; border: 0;
  border-bottom: 1px solid color-mix(in srgb, currentcolor 14%, transparent); overflow-wrap: anywhere; }
.adv-fields th { font-weight: 400; opacity: .8; width: 40%; }
.adv-note { font-size: .86rem; opacity: .85; margin: .4rem 0 0; overflow-wrap: anywhere; }
.adv-answer dl { display: grid; padding: 0; grid-template-columns: auto 1fr; gap: .1rem .8rem; margin: .55rem 0 0;
  font-size: .86rem; font-variant-numeric: tabular-nums; }
.adv-answer dt { opacity: .78; margin: 0; padding: 0; }
.adv-answer dd { margin: 0; padding: 0; overflow-wrap: anywhere; }
.adv-answer details { margin-top: .5rem; font-size: .88rem; } .adv-answer summary { cursor: pointer; }
.adv-turn, .adv-part { margin-bottom: .5rem; } .adv-turn .who, .adv-part .who { font-size: .8rem; opacity: .8; }
.adv-part.example { border-left: .3rem solid #56b4e9; } .adv-part.passages { border-left: .3rem double #e69f00; }
.adv-part.question { border-left: .3rem solid #009e73; } .adv-part.instructions { border-left: .3rem dotted #cc79a7; }
.st-key-items { max-height: 46rem; overflow-y: auto; }
@media (max-width: 40rem) { .st-key-items { max-height: 17rem; } }
</style>"""


def style() -> None:
    """Puts the style of answers on the page."""
    st.html(_CSS)


def book_of(folder: Path) -> AnswerBook:
    """The answers of a case; kept unless one of its files changes."""
    return _book(str(folder), *ui._version(folder))


@st.cache_resource(show_spinner="Reading the answers …", max_entries=4)
def _book(case: str, changed: float, store: str | None, moment: str) -> AnswerBook:
    return answers(case, store)


def mark(state: State) -> str:
    """How a baseline did, as a sign."""
    return STATES[state][0]


def legend() -> str:
    """What marks in answers mean."""
    return "In answers, underlined: not in the expected answer. Struck through: expected, and not there."


# ── question and expected answer ──


def show_question(row: AnswerRow, task: Task) -> None:
    """The input, a chat as its turns, and what is expected."""
    left, right = st.columns(2)
    with left:
        st.markdown("**Input**")
        if isinstance(row.input, str):
            st.html(f'<div class="adv-turn">{_text(row.input)}</div>')
        else:
            st.html("".join(_turn(str(m.get("role", "")), str(m.get("content", ""))) for m in row.input))
    with right:
        st.markdown("**Expected**")
        st.html(f'<div class="adv-turn">{_expected(row.expected, task)}</div>')


def _turn(role: str, content: str) -> str:
    return f'<div class="adv-turn"><div class="who">{escape(f.one_line(role))}</div>{_text(content)}</div>'


def _expected(value: JsonValue, task: Task) -> str:
    several = expected_texts(value, task) if task.kind == "question_answering" else []
    if len(several) > 1:
        return f'<p class="adv-note">Any of:</p>{"".join(_text(t) for t in several)}'
    fields = diff.fields_of(value)
    if fields is None:
        return _text(value if isinstance(value, str) else f.json_text(value))
    rows = "".join(f"<tr><th scope='row'>{_path(p)}</th><td>{_inline(v)}</td></tr>" for p, v in fields)
    return f'<table class="adv-fields"><tbody>{rows}</tbody></table>'


# ── answers ──


def show_answers(row: AnswerRow, book: AnswerBook) -> None:
    """The answers of all baselines: beside one another, or below one another where there is little room."""
    cards = "".join(_card(answer, row, book) for answer in row.answers)
    st.html(f'<div class="adv-answers">{cards}</div>')


def _card(answer: BaselineAnswer, row: AnswerRow, book: AnswerBook) -> str:
    sign, word = STATES[answer.state]
    shown = word.capitalize()
    if answer.score is not None and answer.state != "failed" and (book.graded or answer.repeats):
        shown = f"{f.percent(answer.score)}, counts as {word}"
    body = _failure(answer.failure) if answer.failure else ""
    if answer.answer is not None:
        body += _answer(answer.answer, row.expected, book.loaded.case.task)
    elif answer.state == "not_asked":
        body += _note("This baseline has no result on this item yet: run the case to ask it.")
    elif answer.failure is None:
        body += _note("The text of this answer was not kept with the results.")
    if answer.not_judged:
        body += _note(f"The judge gave no verdict ({answer.not_judged.error}): {answer.not_judged.message}")
    if answer.finish_reason == "length":
        body += _note("Cut off: it reached the longest answer that the case allows (max_output_tokens).")
    return (
        f'<section class="adv-answer {answer.state}" aria-label="{_inline(answer.baseline)}: {_inline(shown)}">'
        f'<h4>{_inline(answer.baseline)} <span class="how"><span aria-hidden="true">{sign}</span> {_inline(shown)}'
        f"</span></h4>{body}{_facts(answer, book)}</section>"
    )


def _failure(failure: Failure) -> str:
    after = (
        "It failed for want of time, capacity or network: run the case again, and it is asked again. Until then it "
        "counts as a wrong answer."
        if failure.transient
        else "It failed for good, and counts as a wrong answer: whoever asked has none."
    )
    return f"{_note(f'{failure.error}: {failure.message}')}{_note(after)}"


def _answer(text: str, expected: JsonValue, task: Task) -> str:
    """An answer with what differs from the expected one marked."""
    if not text.strip():
        return _note("The answer is empty.")
    if task.kind == "classification":
        return _text(text)
    if task.kind == "extraction":
        fields = diff.field_differences(expected, text)
        if fields is None:
            return f"{_note('It holds no JSON that can be read.')}{_text(text)}"
        rows = "".join(f"<tr><th scope='row'>{_path(x.path)}</th><td>{_field(x)}</td></tr>" for x in fields)
        more = _note(f"Only the first {diff.MOST_FIELDS} fields.") if len(fields) >= diff.MOST_FIELDS else ""
        written = f"<details><summary>As it was written</summary>{_text(text)}</details>"
        return f'<table class="adv-fields"><tbody>{rows}</tbody></table>{more}{written}'
    pieces = diff.word_differences(diff.nearest_expected(expected, text, task), text)
    if pieces is None:
        return f"{_text(text)}{_note('It shares too little with the expected answer to mark its words.')}"
    return f'<div class="adv-foreign" dir="auto">{"".join(_piece(*p) for p in pieces)}</div>'


def _piece(change: diff.Change, text: str) -> str:
    shown = escape(f.clean(text))
    if change == "added":
        return f'<ins><span class="adv-sr"> added: </span>{shown}</ins>'
    if change == "missing":
        return f'<del><span class="adv-sr"> missing: </span>{shown}</del> '
    return shown


def _field(field: diff.Field) -> str:
    given = f"<ins>{_inline(field.given or '')}</ins>"
    wanted = f"<del>{_inline(field.expected or '')}</del>"
    if field.match == "same":
        return f"✓ {_inline(field.given or '')}"
    if field.match == "missing":
        return f"✗ missing: {wanted}"
    if field.match == "added":
        return f"✗ not expected: {given}"
    return f"✗ {given} instead of {wanted}"


def _facts(answer: BaselineAnswer, book: AnswerBook) -> str:
    if answer.state == "not_asked":
        return ""
    usage = answer.usage
    cached = f" ({f.count(usage.cached_input)} of them cached)" if usage.cached_input else ""
    facts = [
        (book.metric, f.percent(answer.score)),
        *((name, f.percent(value)) for name, value in answer.others.items()),
        ("Input", f"{f.tokens(usage.input)} tokens{cached}" if usage.input is not None else f.UNKNOWN),
        ("Output", f"{f.tokens(usage.output)} tokens" if usage.output is not None else f.UNKNOWN),
        ("Latency", f.seconds(answer.latency_s)),
        ("Cost of 1,000", f.usd(None if answer.cost_usd is None else answer.cost_usd * 1000)),
    ]
    if answer.repeats:
        each = " · ".join(f.percent(r, digits=0) for r in answer.repeats)
        facts.insert(1, (f"Each of {len(answer.repeats)} answers", f"{each}; the first one is shown"))
    if answer.failed_repeats:
        causes = ", ".join(dict.fromkeys(x.error for x in answer.failed_repeats))
        facts.append(("Failed", f"{len(answer.failed_repeats)} of its answers ({causes})"))
    if answer.retrieved:
        facts.append(("Documents shown", ", ".join(answer.retrieved)))
    if answer.model_version:
        facts.append(("Model", answer.model_version))
    return (
        f"<dl>{''.join(f'<dt>{_inline(name)}</dt><dd>{_inline(value)}</dd>' for name, value in facts)}</dl>"
    )


# ── prompt ──


def show_prompt(prompt: SentPrompt) -> None:
    """A prompt in its parts, each with its tokens."""
    if prompt.origin == "unknown":
        st.info(ui.escaped(prompt.note), icon=":material/info:")
        return
    sent = prompt.origin == "sent"
    badge = (
        ":green-badge[:material/check: Sent]" if sent else ":yellow-badge[:material/build: Rebuilt, not kept]"
    )
    st.markdown(f"{badge} {ui.escaped(prompt.note)}")
    facts = [*prompt.parameters]
    if prompt.model_version:
        facts.append(("Model", prompt.model_version))
    if prompt.input_tokens is not None:
        facts.append(("Tokens", f"{f.tokens(prompt.input_tokens)} (measured)"))
    if facts:
        st.caption(ui.escaped(" · ".join(f"{name}: {value}" for name, value in facts)))
    st.html("".join(_part(p.kind, p.role, p.text, p.number, p.source, p.tokens) for p in prompt.parts))
    if prompt.input_tokens is not None:
        st.caption(
            "Tokens of a part are estimated: the measured tokens of the whole, shared out by characters."
        )


def _part(
    kind: str, role: str, text: str, number: int | None, source: str | None, tokens: float | None
) -> str:
    name = PARTS[kind] + (f" {number}" if number is not None else "")
    words = [name, role, *([source] if source else [])]
    words += [f"about {f.tokens(round(tokens))} tokens"] if tokens is not None else []
    return (
        f'<div class="adv-part {kind}"><div class="who">{_inline(" · ".join(words))}</div>{_text(text)}</div>'
    )


# ── text ──


def _text(text: str) -> str:
    """Foreign text with its lines, in HTML."""
    shown, rest = text[:MOST_CHARACTERS], len(text) - MOST_CHARACTERS
    more = _note(f"… and {f.count(rest)} more characters, which are not shown.") if rest > 0 else ""
    return f'<div class="adv-foreign" dir="auto">{escape(f.clean(shown))}</div>{more}'


def _inline(text: str) -> str:
    return escape(f.one_line(text), quote=True)


def _path(path: str) -> str:
    """A field's name, which may break where one key ends."""
    return re.sub(r"([.\]])(?=[^.\]])", r"\1<wbr>", _inline(path))


def _note(text: str) -> str:
    return f'<p class="adv-note">{_inline(text)}</p>'


def caption_of(row: AnswerRow, chosen: Sequence[str]) -> str:
    """How all baselines did, in one line; those that were chosen first."""
    ordered = sorted(row.answers, key=lambda a: a.baseline not in chosen)
    return " · ".join(f"{STATES[a.state][0]} {ui.escaped(a.baseline)}" for a in ordered)
