"""Results of other tools: promptfoo's output and Inspect's logs, as the tools themselves wrote them.

The fixtures are real: `promptfoo eval -o` of promptfoo 0.121.20 (results version 3, Node 20.20.2, providers `echo` and
a JavaScript one that reports tokens, `--repeat 2`) and of 0.43.1 (version 2), and logs of inspect_ai 0.3.285 with
`mockllm/model` (`.eval` of two epochs with failing samples, `.json` of samples without ids). Events, tracebacks and
model arguments were taken out of the logs, and their files packed again as they were: with Zstandard.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from advisor.cases.loading import LoadedCase, load_case
from advisor.errors import CaseError, UsageError
from advisor.evaluation.imports import read_import
from advisor.evaluation.imports._formats import recognised
from advisor.evaluation.imports._zip import ZstdMissingError
from advisor.evaluation.results_file import read_results, write_results
from advisor.records import Measured
from tests.conftest import CliResult, write_case, write_jsonl

FIXTURES = Path(__file__).parent / "fixtures"
PROMPTFOO = FIXTURES / "promptfoo_repeat.json"
EVAL = FIXTURES / "inspect_epochs.eval"
LOG = FIXTURES / "inspect_no_ids.json"
OLD = FIXTURES / "promptfoo_v2.json"
INPUTS = ["Where is my parcel?", "I was charged twice.", "Do you sell mugs?", "The courier broke it."]
OUTPUTS = ["delivery", "payment", "other", "delivery"]
ROWS = [
    {"id": f"h{n}", "input": text, "output": output}
    for n, (text, output) in enumerate(zip(INPUTS, OUTPUTS, strict=True))
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return little_case(tmp_path / "case")


SHOTS = [{"name": "zero_shot", "kind": "zero_shot", "model": "small"}]


def little_case(folder: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    baselines = [
        {"name": "zero_shot", "kind": "zero_shot", "model": "small"},
        {
            "name": "tuned",
            "kind": "fine_tuned",
            "model": "small",
            "tuning": {"system": "existing", "model": "x"},
        },
    ]
    return write_case(folder, changes={"baselines": baselines}, held_out=rows or ROWS)


def read(folder: Path, path: Path, **options: Any) -> dict[str, Measured]:
    return {m.name: m for m in read_import(load_case(folder), path, **options).measured}


def problems(loaded: LoadedCase, path: Path, **options: Any) -> str:
    with pytest.raises(CaseError) as caught:
        read_import(loaded, path, **options)
    return str(caught.value)


def changed(path: Path, tmp_path: Path, change: Callable[[Any], None]) -> Path:
    """A copy of a JSON fixture with a change."""
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    copy = tmp_path / path.name
    copy.write_text(json.dumps(document), encoding="utf-8")
    return copy


# ── which tool ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("path", "format"), [(PROMPTFOO, "promptfoo"), (EVAL, "inspect"), (LOG, "inspect")])
def test_the_tool_is_told_by_what_the_file_holds(tmp_path: Path, path: Path, format: str) -> None:
    copy = tmp_path / "results.txt"
    copy.write_bytes(path.read_bytes())
    assert recognised(copy) == format


def test_lines_are_still_taken(folder: Path) -> None:
    file = folder / "mine.txt"
    line = {"baseline": "zero_shot", "id": "h0", "score": 1.0}
    write_jsonl(file, [line])  # a single line is a JSON document too
    assert recognised(file) == "jsonl"
    assert [i.id for i in read(folder, file)["zero_shot"].items] == ["h0"]
    write_jsonl(file, [line, {**line, "id": "h1"}])
    assert recognised(file) == "jsonl"
    assert workflow.import_results(folder, file) == {"zero_shot": 2}


LINE = {"baseline": "zero_shot", "id": "h0", "score": 1.0}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"input_tokens": 10, "cached_input_tokens": 100}, "must not be more than input_tokens (10)"),
        ({"input_tokens": 1e30}, "more than can be believed"),
        ({"scores": {"accuracy": 50}}, "each between 0 and 1"),
        ({"scores": "x"}, "each between 0 and 1"),
        ({"retrieved": 5}, "a list of names of passages"),
        ({"failure": 7}, 'an object with "error" and "message"'),
        ({"answer": "\ud800"}, "surrogate"),
        ({"tokens": 5}, "there are baseline, id, score"),
        ({"id": "x" * 200_000}, "is not in the held-out set"),
    ],
)
def test_a_line_that_cannot_be_is_refused(folder: Path, wrong: dict[str, Any], said: str) -> None:
    file = folder / "mine.jsonl"
    file.write_text(json.dumps({**LINE, **wrong}) + "\n", encoding="utf-8")
    text = problems(load_case(folder), file, format="jsonl")
    assert said in text
    assert len(text) < 1_000


def test_a_line_that_is_nested_without_end_is_refused(folder: Path) -> None:
    file = folder / "mine.jsonl"
    file.write_text("[" * 100_000, encoding="utf-8")
    assert "nested too deeply" in problems(load_case(folder), file, format="jsonl")


def test_of_many_problems_their_number_is_said(folder: Path) -> None:
    file = folder / "mine.jsonl"
    file.write_text('{"baseline":\n' * 300, encoding="utf-8")
    text = problems(load_case(folder), file, format="jsonl")
    assert text.startswith("300 problems")
    assert "and 250 more" in text


def test_a_table_is_no_file_of_results_and_that_is_said_once(folder: Path) -> None:
    file = folder / "mine.csv"
    file.write_text("baseline,id,score\n" + "zero_shot,h0,1\n" * 100, encoding="utf-8")
    assert problems(load_case(folder), file).startswith("1 problem")


def test_a_failure_in_words_counts_as_wrong(folder: Path) -> None:
    write_jsonl(folder / "mine.jsonl", [{**LINE, "failure": "timeout"}])
    item = next(iter(read(folder, folder / "mine.jsonl")["zero_shot"].items))
    assert item.failure is not None
    assert item.failure.message == "timeout"


def test_a_metric_of_the_whole_set_needs_the_answers_and_survives_an_export(tmp_path: Path) -> None:
    folder = write_case(
        tmp_path / "case", changes={"quality": {"metric": "macro_f1"}, "baselines": SHOTS}, n_held_out=40
    )
    loaded = load_case(folder)
    file = folder / "mine.jsonl"
    lines = [{"baseline": "zero_shot", "id": e.id, "score": 1.0} for e in loaded.held_out]
    write_jsonl(file, lines)
    assert "macro_f1 is computed from the answers" in problems(loaded, file, format="jsonl")
    write_jsonl(file, [{**line, "answer": e.output} for line, e in zip(lines, loaded.held_out, strict=True)])
    before = read(folder, file)["zero_shot"]
    write_results(folder / "results.jsonl", loaded, [before], {}, None)
    after, _ = read_results(loaded, folder / "results.jsonl")
    assert after[0].items == before.items
    assert set(before.items.scores) == {"accuracy"}


# ── promptfoo ────────────────────────────────────────────────────────────────────────────────────────────


def test_promptfoos_results_by_provider_label_and_by_every_kind_of_id(folder: Path) -> None:
    found = read(folder, PROMPTFOO)
    assert list(found) == ["zero_shot", "tuned"]
    tuned = {i.id: i for i in found["tuned"].items}
    # by metadata.id, by vars.id, by description, by equal input
    assert list(tuned) == ["h0", "h1", "h2", "h3"]
    assert {i: item.scores.get("accuracy") for i, item in tuned.items()} == {
        "h0": 1,
        "h1": 1,
        "h2": None,
        "h3": 0.5,
    }
    assert tuned["h2"].failure is not None and "500" in tuned["h2"].failure.message
    assert tuned["h3"].repeat_scores == {"accuracy": (0.5, 0.5)}
    assert [i.scores["accuracy"] for i in found["zero_shot"].items] == [0, 0, 0, 0.5]


def test_promptfoos_tokens_cost_and_latency(folder: Path) -> None:
    found = read(folder, PROMPTFOO)
    item = found["tuned"].items[0]
    assert (item.usage.input, item.usage.output, item.usage.cached_input) == (42, 3, None)
    assert item.cost_usd == pytest.approx(0.0001)
    assert item.latency_s is not None and 0 < item.latency_s < 1
    assert item.answer == "delivery"
    # the echo provider counts no tokens: unknown, not zero
    assert found["zero_shot"].items[0].usage.input is None


def test_what_promptfoo_had_in_its_cache_tells_no_latency(folder: Path, tmp_path: Path) -> None:
    def cache(document: Any) -> None:
        for result in document["results"]["results"]:
            result["response"] = {
                **(result.get("response") or {}), "cached": True, "tokenUsage": {"cached": 45, "total": 45},
            }  # fmt: skip

    item = read(folder, changed(PROMPTFOO, tmp_path, cache))["tuned"].items[0]
    assert item.scores == {"accuracy": 1.0}
    assert (item.latency_s, item.cost_usd, item.usage.input) == (None, None, None)


def test_providers_are_mapped_by_name(folder: Path, tmp_path: Path) -> None:
    def rename(document: Any) -> None:
        for result in document["results"]["results"]:
            result["provider"]["label"] = ""

    file = changed(PROMPTFOO, tmp_path, rename)
    said = problems(load_case(folder), file)
    assert all(name in said for name in ("'echo'", "'file://provider.js'", "zero_shot", "tuned", "--map"))
    assert list(read(folder, file, names={"echo": "zero_shot", "file://provider.js|plain": "tuned"})) == [
        "zero_shot", "tuned",
    ]  # fmt: skip
    assert list(read(folder, file, names={"echo": "", "file://provider.js": "tuned"})) == ["tuned"]
    assert "would all be 'tuned'" in problems(load_case(folder), file, names={"plain": "tuned"})
    assert "no such name" in problems(
        load_case(folder), file, names={"echo": "zero_shot", "file://provider.js": "tuned", "gpt": "tuned"}
    )


def test_all_that_cannot_be_matched_is_said_at_once_and_nothing_is_taken(tmp_path: Path) -> None:
    case = little_case(tmp_path / "c", ROWS[:1])

    def spoil(document: Any) -> None:
        document["results"]["results"][0]["score"] = 7

    file = changed(PROMPTFOO, tmp_path, spoil)
    said = problems(load_case(case), file)
    assert "must be between 0 and 1, not 7" in said
    assert "ids tried: h1" in said and "ids tried: h2" in said
    assert "neither by id nor by equal input" in said
    with pytest.raises(CaseError):
        workflow.import_results(case, file)
    assert not (case / ".advisor").exists()


def test_equal_inputs_need_an_id(tmp_path: Path) -> None:
    case = little_case(tmp_path / "c", [*ROWS, {**ROWS[3], "id": "h4"}])
    assert "is that of h3, h4; give it an id" in problems(load_case(case), PROMPTFOO)


def test_promptfoos_results_of_version_2(folder: Path) -> None:
    assert recognised(OLD) == "promptfoo"
    found = read(folder, OLD, names={"echo": "zero_shot", "mjs|Sort the message: {{input}}": "tuned"})
    assert [(i.id, i.scores["accuracy"], i.usage.input) for i in found["tuned"].items] == [
        ("h0", 1, 42),  # by vars.id
        ("h1", 1, 42),  # by equal input
    ]
    assert [(i.scores["accuracy"], i.usage.input, i.cost_usd) for i in found["zero_shot"].items] == [
        (0, None, None)
    ] * 2
    assert found["tuned"].items[0].cost_usd == pytest.approx(0.0001)
    assert found["tuned"].notes == (
        "tuned: scored by promptfoo, not here.",
    )  # it says neither version nor day


def test_older_results_have_other_places(folder: Path, tmp_path: Path) -> None:
    """The list may stand at the top, the provider be a string, the failure's reason absent."""

    def age(document: Any) -> None:
        results = document["results"]["results"]
        for result in results:
            result["vars"]["id"] = f"h{result['testIdx'] // 2}"
            result["provider"] = result["provider"]["label"]
            result.pop("failureReason")
            result.pop("testCase")
        document["results"] = results

    found = read(folder, changed(PROMPTFOO, tmp_path, age))
    assert [i.id for i in found["tuned"].items] == ["h0", "h1", "h2", "h3"]
    assert found["tuned"].items[2].failure is not None
    assert found["tuned"].items[3].scores == {"accuracy": 0.5}


# ── Inspect ──────────────────────────────────────────────────────────────────────────────────────────────

OF_EVAL = {"scorer": "match", "names": {"mockllm/model": "zero_shot"}}


def test_inspects_epochs_are_repeats(folder: Path) -> None:
    items = {i.id: i for i in read(folder, EVAL, **OF_EVAL)["zero_shot"].items}
    assert list(items) == ["h0", "h1", "h2", "h3"]
    assert all(len(i.repeat_scores["accuracy"]) == 2 for k, i in items.items() if k != "h3")
    assert items["h0"].scores["accuracy"] == sum(items["h0"].repeat_scores["accuracy"]) / 2
    assert items["h3"].failure is not None and "the tool broke" in items["h3"].failure.message
    # one of its two answers failed: that one is wrong
    assert items["h2"].failure is None
    assert items["h2"].repeat_scores["accuracy"][1] == 0


def test_inspects_tokens_hold_the_cached_ones(folder: Path) -> None:
    item = read(folder, EVAL, **OF_EVAL)["zero_shot"].items[0]
    # mockllm said 40 to 44 at full rate, 10 from the cache
    assert item.usage.input is not None and 50 <= item.usage.input <= 54
    assert (item.usage.cached_input, item.usage.output) == (10, 3)
    assert item.latency_s is not None and item.latency_s < 0.1
    assert item.answer == "delivery"


def test_one_of_several_scorers_is_chosen(folder: Path) -> None:
    said = problems(load_case(folder), EVAL, names=OF_EVAL["names"])
    assert "--scorer" in said and "match" in said and "graded" in said
    assert "no scorer 'other'" in problems(load_case(folder), EVAL, scorer="other")
    items = read(folder, EVAL, scorer="graded", names=OF_EVAL["names"])["zero_shot"].items
    assert items[0].scores["accuracy"] == 0.25
    assert items[0].scores["match"] in (0, 1)  # the other one, for information


def test_inspects_samples_without_ids_are_found_by_their_input(folder: Path) -> None:
    (tuned,) = read(folder, LOG).values()  # one scorer; the tag is the baseline's name
    assert tuned.name == "tuned"
    assert [i.id for i in tuned.items] == ["h0", "h1", "h2", "h3"]
    assert [i.scores["accuracy"] for i in tuned.items] == [1, 1, 0, 1]  # C, C, I, C


def test_numbers_that_are_the_ids_of_other_items_are_found_out(tmp_path: Path) -> None:
    rows = [
        {**row, "id": str(4 - n)} for n, row in enumerate(ROWS)
    ]  # Inspect counts from 1, the case backwards
    said = problems(load_case(little_case(tmp_path / "c", rows)), LOG)
    assert "its id is that of 1, but its input is that of 4" in said


@pytest.mark.parametrize(
    ("value", "score"),
    [("C", 1), ("P", 0.5), ("I", 0), ("N", 0), (True, 1), (0.7, 0.7), ("0.3", 0.3), ("no", 0)],
)
def test_inspects_grades(folder: Path, tmp_path: Path, value: Any, score: float) -> None:
    def grade(document: Any) -> None:
        for sample in document["samples"]:
            sample["scores"]["match"]["value"] = value

    (tuned,) = read(folder, changed(LOG, tmp_path, grade)).values()
    assert {i.scores["accuracy"] for i in tuned.items} == {score}


@pytest.mark.parametrize("value", [7, -1, "maybe", None, {"a": 1}, [1]])
def test_what_is_no_grade_is_refused(folder: Path, tmp_path: Path, value: Any) -> None:
    def grade(document: Any) -> None:
        document["samples"][1]["scores"]["match"]["value"] = value

    assert "sample 2, epoch 1: has no score between 0 and 1" in problems(
        load_case(folder), changed(LOG, tmp_path, grade)
    )


def test_one_value_of_a_scorer_with_several(folder: Path, tmp_path: Path) -> None:
    def grade(document: Any) -> None:
        for sample in document["samples"]:
            sample["scores"]["match"]["value"] = {"tone": 0.25, "facts": 1}

    (tuned,) = read(folder, changed(LOG, tmp_path, grade), scorer="match.tone").values()
    assert {i.scores["accuracy"] for i in tuned.items} == {0.25}


def test_a_log_of_an_evaluation_that_was_stopped_says_so(folder: Path, tmp_path: Path) -> None:
    def stop(document: Any) -> None:
        document["status"] = "cancelled"

    (tuned,) = read(folder, changed(LOG, tmp_path, stop)).values()
    assert any("cancelled" in note for note in tuned.notes)


def test_a_log_that_cannot_be_unpacked_says_how_to_convert_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(data: bytes, size: int) -> bytes:
        raise ZstdMissingError

    monkeypatch.setattr("advisor.evaluation.imports._zip._unpacked", refuse)
    assert "inspect log convert inspect_epochs.eval --to json" in problems(load_case(folder), EVAL, **OF_EVAL)


def test_a_damaged_log_is_an_error_in_words(folder: Path, tmp_path: Path) -> None:
    content = bytearray(EVAL.read_bytes())
    content[200:260] = bytes(60)
    (tmp_path / "broken.eval").write_bytes(content)
    assert "is damaged" in problems(load_case(folder), tmp_path / "broken.eval", **OF_EVAL)
    (tmp_path / "cut.eval").write_bytes(EVAL.read_bytes()[:500])
    assert "is damaged" in problems(load_case(folder), tmp_path / "cut.eval", **OF_EVAL)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "b")
    assert "no header.json" in problems(load_case(folder), tmp_path / "other.zip")


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_decision_says_where_results_are_from(folder: Path, cli: Callable[..., CliResult]) -> None:
    result = cli("import", folder, PROMPTFOO)
    assert result.code == 0
    assert "zero_shot: 4 items" in result.err and "tuned: 4 items" in result.err
    decided = cli("decide", folder, "--json")
    assert decided.code == 0
    provenance = decided.json["provenance"]
    assert provenance["source"] == "imported"
    assert provenance["software"] == {"promptfoo": "0.121.20"}
    assert provenance["recorded_at"] == "2026-11-24"
    assert provenance["hardware"] is None
    assert any("promptfoo 0.121.20" in w for w in decided.json["warnings"])
    rows = {b["name"]: b for b in decided.json["baselines"]}
    assert rows["tuned"]["failed"] == 1
    assert rows["tuned"]["quality"]["value"] == pytest.approx(2.5 / 4)
    assert rows["tuned"]["tokens"]["input"] == 42


def test_a_log_is_mapped_on_the_command_line(folder: Path, cli: Callable[..., CliResult]) -> None:
    result = cli("import", folder, EVAL, "--map", "mockllm/model=zero_shot", "--scorer", "match")
    assert result.code == 0
    assert cli("decide", folder, "--json").json["provenance"]["software"] == {"inspect_ai": "0.3.285"}
    assert cli("import", folder, EVAL, "--map", "mockllm/model").code == 2
    assert cli("import", folder, EVAL, "--format", "csv").code == 2
    assert cli("import", folder, PROMPTFOO, "--scorer", "match").code == 2
    assert cli("import", folder, EVAL, "--map", "mockllm/model=nobody").code == 2
    assert cli("import", folder, folder / "not_there.json").code == 1


@pytest.mark.parametrize("options", [{"names": {"a": "zero_shot"}}, {"scorer": "match"}])
def test_options_that_do_not_fit_are_refused(folder: Path, options: dict[str, Any]) -> None:
    write_jsonl(folder / "r.jsonl", [{"baseline": "zero_shot", "id": "h0", "score": 1}])
    with pytest.raises(UsageError):
        read_import(load_case(folder), folder / "r.jsonl", **options)


@pytest.mark.parametrize("path", [PROMPTFOO, OLD, EVAL, LOG], ids=lambda p: p.name)
def test_fixtures_name_no_machine(path: Path) -> None:
    if path == EVAL:
        from advisor.evaluation.imports._zip import members

        content = b"".join(data for _, data in members(path, lambda name: True)).decode()
    else:
        content = path.read_text(encoding="utf-8")
    for place in ("/tmp", "/home", "/root", "/work"):
        assert place not in content


def test_lines_from_elsewhere_are_not_said_to_be_measured_on_this_machine(
    folder: Path, cli: Callable[..., CliResult]
) -> None:
    loaded = load_case(folder)
    lines = [{**LINE, "baseline": b, "id": e.id} for b in ("zero_shot", "tuned") for e in loaded.held_out]
    write_jsonl(folder / "mine.jsonl", lines)
    assert cli("import", folder, folder / "mine.jsonl").code == 0
    found = json.loads(cli("decide", folder, "--json").out)
    assert found["provenance"]["hardware"] is None
    assert found["provenance"]["software"] == {}
    assert any("scored elsewhere, not here" in w for w in found["warnings"])
    report = cli("report", folder, "--format", "md", "--output", folder / "out")
    assert report.code == 0, report.err
    text = next((folder / "out").glob("*.md")).read_text(encoding="utf-8")
    assert "The results come from elsewhere" in text
    assert "torch" not in text
