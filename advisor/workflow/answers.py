"""The answers of a case: every held-out item, what each baseline answered to it, and what it was sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from advisor.workflow._answer_book import AnswerBook
from advisor.workflow._answer_rows import (
    ONLY,
    ORDERS,
    AnswerFilter,
    AnswerRow,
    BaselineAnswer,
    Only,
    Order,
    State,
    as_text,
)
from advisor.workflow._cases import load, with_store
from advisor.workflow._evidence import measured_of
from advisor.workflow._sent_prompt import PromptPart, SentPrompt, rebuilt_prompt, sent_prompt

if TYPE_CHECKING:
    from advisor.store.database import Store

__all__ = [
    "ONLY",
    "ORDERS",
    "AnswerBook",
    "AnswerFilter",
    "AnswerRow",
    "BaselineAnswer",
    "Only",
    "Order",
    "PromptPart",
    "SentPrompt",
    "State",
    "answers",
    "as_text",
    "prompt_in",
    "prompt_of",
]


def answers(case: Path | str, store: str | None = None) -> AnswerBook:
    """Reads the answers that were measured of a case; what comes of it is asked again and again.

    Args:
        case: The case folder.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.

    Raises:
        CaseError: The case is wrong.
        NoResultsError: Nothing was measured yet.
    """
    loaded = load(case)

    def read(opened: Store | None) -> AnswerBook:
        measured, _, provenance, warnings = measured_of(loaded, opened)
        return AnswerBook(loaded, measured, provenance, warnings)

    return with_store(loaded, store, read)


def prompt_of(case: Path | str, store: str | None, baseline: str, item_id: str) -> SentPrompt:
    """What a baseline was sent for an item; calls no model.

    Raises:
        UsageError: There is no such baseline, item or result.
    """
    return prompt_in(answers(case, store), store, baseline, item_id)


def prompt_in(book: AnswerBook, store: str | None, baseline: str, item_id: str) -> SentPrompt:
    """What a baseline was sent for an item, of a book that is open.

    The call as the store keeps it; where it keeps none, the prompt that the case gives now, if that is cheap to build
    and sure to be the same; else why there is none. Calls no model.

    Raises:
        UsageError: There is no such baseline, item or result.
    """
    key = book.result(baseline, item_id)[2].call_key
    if key is not None:
        kept = with_store(book.loaded, store, lambda opened: opened.request(key) if opened else None)
        if kept is not None:
            return sent_prompt(book, baseline, item_id, *kept)
    return rebuilt_prompt(book, baseline, item_id)
