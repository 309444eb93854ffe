"""Sampled answers are asked for several times: each one is kept, paid for once, and counts in the mean."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from advisor.cases.loading import load_case
from advisor.errors import CaseError
from advisor.evaluation.fingerprint import measurement_fingerprint
from advisor.evaluation.repeats import joined
from advisor.records import Completion, Failure, ItemResult, Usage
from advisor.store.database import Store
from tests.conftest import ScriptedModel, make_rows, write_case

EXPECTED = {r["input"]: r["output"] for r in make_rows("h", 12)}
BASELINE = {"name": "zero_shot", "kind": "zero_shot", "model": "small", "temperature": 0.7, "repeats": 3}


def hosted(folder: Path, **changes: Any) -> Path:
    return write_case(
        folder,
        n_held_out=12,
        changes={
            "models": {
                "small": {
                    "provider": "openai_compatible",
                    "model": "m",
                    "base_url": "http://localhost:1/v1",
                    "prices": {"input": 1.0, "output": 1.0},
                }
            },
            "baselines": [{**BASELINE, **changes}],
        },
    )


def stored_items(case: Path) -> tuple[ItemResult, ...]:
    loaded = load_case(case)
    with Store(f"sqlite:///{case / '.advisor' / 'store.sqlite'}") as store:
        found = store.measurement(
            "little", "zero_shot", measurement_fingerprint(loaded, loaded.case.baselines[0])
        )
    assert found is not None
    return found.items


def use(scripted: Any, answer: Any) -> ScriptedModel:
    model = scripted(answer)
    model.provider = "openai_compatible"
    return model


def in_two_of_three(request: Any) -> str:
    """Right but for the third time it is asked."""
    return EXPECTED.get(request.messages[-1].content, "other") if request.repeat < 2 else "nonsense"


def test_each_item_is_asked_as_often_as_the_case_says_and_scores_the_mean(
    tmp_path: Path, scripted: Any
) -> None:
    case = hosted(tmp_path / "c")
    model = use(scripted, in_two_of_three)
    workflow.run(case)
    asked = Counter((r.messages[-1].content, r.repeat) for r in model.calls if r.repeat >= 0)
    assert set(asked) == {(text, k) for text in EXPECTED for k in range(3)}
    assert set(asked.values()) == {1}
    assert {r.temperature for r in model.calls} == {0.7}
    items = stored_items(case)
    assert {i.repeat_scores["accuracy"] for i in items} == {(1.0, 1.0, 0.0)}
    assert all(i.scores["accuracy"] == pytest.approx(2 / 3) for i in items)


def test_a_second_run_pays_for_nothing(tmp_path: Path, scripted: Any) -> None:
    case = hosted(tmp_path / "c")
    model = use(scripted, in_two_of_three)
    workflow.run(case)
    made = len(model.calls)
    assert workflow.run(case).calls_made == 0
    assert len(model.calls) == made


def test_a_failed_answer_of_several_counts_as_wrong_and_is_asked_again_if_it_may_come(
    tmp_path: Path, scripted: Any
) -> None:
    case = hosted(tmp_path / "c")
    use(
        scripted,
        lambda r: (
            Failure(error="timeout", message="late", transient=True) if r.repeat == 1 else in_two_of_three(r)
        ),
    )
    decision = workflow.run(case).decision
    assert decision.baselines[0].quality.value == pytest.approx(1 / 3)
    assert any("12 of 36 answers failed" in w for w in decision.warnings)
    later = use(scripted, in_two_of_three)
    assert workflow.run(case).decision.baselines[0].quality.value == pytest.approx(2 / 3)
    assert {r.repeat for r in later.calls} == {1}


def test_a_model_of_this_process_is_asked_once_and_that_is_said(tmp_path: Path, scripted: Any) -> None:
    case = write_case(
        tmp_path / "c",
        n_held_out=12,
        changes={
            "models": {"small": {"provider": "embedded", "model": "smollm2-135m"}},
            "baselines": [{**BASELINE, "temperature": 0}],
        },
    )
    model = scripted(in_two_of_three)
    decision = workflow.run(case).decision
    assert Counter(r.messages[-1].content for r in model.calls if r.repeat >= 0).most_common(1)[0][1] == 1
    assert any("asked once" in w for w in decision.warnings)
    assert workflow.check(case).plan.baselines[0].calls_held_out == 12


def test_a_hosted_model_at_temperature_0_may_be_asked_again_and_that_is_said(
    tmp_path: Path, scripted: Any
) -> None:
    case = hosted(tmp_path / "c", temperature=0)
    use(scripted, in_two_of_three)
    decision = workflow.run(case).decision
    assert any("3 times at temperature 0" in w for w in decision.warnings)


def test_the_plan_counts_every_answer(tmp_path: Path, scripted: Any) -> None:
    use(scripted, in_two_of_three)
    once = workflow.check(hosted(tmp_path / "a", repeats=1)).plan.baselines[0]
    thrice = workflow.check(hosted(tmp_path / "b")).plan.baselines[0]
    assert (once.calls_held_out, thrice.calls_held_out) == (12, 36)
    assert thrice.output_tokens == pytest.approx(3 * once.output_tokens, abs=3)
    assert thrice.usd == pytest.approx(3 * once.usd, rel=0.01)


def test_latency_probes_share_no_call_with_answers(tmp_path: Path, scripted: Any) -> None:
    rows = make_rows("h", 12)
    case = write_case(
        tmp_path / "c",
        train=[{**r, "id": f"t{r['id']}"} for r in rows] + make_rows("t", 12),
        held_out=rows,
        changes={"baselines": [{"name": "zero_shot", "kind": "zero_shot", "model": "small"}]},
    )
    model = scripted(in_two_of_three)
    workflow.run(case)
    assert {r.repeat for r in model.calls} == {0, -1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "classifier", "model": None, "repeats": 2, "temperature": 0}, "belong to models"),
        ({"repeats": 0}, "repeats"),
        ({"repeats": 21}, "repeats"),
        ({"temperature": 2.5}, "temperature"),
    ],
)
def test_what_cannot_be_is_an_error_of_the_case(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(CaseError) as found:
        load_case(hosted(tmp_path / "c", **changes))
    assert message in str(found.value)


def test_a_temperature_is_refused_where_models_answer_greedily(tmp_path: Path) -> None:
    case = write_case(
        tmp_path / "c",
        changes={
            "models": {"small": {"provider": "embedded", "model": "smollm2-135m"}},
            "baselines": [BASELINE],
        },
    )
    with pytest.raises(CaseError, match="greedily"):
        load_case(case)


def test_tokens_and_cost_are_means_of_a_request_and_the_latency_is_one_request_s() -> None:
    answers = [
        Completion(text="a", usage=Usage(input=10, output=n), latency_s=float(n), finish_reason="stop")
        for n in (2, 4, 9)
    ]
    item = joined("h1", answers, [{"accuracy": 1.0}] * 3, [0.1, 0.2, 0.6], retrieved=None, call_key="k")
    assert (item.usage.input, item.usage.output, item.latency_s) == (10, 5, 2.0)
    assert item.cost_usd == pytest.approx(0.3)
    unknown = joined("h1", answers, [{}] * 3, [0.1, None, 0.6], retrieved=None, call_key="k")
    assert unknown.cost_usd is None


def test_results_with_several_answers_come_back_as_they_were_exported(
    tmp_path: Path, scripted: Any, cli: Any
) -> None:
    case = hosted(tmp_path / "c")
    use(scripted, in_two_of_three)
    first = workflow.run(case).decision
    assert cli("export", case).code == 0
    (case / ".advisor").rename(tmp_path / "away")
    second = workflow.decide(case)
    assert second.baselines[0].quality == first.baselines[0].quality
    assert second.noise == first.noise


def test_a_wrong_form_of_repeated_scores_is_named_with_its_line(tmp_path: Path, cli: Any) -> None:
    case = hosted(tmp_path / "c")
    (case / "results.jsonl").write_text(
        '{"baseline": "zero_shot", "id": "h0", "score": 1, "repeat_scores": {"accuracy": "all"}}\n'
    )
    result = cli("decide", case)
    assert result.code != 0
    assert "repeat_scores" in result.err
