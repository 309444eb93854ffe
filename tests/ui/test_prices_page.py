"""The price catalogue: every price with its unit, source and day; what is old is marked, what is unknown is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import write_case
from tests.reports.decisions import full_decision
from tests.ui.app import deciding, html, opened, prepared, told


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared(monkeypatch, tmp_path)
    deciding(monkeypatch, lambda case, overrides: full_decision())


def rows(app, words: str) -> list[str]:
    return [row for body in html(app) for row in body.split("<tr") if words in row]


def test_prices_have_units_sources_and_days() -> None:
    app = opened("prices")
    assert not app.exception
    body = next(b for b in html(app) if "gpt-4.1-mini, base" in b)
    for unit in ("USD per million tokens", "USD per million training tokens", "USD per hour"):
        assert unit in body
    assert all("2026" in row or "<thead" in row or "aria-label" in row for row in rows(app, "gpt-4"))


def test_what_is_old_is_marked_and_what_is_unknown_is_not_free() -> None:
    app = opened("prices")
    assert "older than 90 days" in app.warning[0].value
    assert any("stale" in row for row in rows(app, "gpt-4.1, tuned"))
    assert any(">unknown<" in row for row in rows(app, "gpt-oss-20b"))


def test_when_a_model_ends_is_said() -> None:
    assert any("shut down on" in row for row in rows(opened("prices"), "gpt-4.1-nano, base"))


def test_prices_can_be_searched() -> None:
    app = opened("prices")
    app.text_input(key="search").set_value("nano tuned").run()
    found = [r for r in rows(app, 'scope="row"') if "gpt" in r]
    assert found and all("gpt-4.1-nano" in r for r in found)
    app.text_input(key="search").set_value("no such model").run()
    assert "No price holds these words." in told(app)


def test_models_of_the_case_are_marked_in_words_and_its_own_prices_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = {
        "hosted": {"provider": "openai", "model": "gpt-4.1-mini"},
        "own": {"provider": "openai_compatible", "model": "<b>m</b>", "base_url": "http://localhost:1"},
    }
    baselines = [
        {"name": "zero_shot", "kind": "zero_shot", "model": "hosted"},
        {"name": "other", "kind": "zero_shot", "model": "own"},
    ]
    case = write_case(tmp_path / "hosted", changes={"models": models, "baselines": baselines})
    monkeypatch.setenv("ADVISOR_CASES", str(case))
    app = opened("prices", case="hosted")
    assert not app.exception
    (marked,) = rows(app, "(this case)")
    assert "gpt-4.1-mini, base" in marked and 'class="marked"' in marked
    (own,) = rows(app, "openai_compatible")
    assert ">unknown<" in own and "<b>m" not in own


def test_a_case_that_cannot_be_read_leaves_the_catalogue_standing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "case.yaml").write_text("[")
    monkeypatch.setenv("ADVISOR_CASES", str(tmp_path / "broken"))
    app = opened("prices", case="broken")
    assert not app.exception
    assert "cannot be read" in told(app)
    assert rows(app, "gpt-4.1-mini, base")
