"""Names of models: version and tuning are told apart from the model."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalogue.names import parse_name, tier_name


@pytest.mark.parametrize(
    ("name", "base", "version", "tuned"),
    [
        ("gpt-4.1-mini", "gpt-4.1-mini", None, False),
        ("GPT-4.1-mini-2025-04-14 ", "gpt-4.1-mini", "2025-04-14", False),
        ("ft:gpt-4.1-mini-2025-04-14:org:suffix:id", "gpt-4.1-mini", "2025-04-14", True),
        ("ft:gpt-4o-mini-2024-07-18:org::id:ckpt-step-90", "gpt-4o-mini", "2024-07-18", True),
        ("gpt-4.1-mini-2025-04-14.ft-0123abcd-suffix", "gpt-4.1-mini", "2025-04-14", True),
        ("gpt-3.5-turbo-0125", "gpt-3.5-turbo", "0125", False),
        ("gpt-35-turbo", "gpt-3.5-turbo", None, False),
        ("gpt-oss-20b", "gpt-oss-20b", None, False),
    ],
)
def test_names_as_providers_write_them(name: str, base: str, version: str | None, tuned: bool) -> None:
    parsed = parse_name(name)
    assert (parsed.base, parsed.version, parsed.tuned) == (base, version, tuned)


@given(
    base=st.sampled_from(["gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini", "o4-mini"]),
    day=st.none() | st.dates(min_value=date(2023, 1, 1), max_value=date(2099, 12, 31)),
    rest=st.lists(st.text(alphabet="abcXYZ019-_", max_size=8), min_size=3, max_size=4),
)
def test_whatever_a_tuned_model_is_called_its_base_is_found(
    base: str, day: date | None, rest: list[str]
) -> None:
    full = base if day is None else f"{base}-{day}"
    parsed = parse_name(":".join(["ft", full, *rest]))
    assert parsed.tuned
    assert parsed.base == base
    assert parsed.full == full
    assert parse_name(parsed.full) == parsed.model_copy(update={"tuned": False})


@given(st.text())
def test_any_text_can_be_taken_apart(text: str) -> None:
    parse_name(text)


def test_azures_words_for_tiers_are_known() -> None:
    assert {t: tier_name(t) for t in ("Standard", "GlobalStandard", "Developer", "DeveloperTier")} == {
        "Standard": "regional", "GlobalStandard": "global", "Developer": "developer", "DeveloperTier": "developer",
    }  # fmt: skip
