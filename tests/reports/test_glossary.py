"""Figures explain themselves, in the app as in the docs."""

from __future__ import annotations

from pathlib import Path

from advisor.reports.glossary import TERMS, explained, render_glossary

PAGE = Path(__file__).parents[2] / "docs" / "glossary.md"


def test_the_page_of_the_docs_says_what_the_app_says() -> None:
    again = "write it anew: python -m advisor.reports.glossary > docs/glossary.md"
    assert PAGE.read_text(encoding="utf-8") == render_glossary(), again


def test_every_figure_says_what_it_is_from_which_data_and_how_sure() -> None:
    assert len({t.id for t in TERMS}) == len(TERMS)
    for t in TERMS:
        assert bool(t.source) == bool(t.sure), t.name
        assert ("*How sure:*" in explained(t.id)) == bool(t.sure)
