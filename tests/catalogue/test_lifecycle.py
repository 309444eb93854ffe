"""Life cycles at their border days: the day before, the day itself, the day after."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from advisor.catalogue.lifecycle import (
    Organisation,
    remaining_months,
    service_ends,
    system_note,
    tunability,
)

TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)

# OpenAI's deprecations page, read on 2026-11-23.
CLOSES: dict[Organisation, date] = {
    "never_tuned": date(2026, 5, 7),
    "tuned": date(2026, 7, 2),
    "active": date(2027, 1, 6),
}
TUNED_FROM_HERE_END = date(2027, 1, 14)
SERVED_TO_2027 = [
    "gpt-4o-2024-08-06",
    "gpt-4o-2024-11-20",
    "gpt-4o-mini-2024-07-18",
    "gpt-4.1-2025-04-14",
    "gpt-4.1-mini-2025-04-14",
]


@pytest.mark.parametrize("model", SERVED_TO_2027)
@pytest.mark.parametrize("organisation", list(CLOSES))
def test_openai_closes_by_standing(model: str, organisation: Organisation) -> None:
    closes = CLOSES[organisation]
    before = tunability("openai", model, organisation=organisation, on=closes - DAY)
    assert (before.answer, before.until) == ("yes", closes - DAY)
    for day in (closes, closes + DAY):
        after = tunability("openai", model, organisation=organisation, on=day)
        assert (after.answer, after.until) == ("no", None)
        assert str(closes) in after.reason
        assert after.source is not None and after.read_on == date(2026, 11, 23)


def test_an_organisation_that_is_not_given_makes_it_unclear_where_it_matters() -> None:
    today = tunability("openai", "gpt-4.1-mini", organisation=None, on=TODAY)
    assert (today.answer, today.until) == ("unclear", None)
    assert "standing with OpenAI" in today.reason and "2027-01-05" in today.reason
    all_may = tunability("openai", "gpt-4.1-mini", organisation=None, on=date(2026, 5, 6))
    assert (all_may.answer, all_may.until) == ("yes", date(2026, 5, 6))
    nobody = tunability("openai", "gpt-4.1-mini", organisation=None, on=date(2027, 1, 6))
    assert nobody.answer == "no" and "anybody" in nobody.reason


def test_a_tuned_models_name_is_that_of_its_base() -> None:
    name = "ft:gpt-4.1-mini-2025-04-14:org:suffix:id"
    assert tunability("openai", name, organisation="active", on=TODAY).until == date(2027, 1, 5)
    end = service_ends("openai", name, tuned=False, on=TODAY)
    assert end is not None and end.date == TUNED_FROM_HERE_END and "tuned from" in end.reason


@pytest.mark.parametrize("model", SERVED_TO_2027)
@pytest.mark.parametrize("tuned", [False, True])
def test_openais_base_models_end_with_their_tunes(model: str, tuned: bool) -> None:
    end = service_ends("openai", model, tuned=tuned, on=TODAY)
    assert end is not None
    assert (end.date, end.replacement) == (TUNED_FROM_HERE_END, "gpt-6-luna")
    assert "is to be" in end.reason
    over = service_ends("openai", model, tuned=tuned, on=TUNED_FROM_HERE_END)
    assert over is not None and "was shut down" in over.reason


@pytest.mark.parametrize(
    "model", ["gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", "gpt-3.5-turbo-0125", "o4-mini"]
)
def test_what_went_in_october_cannot_be_tuned(model: str) -> None:
    gone = date(2026, 10, 23)
    end = service_ends("openai", model, tuned=True, on=TODAY)
    assert end is not None and end.date == gone
    for day in (gone, gone + DAY):
        answer = tunability("openai", model, organisation="active", on=day)
        assert answer.answer == "no" and "was shut down" in answer.reason
    assert tunability("openai", model, organisation="active", on=gone - DAY).answer != "no"


def test_the_end_of_a_model_ends_its_tuning_too() -> None:
    before = tunability("openai", "gpt-4.1-nano", organisation="active", on=date(2026, 10, 1))
    assert (before.answer, before.until) == ("yes", date(2026, 10, 22))


def test_the_replacement_cannot_be_tuned_and_a_stranger_is_unclear() -> None:
    assert tunability("openai", "gpt-6-luna", organisation="active", on=TODAY).answer == "no"
    assert tunability("openai", "gpt-9", organisation="active", on=TODAY).answer == "unclear"
    assert tunability("openai", "gpt-9", organisation="never_tuned", on=TODAY).answer == "no"
    assert service_ends("openai", "gpt-9", tuned=False, on=TODAY) is None
    # a version of which nothing is published is not taken for another
    assert service_ends("openai", "gpt-4o-2099-01-01", tuned=False, on=TODAY) is None


def test_what_the_provider_reports_counts_over_what_is_published() -> None:
    later, sooner = date(2027, 3, 1), date(2026, 12, 15)
    end = service_ends("openai", "gpt-4o", tuned=True, on=TODAY, reported=later)
    assert end is not None and end.date == later and "list of models" in end.source
    assert service_ends("openai", "gpt-9", tuned=False, on=TODAY, reported=sooner) is not None
    answer = tunability("openai", "gpt-4o", organisation="active", on=TODAY, reported=sooner)
    assert (answer.answer, answer.until) == ("yes", sooner - DAY)
    over = tunability("openai", "gpt-4o", organisation="active", on=sooner, reported=sooner)
    assert over.answer == "no"


@pytest.mark.parametrize(
    ("base", "trains_until", "served_until"),
    [  # Azure's documentation of 2026-07-07
        ("gpt-4.1", date(2027, 4, 14), date(2027, 10, 14)),
        ("gpt-4.1-mini-2025-04-14", date(2027, 4, 14), date(2027, 10, 14)),
        ("gpt-4.1-nano", date(2027, 4, 14), date(2027, 10, 14)),
        ("gpt-4o", date(2027, 4, 1), date(2027, 10, 1)),
        ("gpt-4o-mini", date(2027, 4, 1), date(2027, 10, 1)),
    ],
)
def test_azure(base: str, trains_until: date, served_until: date) -> None:
    def ask(on: date, organisation: Organisation | None = "tuned") -> tuple[str, date | None]:
        answer = tunability("azure_openai", "d", base_model=base, organisation=organisation, on=on)
        return answer.answer, answer.until

    assert ask(trains_until - DAY) == ask(trains_until) == ("yes", trains_until)
    assert ask(trains_until + DAY) == ("unclear", None)  # "at least": it may go on
    assert ask(TODAY, "never_tuned") == ask(TODAY, None) == ("unclear", None)
    end = service_ends("azure_openai", "d", base_model=base, tuned=True, on=TODAY)
    assert end is not None and end.date == served_until
    assert service_ends("azure_openai", "d", base_model=base, tuned=False, on=TODAY) is None


def test_an_azure_deployment_says_nothing_without_its_base_model() -> None:
    assert tunability("azure_openai", "gpt-4.1", organisation="active", on=TODAY).answer == "unclear"
    assert service_ends("azure_openai", "gpt-4.1", tuned=True, on=TODAY) is None


def test_open_models_on_azure_have_no_known_end() -> None:
    answer = tunability("azure_openai", "d", base_model="gpt-oss-20b", organisation=None, on=TODAY)
    assert (answer.answer, answer.until) == ("yes", None)


@pytest.mark.parametrize("provider", ["embedded", "huggingface"])
@pytest.mark.parametrize("organisation", [None, "never_tuned"])
def test_open_weights_are_the_users(provider: str, organisation: Organisation | None) -> None:
    answer = tunability(provider, "Qwen/Qwen3-0.6B", organisation=organisation, on=date(2040, 1, 1))
    assert (answer.answer, answer.until) == ("yes", None)
    assert service_ends(provider, "Qwen/Qwen3-0.6B", tuned=True, on=TODAY) is None


@pytest.mark.parametrize("provider", ["openai_compatible", "some_plug_in"])
def test_elsewhere_it_is_unclear(provider: str) -> None:
    # the name is OpenAI's; who serves it is not
    assert tunability(provider, "gpt-4.1-mini", organisation="active", on=TODAY).answer == "unclear"
    assert service_ends(provider, "gpt-4.1-mini", tuned=True, on=TODAY) is None


def test_remaining_months_have_730_hours() -> None:
    end = TODAY + timedelta(hours=730 * 24)  # 730 days, two years
    assert remaining_months(end, TODAY) == pytest.approx(24)
    assert remaining_months(TUNED_FROM_HERE_END, TODAY) == pytest.approx(51 * 24 / 730)
    assert remaining_months(TODAY, TODAY) == remaining_months(TODAY - DAY, TODAY) == 0


def test_autotrain_is_known_to_be_unmaintained() -> None:
    note = system_note("autotrain")
    assert note is not None and "0.8.36" in note.text and "January 2025" in note.text
    assert system_note("trl") is None
