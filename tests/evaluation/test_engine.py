"""A call is paid once: answers are kept before they are used, and a budget is never overrun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from advisor.errors import BudgetExceededError, NoResultsError
from advisor.records import Failure
from tests.conftest import write_case, write_jsonl


def right(request: Any) -> str:
    """Answers by the last word but one of the message: always the same label for a message."""
    text = request.messages[-1].content
    return ("delivery", "payment", "other")[sum(map(ord, text)) % 3]


def test_a_second_run_makes_no_call_and_ends_alike(tmp_path: Path, scripted: Any) -> None:
    case = write_case(tmp_path / "c")
    model = scripted(right)
    first = workflow.run(case)
    made = len(model.calls)
    assert first.calls_made > 0
    second = workflow.run(case)
    assert (len(model.calls), second.calls_made) == (made, 0)
    assert second.decision.baselines == first.decision.baselines
    assert second.decision.verdict == first.decision.verdict


def test_no_request_is_sent_twice(tmp_path: Path, scripted: Any) -> None:
    model = scripted(right)
    workflow.run(write_case(tmp_path / "c"))
    assert len({c.model_dump_json() for c in model.calls}) == len(model.calls)


def test_held_out_outputs_and_items_never_reach_a_prompt_as_examples(tmp_path: Path, scripted: Any) -> None:
    case = write_case(tmp_path / "c")
    model = scripted(right)
    workflow.run(case)
    held_out = {
        line.split('"input": "')[1].split('"')[0]
        for line in (case / "held_out.jsonl").read_text().splitlines()
    }
    for call in model.calls:
        assert not {m.content for m in call.messages[:-1]} & held_out


def test_the_number_of_examples_is_chosen_on_dev_only(tmp_path: Path, scripted: Any) -> None:
    case = write_case(tmp_path / "c")
    model = scripted(lambda r: right(r) if len(r.messages) > 4 else "other")
    decision = workflow.run(case, baselines=["few_shot"]).decision
    row = next(b for b in decision.baselines if b.name == "few_shot")
    assert {t.n for t in row.trials} == {6}
    assert row.setting == max(row.trials, key=lambda t: t.value).setting
    held_out = {
        line.split('"input": "')[1].split('"')[0]
        for line in (case / "held_out.jsonl").read_text().splitlines()
    }
    settings = {len(c.messages) for c in model.calls if c.messages[-1].content in held_out}
    assert settings == {2 + 2 * int(row.setting["examples"])}


def test_the_budget_stops_before_it_is_exceeded_and_the_run_goes_on_later(
    tmp_path: Path, scripted: Any
) -> None:
    models = {"small": {"provider": "x", "model": "m", "prices": {"input": 10.0, "output": 10.0}}}
    baselines = [{"name": "zero_shot", "kind": "zero_shot", "model": "small"}]
    task = {"kind": "generation", "instructions": "Say it.", "max_output_tokens": 5}
    rows = [{"id": f"{s}{i}", "input": f"{s} {i}", "output": "a b c"} for s in "th" for i in range(40)]
    case = write_case(
        tmp_path / "c",
        train=rows[:40],
        held_out=rows[40:],
        changes={"models": models, "baselines": baselines, "task": task, "quality": {"metric": "token_f1"}},
    )
    model = scripted(lambda r: "a b d")
    with pytest.raises(BudgetExceededError) as stopped:
        workflow.run(case, budget_usd=0.001)
    assert stopped.value.exit_code == 4
    made = len(model.calls)
    spent = sum(model.count_tokens(c.messages) + 3 for c in model.calls) * 10 / 1e6
    assert 0 < made < 40
    assert spent <= 0.001
    outcome = workflow.run(case, budget_usd=1.0)
    assert outcome.stopped_by_budget is None
    assert len({c.model_dump_json() for c in model.calls}) == len(model.calls)


def test_a_budget_needs_known_prices(tmp_path: Path, scripted: Any, cli: Any) -> None:
    models = {"small": {"provider": "x", "model": "m"}}
    scripted(right)
    result = cli("run", write_case(tmp_path / "c", changes={"models": models}), "--budget", "1")
    assert result.code == 1
    assert "is not known" in result.err


def test_a_failed_item_counts_as_wrong_and_exits_3(tmp_path: Path, scripted: Any, cli: Any) -> None:
    case = write_case(tmp_path / "c")
    gone = Failure(error="context_window", message="too long")
    scripted(
        lambda r: (
            gone if "h003" in r.messages[-1].content or "number 12" in r.messages[-1].content else right(r)
        )
    )
    result = cli("run", case, "--json", "--baselines", "zero_shot")
    assert result.code == 3
    row = result.json["baselines"][0]
    assert row["failed"] >= 1
    assert row["n"] == 60
    assert any("failed for good" in w for w in result.json["warnings"])


def test_a_limit_is_a_trial_that_a_full_run_completes(tmp_path: Path, scripted: Any) -> None:
    case = write_case(tmp_path / "c")
    model = scripted(right)
    trial = workflow.run(case, limit=10)
    assert trial.decision.verdict.decision == "not_yet"
    assert {b.n for b in trial.decision.baselines} == {10}
    full = workflow.run(case)
    assert {b.n for b in full.decision.baselines} == {60}
    assert len({c.model_dump_json() for c in model.calls}) == len(model.calls)


def test_another_price_changes_no_result_and_needs_no_call(tmp_path: Path, scripted: Any) -> None:
    case = write_case(tmp_path / "c")
    model = scripted(right)
    workflow.run(case)
    made = len(model.calls)
    text = (case / "case.yaml").read_text().replace("usd_per_hour: 0.05", "usd_per_hour: 5.0")
    (case / "case.yaml").write_text(text)
    assert workflow.run(case).calls_made == 0
    assert len(model.calls) == made


def test_other_instructions_are_measured_anew_and_counted_as_a_look(tmp_path: Path, scripted: Any) -> None:
    case = write_case(tmp_path / "c")
    scripted(right)
    workflow.run(case, baselines=["zero_shot"])
    text = (case / "case.yaml").read_text().replace("Sort the message.", "Sort this message.")
    (case / "case.yaml").write_text(text)
    with pytest.raises(NoResultsError):
        workflow.decide(case)
    outcome = workflow.run(case, baselines=["zero_shot"])
    assert outcome.calls_made > 0
    assert outcome.decision.provenance.held_out_looks == 2


def test_results_can_be_exported_and_decide_alone(tmp_path: Path, scripted: Any, cli: Any) -> None:
    case = write_case(tmp_path / "c")
    scripted(right)
    measured = workflow.run(case).decision
    assert cli("export", case).code == 0
    copy = write_case(tmp_path / "copy")
    for name in ("results.jsonl", "results.about.json"):
        (copy / name).write_bytes((case / name).read_bytes())
    recorded = workflow.decide(copy)
    assert recorded.provenance.source == "recorded"
    assert recorded.provenance.hardware == measured.provenance.hardware
    assert recorded.verdict == measured.verdict
    assert [b.quality for b in recorded.baselines] == [b.quality for b in measured.baselines]
    assert not (copy / ".advisor").exists(), "deciding writes nothing"


def test_imported_results_give_a_verdict(tmp_path: Path, cli: Any) -> None:
    case = write_case(tmp_path / "c")
    rows = [
        {"baseline": "zero_shot", "id": f"h{i}", "score": float(i % 2), "input_tokens": 100}
        for i in range(60)
    ]
    write_jsonl(tmp_path / "r.jsonl", rows)
    assert cli("import", case, tmp_path / "r.jsonl").code == 0
    decision = cli("decide", case, "--json").json
    row = next(b for b in decision["baselines"] if b["name"] == "zero_shot")
    assert (row["n"], row["quality"]["value"], row["tokens"]["input"]) == (60, 0.5, 100)
    assert row["tokens"]["output"] is None
    assert row["latency_s"]["p50"] is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"baseline": "zero_shot", "id": "h1"}, "score: is missing"),
        ({"baseline": "nobody", "id": "h1", "score": 1}, "'nobody' is not a baseline"),
        ({"baseline": "zero_shot", "id": "h999", "score": 1}, "'h999' is not in the held-out set"),
        ({"baseline": "zero_shot", "id": "h1", "score": 7}, "between 0 and 1"),
        ({"baseline": "zero_shot", "id": "h1", "score": "1"}, "must be a number"),
        ({"baseline": "zero_shot", "id": "h1", "score": 1, "latency_s": -1}, "must not be negative"),
        ({"baseline": "zero_shot", "id": "h1", "score": 1, "latency": 1}, "latency: is not a key"),
    ],
)
def test_wrong_results_are_refused_with_their_line(
    tmp_path: Path, cli: Any, row: dict[str, Any], message: str
) -> None:
    case = write_case(tmp_path / "c")
    write_jsonl(tmp_path / "r.jsonl", [{"baseline": "zero_shot", "id": "h0", "score": 1}, row])
    result = cli("import", case, tmp_path / "r.jsonl")
    assert result.code == 1
    assert "r.jsonl:2" in result.err
    assert message in result.err
    assert cli("decide", case).code == 1, "nothing was taken in"
