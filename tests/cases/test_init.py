"""`advisor init` makes a case that passes `check`, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def test_the_template_passes_check(tmp_path: Path, cli: Any, scripted: Any) -> None:
    scripted()
    assert cli("init", tmp_path / "my case!").code == 0
    result = cli("check", tmp_path / "my case!", "--json")
    assert result.code == 0, result.err
    assert result.json["case"] == "my_case"


@pytest.mark.parametrize("sample", ["support_intents", "policy_qa", "recipe_ingredients", "order_extraction"])
def test_a_sample_can_be_copied(tmp_path: Path, cli: Any, scripted: Any, sample: str) -> None:
    scripted()
    assert cli("init", tmp_path / "mine", "--from", sample).code == 0
    assert cli("check", tmp_path / "mine").code == 0
    assert not (tmp_path / "mine" / ".advisor").exists()


def test_an_unknown_sample_names_those_there_are(tmp_path: Path, cli: Any) -> None:
    result = cli("init", tmp_path / "mine", "--from", "nonsense")
    assert result.code == 2
    assert "support_intents" in result.err
    assert not (tmp_path / "mine").exists()
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, cli: Any) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    assert cli("init", tmp_path / "mine").code == 2
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
