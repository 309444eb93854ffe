"""A batch: all verdicts sorted by what is at stake, each case by itself, what changed since last time, nothing torn."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from advisor import files, workflow
from advisor.errors import UsageError
from advisor.records import Decision
from advisor.reports.index import IndexEntry, render_index
from advisor.reports.stakes import at_stake_usd, gain_usd, stake_lines
from advisor.resources import sample_cases_folder
from tests.conftest import write_case
from tests.reports.decisions import HOSTILE, full_decision, hostile_decision, sparse_decision

SAMPLES = ("order_extraction", "policy_qa", "recipe_ingredients", "support_intents")


class Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [str(v) for k, v in attrs if k == "href"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[workflow.BatchEntry], Path]:
    folder = tmp_path_factory.mktemp("batch")
    return workflow.batch(sample_cases_folder(), output=folder, formats=("html", "md"))


def test_a_report_per_sample_case_and_an_index_from_recorded_results(written: Any) -> None:
    entries, index = written
    assert sorted(e.decision.case for e in entries) == list(SAMPLES)
    assert [e.error for e in entries] == [None] * 4
    found = {p.name for p in index.parent.iterdir()}
    assert found == {"index.html"} | {f"{n}.{s}" for n in SAMPLES for s in ("html", "md", "json")}
    html = index.read_text(encoding="utf-8")
    assert set(Links(html).found) <= found
    assert all(e.decision.facts.title in html for e in entries)
    assert "Since last time" not in html


def test_the_largest_value_at_stake_stands_first(written: Any) -> None:
    entries, index = written
    at_stake = [e.at_stake_usd for e in entries]
    assert at_stake == sorted(at_stake, reverse=True)
    html = index.read_text(encoding="utf-8")
    places = [html.index(f'href="{e.report.name}"') for e in entries]
    assert places == sorted(places)


def test_each_decision_can_be_read_again(written: Any) -> None:
    entries, index = written
    for e in entries:
        again = Decision.model_validate_json((index.parent / f"{e.decision.case}.json").read_text())
        assert again == e.decision


def test_run_again_it_says_what_changed(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    case = cases / "one"
    for name in ("case.yaml", "train.jsonl", "held_out.jsonl", "results.jsonl", "results.about.json"):
        case.mkdir(parents=True, exist_ok=True)
        (case / name).write_bytes((sample_cases_folder() / "recipe_ingredients" / name).read_bytes())
    first, _ = workflow.batch(cases, output=tmp_path / "out", formats=("json",))
    assert first[0].changed is None
    second, index = workflow.batch(cases, output=tmp_path / "out", formats=("json",))
    assert second[0].changed == ("The verdict stays: Not yet.", "Nothing else changed.")
    text = (case / "case.yaml").read_text()
    (case / "case.yaml").write_text(re.sub(r"hourly_rate_usd: \d+", "hourly_rate_usd: 300", text))
    third, index = workflow.batch(cases, output=tmp_path / "out", formats=("json",))
    assert third[0].changed is not None
    assert any("Price of an hour of work" in line for line in third[0].changed)
    assert "Since last time" in index.read_text(encoding="utf-8")
    (tmp_path / "out" / "recipe_ingredients.json").write_text("{ torn")
    fourth, _ = workflow.batch(cases, output=tmp_path / "out", formats=("json",))
    assert fourth[0].changed == ("The earlier decision could not be read.",)


def test_whatever_fails_in_one_case_leaves_the_others_alone(
    tmp_path: Path, scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from advisor.workflow import reporting

    scripted(lambda request: "delivery")
    for name in ("good", "odd"):
        write_case(tmp_path / "cases" / name, changes={"name": name})
    whole = reporting.render_bytes

    def breaks(found: Any, format: str) -> bytes:
        if found.decision.case == "odd":
            raise ZeroDivisionError("a fault of ours")
        return whole(found, format)

    monkeypatch.setattr(reporting, "render_bytes", breaks)
    entries, index = workflow.batch(tmp_path / "cases", output=tmp_path / "out", formats=("md",))
    assert [e.folder.name for e in entries] == ["good", "odd"]
    assert entries[1].error == "ZeroDivisionError: a fault of ours"
    assert "a fault of ours" in index.read_text(encoding="utf-8")


def test_two_cases_of_one_name_have_each_their_own_report(tmp_path: Path, scripted: Any) -> None:
    scripted(lambda request: "delivery")
    for place in ("a", "b", "deep/a"):
        write_case(tmp_path / "cases" / place)
    entries, _ = workflow.batch(tmp_path / "cases", output=tmp_path / "out", formats=("md",))
    assert len({e.report for e in entries}) == 3


def index_of(*entries: IndexEntry) -> str:
    return render_index(entries, datetime(2026, 11, 25, tzinfo=UTC))


def test_hostile_text_in_the_index_is_text() -> None:
    html = index_of(
        IndexEntry(folder=HOSTILE, decision=hostile_decision(), report='x".html', changed=(HOSTILE,)),
        IndexEntry(folder=HOSTILE, error=HOSTILE),
    )
    assert not Links(html).tags & {"script", "b", "img", "iframe"}
    assert set(Links(html).found) == {"x%22.html"}
    assert "\x1b" not in html and "\u202e" not in html and "{{ 7*7 }}" in html


def test_what_is_at_stake_is_unknown_where_no_money_is_known() -> None:
    assert at_stake_usd(sparse_decision()) is None
    assert "not known" in stake_lines(sparse_decision())[0]
    html = index_of(IndexEntry(folder="f", decision=sparse_decision(), report="a.html"))
    assert "unknown" in html


def test_what_is_at_stake_is_the_larger_of_gain_and_regret() -> None:
    d = full_decision()
    gain = gain_usd(d)
    assert gain is not None
    assert at_stake_usd(d) == pytest.approx(max(abs(gain), 64.5))


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..",
        ".hidden",
        "/abs/path",
        "a/b\\c",
        "con\x00trol",
        "\ud800",
        "",
        "x" * 500,
        "-rf",
    ],
)
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    safe = files.safe_name(name)
    assert safe and not safe.startswith((".", "-")) and len(safe) <= 80
    assert (tmp_path / safe).resolve().parent == tmp_path.resolve()
    (tmp_path / safe).write_text("x")


def test_a_report_that_fails_leaves_what_stood_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = sample_cases_folder() / "recipe_ingredients"
    (path,) = workflow.reports(case, ("md",), output=tmp_path)
    before = path.read_bytes()

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        workflow.reports(case, ("md",), output=tmp_path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_several_formats_at_once_and_an_unknown_one_before_anything_is_done(tmp_path: Path, cli: Any) -> None:
    case = sample_cases_folder() / "recipe_ingredients"
    result = cli("report", case, "--format", "md", "--format", "json,xlsx", "--output", tmp_path)
    assert result.code == 0
    assert [Path(p).suffix for p in result.out.split()] == [".md", ".json", ".xlsx"]
    assert cli("report", case, "--format", "docx", "--output", tmp_path / "none").code == 2
    assert not (tmp_path / "none").exists()


def test_compare_takes_files_cases_and_folders_of_reports(written: Any, cli: Any, tmp_path: Path) -> None:
    _, index = written
    case = sample_cases_folder() / "policy_qa"
    result = cli("compare", index.parent, case, "--json")
    assert result.code == 0
    assert result.json["case"] == "policy_qa"
    assert result.json["same_held_out"] is True
    assert "The verdict stays" in cli("compare", index.parent / "policy_qa.json", case).out
    assert cli("compare", index.parent / "policy_qa.json", case, "--markdown").out.startswith(
        "# What changed"
    )
    other = cli("compare", index.parent / "policy_qa.json", sample_cases_folder() / "recipe_ingredients")
    assert other.code == 2 and "different cases" in other.err
    (tmp_path / "no.json").write_text(json.dumps({"a": 1}))
    assert "is no decision" in cli("compare", tmp_path / "no.json", case).err
    assert "does not exist" in cli("compare", tmp_path / "missing.json", case).err


def test_a_folder_of_many_decisions_needs_a_name(written: Any) -> None:
    _, index = written
    with pytest.raises(UsageError, match="4 decisions"):
        workflow.compare(index.parent, index.parent)
