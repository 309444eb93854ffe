"""The commands as their users see them: outputs, exit codes, and what is written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from advisor.version import __version__
from tests.conftest import make_rows, write_case

SCHEMA = json.loads((Path(__file__).parents[1] / "advisor" / "decision.schema.json").read_text())


def right(request: Any) -> str:
    return ("delivery", "payment", "other")[sum(map(ord, request.messages[-1].content)) % 3]


@pytest.fixture
def measured(tmp_path: Path, scripted: Any, cli: Any) -> Path:
    case = write_case(tmp_path / "c")
    scripted(right)
    assert cli("run", case).code == 0
    return case


def test_run_and_decide_print_the_same_contract(measured: Path, cli: Any) -> None:
    for command in (["run", measured, "--json"], ["decide", measured, "--json"]):
        result = cli(*command)
        assert result.code == 0
        Draft202012Validator(SCHEMA).validate(result.json)


def test_human_text_goes_to_stderr_and_results_to_stdout(measured: Path, cli: Any) -> None:
    result = cli("run", measured)
    assert "no call was made" in result.err
    assert "zero_shot" in result.out
    assert "no call was made" not in result.out


def test_an_assumption_is_changed_without_touching_the_case(measured: Path, cli: Any) -> None:
    before = (measured / "case.yaml").read_bytes()
    few = cli("decide", measured, "--json").json
    many = cli("decide", measured, "--json", "--set", "traffic.requests_per_month=5e9").json
    first, second = (d["baselines"][0]["cost_usd"]["per_month"] for d in (few, many))
    assert second > first
    assert (measured / "case.yaml").read_bytes() == before


@pytest.mark.parametrize(
    "change", ["task.instructions=x", "models.small.model=y", "data.seed=3", "nonsense=1"]
)
def test_what_was_measured_cannot_be_set(measured: Path, cli: Any, change: str) -> None:
    result = cli("decide", measured, "--set", change)
    assert result.code == 2
    assert "not an assumption" in result.err


@pytest.mark.parametrize(
    "change", ["traffic.requests_per_month=many", "traffic.requests_per_month=-5", "traffic"]
)
def test_a_value_that_does_not_fit_is_refused(measured: Path, cli: Any, change: str) -> None:
    assert cli("decide", measured, "--set", change).code == 2


@pytest.mark.parametrize(("format", "start"), [("html", "<!DOCTYPE html>"), ("md", "#"), ("json", "{")])
def test_reports_are_written_where_asked(
    measured: Path, cli: Any, tmp_path: Path, format: str, start: str
) -> None:
    result = cli("report", measured, "--format", format, "--output", tmp_path / "out")
    assert result.code == 0
    path = Path(result.out.strip())
    assert path == tmp_path / "out" / f"little.{format}"
    assert path.read_text().lstrip().startswith(start)


def test_an_unknown_format_writes_nothing(measured: Path, cli: Any, tmp_path: Path) -> None:
    result = cli("report", measured, "--format", "docx", "--output", tmp_path / "out")
    assert result.code == 2
    assert not (tmp_path / "out").exists()


def test_an_unknown_baseline_is_named_with_those_there_are(measured: Path, cli: Any) -> None:
    result = cli("run", measured, "--baselines", "nonsense")
    assert result.code == 2
    assert "zero_shot, few_shot, classifier" in result.err


def test_a_batch_isolates_a_broken_case_and_writes_an_index(tmp_path: Path, cli: Any, scripted: Any) -> None:
    scripted(right)
    write_case(tmp_path / "cases" / "good")
    write_case(tmp_path / "cases" / "deep" / "same_name")
    broken = write_case(tmp_path / "cases" / "broken")
    (broken / "train.jsonl").write_text("nonsense\n")
    result = cli("batch", tmp_path / "cases", "--output", tmp_path / "out", "--json")
    assert result.code == 3
    by_folder = {Path(e["folder"]).name: e for e in result.json}
    assert by_folder["broken"]["error"]
    reports = {by_folder[n]["report"] for n in ("good", "same_name")}
    assert len(reports) == 2
    assert all(Path(r).is_file() for r in reports)
    index = (tmp_path / "out" / "index.html").read_text()
    assert "broken" in index
    assert all(Path(r).name in index for r in reports)


def test_a_batch_of_nothing_is_wrong_usage(tmp_path: Path, cli: Any) -> None:
    assert cli("batch", tmp_path).code == 2


def test_without_results_there_is_no_verdict_but_a_hint(tmp_path: Path, cli: Any) -> None:
    result = cli("decide", write_case(tmp_path / "c"))
    assert result.code == 1
    assert "advisor run" in result.err
    assert not (tmp_path / "c" / ".advisor").exists()


def test_check_plans_every_call_and_makes_none(tmp_path: Path, cli: Any, scripted: Any) -> None:
    model = scripted(right)
    result = cli("check", write_case(tmp_path / "c"), "--json")
    plan = {b["name"]: b for b in result.json["plan"]["baselines"]}
    assert (plan["few_shot"]["calls_dev"], plan["few_shot"]["calls_held_out"]) == (12, 60)
    assert plan["few_shot"]["input_tokens"] > plan["zero_shot"]["input_tokens"] > 0
    assert model.calls == []


def test_the_plan_is_near_what_a_run_takes(tmp_path: Path, cli: Any, scripted: Any) -> None:
    model = scripted(right)
    case = write_case(tmp_path / "c", train=make_rows("t", 40), n_held_out=40)
    plan = cli("check", case, "--json").json["plan"]["baselines"]
    cli("run", case)
    taken = sum(model.count_tokens(c.messages) for c in model.calls)
    planned = sum(b["input_tokens"] or 0 for b in plan)
    assert planned == pytest.approx(taken, rel=0.1)


def test_the_version_is_printed(cli: Any) -> None:
    result = cli("--version")
    assert result.code == 0
    assert result.out.strip()[0].isdigit()


def test_postgresql_and_other_urls_that_cannot_be_opened_are_said(
    tmp_path: Path, cli: Any, scripted: Any
) -> None:
    scripted(right)
    case = write_case(tmp_path / "c")
    result = cli("run", case, "--store", "postgresql+nonsense://nowhere/db")
    assert result.code == 1
    assert "--store" in result.err


def test_a_store_whose_driver_is_missing_says_how_to_get_it(tmp_path: Path, cli: Any) -> None:
    result = cli("decide", write_case(tmp_path / "c"), "--store", "postgresql+psycopg2://nowhere/db")
    assert result.code == 1
    assert "pip install advisor[postgresql]" in result.err
    assert "postgresql+psycopg://" in result.err


def test_a_store_can_stand_elsewhere(tmp_path: Path, cli: Any, scripted: Any) -> None:
    scripted(right)
    case = write_case(tmp_path / "c")
    url = f"sqlite:///{tmp_path / 'team.sqlite'}"
    assert cli("run", case, "--store", url).code == 0
    assert cli("decide", case, "--store", url).code == 0
    assert not (case / ".advisor" / "store.sqlite").exists()


def test_the_package_can_be_run_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "advisor", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == __version__
