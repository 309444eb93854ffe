"""The tokens that `check` estimates are those that a provider bills, and so is the price."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor import workflow
from advisor.cases.loading import LoadedCase, load_case
from advisor.models.structured import enforced_answer
from advisor.prompts import build_request, render_output
from advisor.testing import ContractServer
from advisor.workflow.rehearsal import keys, rehearsed

SAMPLES = Path(__file__).parents[2] / "sample_cases"
WITHIN = 0.02


class KnowsTheAnswers:
    """Answers as the case expects: an estimate of answers is one of right ones."""

    def __init__(self, loaded: LoadedCase) -> None:
        self._known = {}
        for example in (*loaded.train, *loaded.held_out):
            request = build_request(loaded.case.task, example)
            answer = enforced_answer(request, render_output(loaded.case.task, example.output))
            self._known[request.messages[-1].content] = answer

    def answer(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        response_format: Mapping[str, Any] | None,
        tuned_on: Any,
    ) -> str:
        asked = str(messages[-1]["content"])
        return self._known[asked.rpartition("Question: ")[2] if asked.startswith("Passages:") else asked]


@pytest.mark.parametrize("sample", sorted(p.name for p in SAMPLES.iterdir() if p.is_dir()))
def test_the_estimate_is_what_is_billed(tmp_path: Path, sample: str) -> None:
    case = tmp_path / sample
    shutil.copytree(SAMPLES / sample, case, ignore=shutil.ignore_patterns(".advisor", "results*"))
    content = yaml.safe_load((case / "case.yaml").read_text())
    with ContractServer(brain=KnowsTheAnswers(load_case(case)), training_s=0.1) as server:
        (case / "case.yaml").write_text(yaml.safe_dump(rehearsed(content, "openai", server)))
        with keys(server):
            plan = workflow.check(case).plan
            outcome = workflow.run(case)
        assert not server.violations

    # what dev chose is known only after the run; the plan has a figure for each choice
    chosen = {b.name: b.setting for b in outcome.decision.baselines}
    planned: dict[str, Any] = {b.name: b for b in plan.baselines}
    for b in plan.baselines:
        planned[b.name] = next((s for s in b.by_setting if s.setting == chosen[b.name]), b)
    billed = server.billed
    # a tuned model with retrieval is trained with the setting that its base chose
    for name, estimated, counted in (
        ("input", "input_tokens", sum(t.input for t in billed.chat.values())),
        ("output", "output_tokens", sum(t.output for t in billed.chat.values())),
        ("training", "training_tokens", sum(billed.trained_tokens.values())),
    ):
        total = sum(getattr(b, estimated) or 0 for b in planned.values())
        assert total == pytest.approx(counted, rel=WITHIN), name
    usd = sum(b.usd for b in planned.values())
    assert usd == pytest.approx(outcome.spent_usd, rel=WITHIN)


def test_the_difference_to_the_providers_count_is_shown(tmp_path: Path) -> None:
    sample = SAMPLES / "support_intents"
    case = tmp_path / "case"
    shutil.copytree(sample, case, ignore=shutil.ignore_patterns(".advisor", "results*"))
    content = yaml.safe_load((case / "case.yaml").read_text())
    with ContractServer() as server, keys(server):
        (case / "case.yaml").write_text(yaml.safe_dump(rehearsed(content, "openai", server)))
        decision = workflow.run(case, baselines=["zero_shot"]).decision
        assert not any("prompt tokens than were counted" in w for w in decision.warnings)
        stored = json.dumps(decision.to_dict())
    assert server.api_key not in stored
