"""Who may still fine-tune what, and how long the result is served: dated facts, asked for a day.

The day is an argument: the same question has the same answer. Days are UTC dates as the providers publish them.
"""

from __future__ import annotations

import datetime
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

from advisor.catalogue.entries import Confidence
from advisor.catalogue.names import ModelName, known_as, matches, parse_name
from advisor.records import AnswerWord, Record

DAYS_PER_MONTH = 365 / 12
"""A month has 730 hours."""

Organisation = Literal["never_tuned", "tuned", "active"]
"""Standing with a provider: never tuned a model there; did, but has not used one lately (OpenAI counts 60 days); uses
a tuned one."""

STANDINGS: dict[Organisation, str] = {
    "never_tuned": "organisations that never tuned a model there",
    "tuned": "organisations that did, but have not used a tuned model lately",
    "active": "organisations that use a tuned model",
}
REPORTED = "the provider's list of models"


class Tunability(Record):
    """Whether a model can be fine-tuned."""

    answer: AnswerWord
    until: datetime.date | None
    """The last day on which a job can start, as far as published; None: no such day, or not known."""
    reason: str
    source: str | None
    read_on: datetime.date | None
    """The day on which the source was read."""


class ServiceEnd(Record):
    """The end of a model's service."""

    date: datetime.date
    """The day on which it is shut down: from then on it answers no more."""
    reason: str
    source: str
    read_on: datetime.date | None
    replacement: str | None = None
    """What the provider names in its place."""


class SystemNote(Record):
    """What to know of a tuning system before relying on it."""

    system: str
    text: str
    source: str
    read_on: datetime.date


class _Source(Record):
    name: str
    read_on: datetime.date
    confidence: Confidence
    url: str | None = None
    note: str | None = None


class _Provider(Record):
    name: str
    closes: dict[Organisation, datetime.date] = {}
    source: str


class _Model(Record):
    provider: str
    model: str
    aliases: tuple[str, ...] = ()
    snapshots: tuple[str, ...] | None = None
    tunable: bool | None = None
    trains_until: dict[Organisation, datetime.date] = {}
    base_ends: datetime.date | None = None
    tunes_end: datetime.date | None = None
    replacement: str | None = None
    source: str


class _System(Record):
    system: str
    text: str
    source: str


class _Facts(Record):
    schema_version: Literal[1]
    sources: dict[str, _Source]
    providers: dict[str, _Provider]
    own_weights: tuple[str, ...]
    models: tuple[_Model, ...]
    systems: tuple[_System, ...]

    def model(self, provider: str, name: ModelName) -> _Model | None:
        return next(
            (m for m in self.models if m.provider == provider and matches(name, m.model, m.aliases, m.snapshots)),
            None,
        )  # fmt: skip


@cache
def _facts() -> _Facts:
    text = files("advisor.catalogue").joinpath("lifecycle.yaml").read_text(encoding="utf-8")
    return _Facts.model_validate(yaml.safe_load(text))


def tunability(
    provider: str,
    model: str,
    *,
    base_model: str | None = None,
    organisation: Organisation | None,
    on: datetime.date,
    reported: datetime.date | None = None,
) -> Tunability:
    """Whether this model can be fine-tuned by this organisation on this day, and until when.

    Args:
        provider: As in a case: `openai`, `azure_openai`, `openai_compatible`, `huggingface`, `embedded`.
        model: The model's name; on Azure the deployment's.
        base_model: Azure: the model behind the deployment.
        organisation: Its standing with the provider; None: not said, and then the answer is a plain one only where
            it is the same for all.
        on: The day of the question.
        reported: The `shutdown_date` that the provider's list of models gives; it counts over what is published here.

    Returns:
        The answer with its reason. Where standings give different last days, the earliest.
    """
    facts = _facts()
    if provider in facts.own_weights:
        return _answer("yes", None, "The weights are yours: no provider can end it.")
    if provider == "openai_compatible":
        return _answer(
            "unclear", None, "Whose weights this endpoint serves is not known; yours can be tuned."
        )
    known, house = known_as(provider, model, base_model), facts.providers.get(provider)
    if house is None:
        return _answer("unclear", None, f"Nothing is known of fine-tuning with {provider}.")
    if known is None:
        reason = f"{model} is a deployment: its `base_model` says what would be tuned, and is not given."
        return _answer("unclear", None, reason)
    name = parse_name(known)
    fact = facts.model(provider, name)
    standings = [organisation] if organisation else list(STANDINGS)
    answers = {s: _for_standing(facts, house, fact, name, s, on, reported) for s in standings}
    return _together(answers, house)


def service_ends(
    provider: str,
    model: str,
    *,
    base_model: str | None = None,
    tuned: bool,
    on: datetime.date,
    reported: datetime.date | None = None,
) -> ServiceEnd | None:
    """When a model, or what was tuned from it, answers no more.

    Args:
        provider: As in a case.
        model: The model's name (`ft:...` counts as tuned); on Azure the deployment's.
        base_model: Azure: the model behind the deployment.
        tuned: Whether a model tuned from this one is meant.
        on: The day of the question; it decides the wording alone.
        reported: The `shutdown_date` that the provider's list of models gives; it counts over what is published here.

    Returns:
        The end, also where it lies in the past, or None where none is known.
    """
    facts = _facts()
    known = known_as(provider, model, base_model)
    name = parse_name(known) if known is not None else None
    fact = facts.model(provider, name) if name else None
    tuned = tuned or (name is not None and name.tuned)
    what = name.full if name else model
    if tuned:
        what = f"What was tuned from {what}"
    if reported is not None:
        return ServiceEnd(
            date=reported,
            reason=f"{what} {_shut_down(reported, on)}, as {REPORTED} says.",
            source=REPORTED,
            read_on=None,
            replacement=fact.replacement if fact else None,
        )
    end = None if fact is None else fact.tunes_end if tuned else fact.base_ends
    if fact is None or end is None:
        return None
    source = facts.sources[fact.source]
    return ServiceEnd(
        date=end,
        reason=f"{what} {_shut_down(end, on)}.",
        source=source.name,
        read_on=source.read_on,
        replacement=fact.replacement,
    )


def remaining_months(end: datetime.date, on: datetime.date) -> float:
    """Months of 730 hours from a day to an end; 0 where the end is reached or past."""
    return max(0.0, (end - on).days / DAYS_PER_MONTH)


def system_note(system: str) -> SystemNote | None:
    """What to know of a tuning system (`autotrain`, `openai`, `azure_openai`) before relying on it."""
    facts = _facts()
    found = next((s for s in facts.systems if s.system == system), None)
    if found is None:
        return None
    source = facts.sources[found.source]
    return SystemNote(system=system, text=found.text, source=source.name, read_on=source.read_on)


def _for_standing(
    facts: _Facts,
    house: _Provider,
    fact: _Model | None,
    name: ModelName,
    standing: Organisation,
    on: datetime.date,
    reported: datetime.date | None,
) -> Tunability:
    """The answer for one standing, the strongest reason first."""
    end = reported or (fact.base_ends if fact else None)
    closes, at_least = house.closes.get(standing), fact.trains_until.get(standing) if fact else None
    of_model = facts.sources[fact.source] if fact else None
    of_house = facts.sources[house.source]
    if end is not None and on >= end:
        return _answer("no", None, f"{name.full} {_shut_down(end, on)}.", None if reported else of_model)
    if fact is not None and fact.tunable is False:
        return _answer("no", None, f"{house.name} does not offer fine-tuning of {name.full}.", of_model)
    if closes is not None and on >= closes:
        last = max(house.closes.values())
        reason = (
            f"{house.name} takes no new jobs from anybody since {last}."
            if on >= last
            else f"{house.name} takes no new jobs from {STANDINGS[standing]} since {closes}."
        )
        return _answer("no", None, reason, of_house)
    if fact is None or fact.tunable is None:
        reason = f"Whether {house.name} offers fine-tuning of {name.full} is not known."
        return _answer("unclear", None, reason, of_house if fact else None)
    if fact.trains_until and at_least is None:
        reason = (
            f"{house.name} publishes last days for existing customers alone, not for {STANDINGS[standing]}."
        )
        return _answer("unclear", None, reason, of_model)
    if at_least is not None and on > at_least:
        reason = f"{house.name} promises fine-tuning of {name.full} up to {at_least}; whether it goes on is not known."
        return _answer("unclear", None, reason, of_model)
    stops = [d - datetime.timedelta(days=1) for d in (closes, end) if d is not None]
    until = min([*stops, *([at_least] if at_least else [])], default=None)
    if until is None:
        return _answer(
            "yes", None, f"{house.name} offers fine-tuning of {name.full}; no end is known.", of_model
        )
    how_long = "at least up to" if until == at_least else "up to"
    reason = f"{house.name} takes jobs from {STANDINGS[standing]} {how_long} {until}."
    return _answer("yes", until, reason, of_model)


def _together(answers: dict[Organisation, Tunability], house: _Provider) -> Tunability:
    """One answer from those of every standing that may be the organisation's."""
    different = {a.answer for a in answers.values()}
    if len(different) > 1:
        each = "; ".join(f"{_with_day(a)} for {STANDINGS[s]}" for s, a in answers.items())
        reason = f"It depends on your organisation's standing with {house.name}, which is not given: {each}."
        first = next(iter(answers.values()))
        return first.model_copy(update={"answer": "unclear", "until": None, "reason": reason})
    earliest = min(answers.values(), key=lambda a: a.until or datetime.date.max)
    if len({a.until for a in answers.values()}) > 1:
        reason = f"{earliest.reason} Other standings have longer."
        return earliest.model_copy(update={"reason": reason})
    return earliest


def _with_day(tunability: Tunability) -> str:
    return tunability.answer + (f", up to {tunability.until}," if tunability.until else "")


def _answer(
    answer: AnswerWord, until: datetime.date | None, reason: str, source: _Source | None = None
) -> Tunability:
    return Tunability(
        answer=answer,
        until=until,
        reason=reason,
        source=source.name if source else None,
        read_on=source.read_on if source else None,
    )


def _shut_down(end: datetime.date, on: datetime.date) -> str:
    return f"was shut down on {end}" if on >= end else f"is to be shut down on {end}"
