"""Bad input gets a clear error that names file, line and key, exit code 1, and leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import make_rows, write_case, write_jsonl


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def refused(cli: Any):
    """Every command that reads a case refuses it, in the same words, and writes nothing."""

    def check(case: Path, *expected: str) -> str:
        before = contents(case)
        for command in (
            ["check", case],
            ["run", case],
            ["decide", case],
            ["report", case, "--output", case / "r"],
        ):
            result = cli(*command)
            assert result.code == 1, result.err
            assert "Traceback" not in result.err
            for text in expected:
                assert text in result.err, result.err
            assert result.out == ""
        assert contents(case) == before
        return result.err

    return check


def test_an_empty_file(tmp_path: Path, refused: Any) -> None:
    case = write_case(tmp_path / "c")
    (case / "train.jsonl").write_text("")
    refused(case, "train.jsonl", "holds no example")


def test_a_file_of_blank_lines_has_no_example(tmp_path: Path, refused: Any) -> None:
    case = write_case(tmp_path / "c")
    (case / "held_out.jsonl").write_text("\n \n")
    refused(case, "held_out.jsonl", "holds no example")


def test_broken_json_on_line_17(tmp_path: Path, refused: Any) -> None:
    case = write_case(tmp_path / "c")
    lines = (case / "train.jsonl").read_text().splitlines()
    lines[16] = lines[16][:-5]
    (case / "train.jsonl").write_text("\n".join(lines))
    refused(case, "train.jsonl:17", "not valid JSON")


def test_the_same_id_twice(tmp_path: Path, refused: Any) -> None:
    rows = make_rows("t", 9)
    rows[5]["id"] = "t2"
    refused(write_case(tmp_path / "c", train=rows), "train.jsonl:6", "'t2' stands on line 3 already")


def test_the_same_id_in_both_splits(tmp_path: Path, refused: Any) -> None:
    rows = make_rows("h", 9)
    rows[1]["id"] = "t4"
    refused(write_case(tmp_path / "c", held_out=rows), "held_out.jsonl:2", "'t4' stands in train.jsonl:5 too")


def test_an_unknown_label(tmp_path: Path, refused: Any) -> None:
    rows = make_rows("t", 9)
    rows[3]["output"] = "shipping"
    refused(write_case(tmp_path / "c", train=rows), "train.jsonl:4", "output", "'shipping' is not one of")


def test_a_missing_document_folder(tmp_path: Path, refused: Any) -> None:
    case = write_case(tmp_path / "c", changes={"data": {"documents": "docs/"}})
    refused(case, "case.yaml", "data.documents", "'docs/' does not exist")


def test_a_missing_file(tmp_path: Path, refused: Any) -> None:
    case = write_case(tmp_path / "c")
    (case / "held_out.jsonl").unlink()
    refused(case, "held_out.jsonl", "does not exist")


def test_bytes_that_are_not_utf_8(tmp_path: Path, refused: Any) -> None:
    case = write_case(tmp_path / "c")
    text = (case / "train.jsonl").read_bytes().replace(b"number 15", b"caf\xe9 15", 1)
    (case / "train.jsonl").write_bytes(text)
    refused(case, "train.jsonl:3", "is not UTF-8 (byte 0xe9)")


def test_a_field_of_10_mb(tmp_path: Path, refused: Any) -> None:
    rows = make_rows("t", 9)
    rows[7]["input"] = "x" * 10_000_000
    refused(write_case(tmp_path / "c", train=rows), "train.jsonl:8", "input", "10,000,000 characters")


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch pwned']",
        "!!python/name:os.system",
        "!!python/object:os.path {}",
    ],
)
def test_yaml_that_names_python_objects(
    tmp_path: Path, refused: Any, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = write_case(tmp_path / "c")
    with (case / "case.yaml").open("a") as file:
        file.write(f"declared: {tag}\n")
    refused(case, "case.yaml", "not valid YAML")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", ["../secret.jsonl", "/etc/passwd", "a/../../secret.jsonl"])
def test_a_path_that_leaves_the_case_folder(tmp_path: Path, refused: Any, name: str) -> None:
    write_jsonl(tmp_path / "secret.jsonl", make_rows("t", 3))
    refused(
        write_case(tmp_path / "c", changes={"data": {"train": name}}), "data.train", "leaves the case folder"
    )


def test_a_link_that_leaves_the_case_folder(tmp_path: Path, refused: Any) -> None:
    write_jsonl(tmp_path / "secret.jsonl", make_rows("t", 3))
    case = write_case(tmp_path / "c")
    (case / "train.jsonl").unlink()
    (case / "train.jsonl").symlink_to(tmp_path / "secret.jsonl")
    result = refused(case, "leaves the case folder")
    assert "t1" not in result


def test_an_unknown_key_with_its_line(tmp_path: Path, refused: Any) -> None:
    case = write_case(tmp_path / "c", changes={"traffic": {"requests_per_moth": 5}})
    line = (case / "case.yaml").read_text().split("requests_per_moth")[0].count("\n") + 1
    refused(case, f"case.yaml:{line}", "traffic.requests_per_moth", "not a key")


def test_a_key_that_stands_twice(tmp_path: Path, refused: Any) -> None:
    case = write_case(tmp_path / "c")
    with (case / "case.yaml").open("a") as file:
        file.write("name: other\n")
    refused(case, "name", "stands there twice")


def test_a_baseline_of_an_unknown_model(tmp_path: Path, refused: Any) -> None:
    baselines = [{"name": "z", "kind": "zero_shot", "model": "large"}]
    refused(
        write_case(tmp_path / "c", changes={"baselines": baselines}),
        "case.yaml:",
        "baselines[0].model",
        "'large', which is not in `models`",
    )


def test_an_unknown_metric_with_the_nearest_one(tmp_path: Path, refused: Any) -> None:
    refused(
        write_case(tmp_path / "c", changes={"quality": {"metric": "acuracy"}}), "quality.metric", "'accuracy'"
    )


def test_a_newer_schema_version(tmp_path: Path, refused: Any) -> None:
    refused(write_case(tmp_path / "c", changes={"schema_version": 2}), "schema_version")


def test_an_output_that_does_not_fit_the_schema(tmp_path: Path, refused: Any) -> None:
    task = {
        "kind": "extraction",
        "instructions": "x",
        "schema": {"type": "array", "items": {"type": "string"}},
    }
    rows = [{"id": f"{s}{i}", "input": f"{s} {i}", "output": ["a"]} for s in "th" for i in range(4)]
    rows[2]["output"] = ["a", 5]
    changes = {
        "task": task,
        "quality": {"metric": "set_f1"},
        "baselines": [{"name": "z", "kind": "zero_shot", "model": "small"}],
    }
    refused(
        write_case(tmp_path / "c", train=rows[:4], held_out=rows[4:], changes=changes),
        "train.jsonl:3",
        "task.schema",
    )


def test_all_problems_at_once(tmp_path: Path, refused: Any) -> None:
    rows = make_rows("t", 9)
    rows[1]["output"] = "nonsense"
    rows[4].pop("input")
    case = write_case(tmp_path / "c", train=rows, changes={"data": {"documents": "docs/"}})
    refused(case, "3 problems", "train.jsonl:2", "train.jsonl:5: input: is missing", "data.documents")


def test_a_wrong_case_and_wrong_files_at_once(tmp_path: Path, refused: Any) -> None:
    rows = make_rows("t", 9)
    rows[1]["output"] = "nonsense"
    baselines = [
        {"name": "z", "kind": "zero_shot", "model": "small"},
        {"name": "z", "kind": "zero_shot", "model": "large"},
    ]
    changes = {
        "baselines": baselines,
        "qualty": {},
        "quality": {"metric": "acuracy"},
        "declared": {"why": "x"},
    }
    case = write_case(tmp_path / "c", train=rows, changes=changes)
    lines = (case / "case.yaml").read_text().splitlines()
    large, second = lines.index("  model: large") + 1, len(lines) - lines[::-1].index("- name: z")
    refused(
        case,
        "6 problems",
        "qualty: is not a key of the case format",
        f"case.yaml:{second}: baselines[1].name: baseline 'z' stands there twice",
        f"case.yaml:{large}: baselines[1].model: baseline 'z' names model 'large', which is not in `models`",
        "declared.why: is not one of the lesson's questions",
        "train.jsonl:2: output: 'nonsense' is not one of",
        "quality.metric",
    )


def test_what_is_in_files_of_a_wrong_task_is_not_guessed(tmp_path: Path, refused: Any) -> None:
    rows = make_rows("t", 9)
    rows[1]["output"] = "nonsense"
    task = {"kind": "classification", "instructions": "Sort the message."}
    err = refused(write_case(tmp_path / "c", train=rows, changes={"task": task}), "needs `labels`")
    assert "nonsense" not in err


def test_no_case_at_all(tmp_path: Path, cli: Any) -> None:
    result = cli("check", tmp_path / "nothing")
    assert result.code == 1
    assert "advisor init" in result.err


def test_a_csv_without_the_named_column(tmp_path: Path, refused: Any) -> None:
    case = write_case(tmp_path / "c", changes={"data": {"train": "train.csv"}})
    (case / "train.csv").write_text("text,output\nhello,other\n")
    refused(case, "train.csv:1", "has no column 'input'", "data.columns.input")


def test_the_same_text_in_both_splits_is_a_finding_and_no_error(
    tmp_path: Path, cli: Any, scripted: Any
) -> None:
    scripted()
    rows = make_rows("h", 12)
    rows[3]["input"] = make_rows("t", 9)[4]["input"]
    result = cli("check", write_case(tmp_path / "c", held_out=rows), "--json")
    assert result.code == 0
    assert result.json["audit"]["leaked"] == ["h3"]
    assert json.dumps(result.json["audit"]["across"]).count("h3") == 1


def test_half_a_character(tmp_path: Path, refused: Any) -> None:
    case = write_case(tmp_path / "c")
    lines = (case / "held_out.jsonl").read_text().splitlines()
    row = json.loads(lines[2])
    lines[2] = json.dumps({**row, "input": "cut \ud83d"})
    (case / "held_out.jsonl").write_text("\n".join(lines))
    refused(case, "held_out.jsonl:3", "half of a character")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quality": {"metric": "accuracy", "bar": 80}}, "80 % is 0.8"),
        ({"quality": {"metric": "accuracy", "min_gain": 2}}, "min_gain: must lie between 0 and 1"),
        (
            {"traffic": {"requests_per_month": float("inf")}},
            "requests_per_month: Input should be a finite number",
        ),
        ({"value": {"correct_usd": {"low": 3, "likely": 1, "high": 4}}}, "must have low <= likely <= high"),
        ({"traffic": {"requests_per_month": {"low": 1, "high": 4}}}, "requests_per_month.likely: is missing"),
    ],
)
def test_goals_and_worths_that_cannot_be(
    tmp_path: Path, refused: Any, changes: dict[str, Any], said: str
) -> None:
    refused(write_case(tmp_path / "c", changes=changes), said)


def test_a_path_that_cannot_be_written(tmp_path: Path, cli: Any) -> None:
    (tmp_path / "file").write_text("x")
    made = cli("init", tmp_path / "file" / "case")
    assert made.code == 1
    assert "Traceback" not in made.err
    assert "file" in made.err
