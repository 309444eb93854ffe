"""The sample cases show real, recorded figures at once, and the README says what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from advisor import workflow
from advisor.cases.scaffold import create_case

ROOT = Path(__file__).parents[1]
SAMPLES = ["support_intents", "policy_qa", "recipe_ingredients", "order_extraction"]
WORDS = {"fine_tune": "**fine-tune**", "do_not_fine_tune": "**do not fine-tune**", "not_yet": "**not yet**"}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_decides_from_its_recorded_results_without_a_model(name: str, tmp_path: Path) -> None:
    decision = workflow.decide(create_case(tmp_path / name, sample=name))
    Draft202012Validator(json.loads((ROOT / "advisor" / "decision.schema.json").read_text())).validate(
        decision.to_dict()
    )
    assert decision.provenance.source == "recorded"
    assert decision.provenance.recorded_at
    assert decision.provenance.hardware
    assert not [w for w in decision.warnings if "has changed" in w]
    assert {b.n for b in decision.baselines} == {decision.facts.n_held_out}
    assert all(b.tuning for b in decision.baselines if b.kind == "fine_tuned")
    assert all(len(b.trials) > 1 for b in decision.baselines if b.kind == "few_shot")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_readme_says_what_the_samples_say(name: str, tmp_path: Path) -> None:
    decision = workflow.decide(create_case(tmp_path / name, sample=name))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith(f"| [{name}]"))
    assert WORDS[decision.verdict.decision] in row
    for baseline in decision.baselines:
        if baseline.kind in ("fine_tuned", "rag", "classifier"):
            assert f"{(baseline.quality.value or 0) * 100:.1f} %" in row


def test_the_readme_shows_what_the_terminal_says(
    tmp_path: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    said = [
        line.rstrip()
        for line in cli("decide", create_case(tmp_path / "c", sample="support_intents")).out.split("\n")
    ]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = text.partition("```text\n")[2].partition("\n```")[0].split("\n")
    assert len(shown) > 30
    assert said[: len(shown)] == shown


def test_recorded_results_are_not_taken_for_another_models(tmp_path: Path) -> None:
    case = create_case(tmp_path / "case", sample="support_intents")
    text = (case / "case.yaml").read_text()
    other = text.replace("{provider: embedded, model: smollm2-135m,", "{provider: huggingface, model: other,")
    assert other != text
    (case / "case.yaml").write_text(other)
    decision = workflow.decide(case)
    measured = {b.name for b in decision.baselines if b.n}
    assert measured == {"classifier"}
    assert any("another model" in w for w in decision.warnings)
