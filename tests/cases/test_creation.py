"""A spreadsheet becomes a case like any other, or everything that is wrong with it is said at once."""

from __future__ import annotations

import csv
import io
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from advisor.access import Identity
from advisor.cases.creation import ColumnSplit, Document, FileSplit, NewCase, RandomSplit, prepare, write_case
from advisor.cases.held_out import clusters_of, split_held_out
from advisor.cases.loading import load_case
from advisor.cases.schema import Example
from advisor.cases.suggest import infer_schema, suggest, suggest_held_out_values
from advisor.cases.upload import Row, Table, read_table
from advisor.cases.workspace import place_for, workspace_folder
from advisor.errors import AccessError, CaseError, UsageError
from advisor.workflow import check
from advisor.workflow.creating import change_case, copy_sample, create_case, preview_case, propose_change
from advisor.workflow.reviewing import journal

EDITOR = Identity(subject="ann", name="Ann", roles=("viewer", "editor"))
VIEWER = Identity(subject="bob", name="Bob", roles=("viewer",))


def table(header: list[str], *rows: list[Any], name: str = "data.csv") -> Table:
    return Table(name, tuple(header), tuple(Row(i, tuple(r)) for i, r in enumerate(rows, start=2)))


def tickets(n: int = 60) -> Table:
    words = ("parcel", "invoice", "lamp")
    rows = [
        [f"{words[i % 3]} {i * 7919 % 1000} {i * i}", ("delivery", "payment", "other")[i % 3], f"c{i // 2}"]
        for i in range(n)
    ]
    return table(["Message", "Queue", "Customer"], *rows)


def request(data: Table | None = None, **more: Any) -> NewCase:
    values: dict[str, Any] = {
        "table": data or tickets(),
        "name": "mine",
        "title": "Mine",
        "use_case": {"description": "Sort messages.", "aspect": "accuracy"},
        "kind": "classification",
        "instructions": "Name the queue.",
        "columns": {"input": "Message", "output": "Queue"},
    }
    return NewCase.model_validate({**values, **more})


def problems(asked: NewCase) -> list[str]:
    with pytest.raises(CaseError) as error:
        prepare(asked)
    return [str(p) for p in error.value.problems]


# --- the folder ---------------------------------------------------------------------------------------------------


def test_the_folder_is_like_one_of_init_and_passes_check(tmp_path: Path, scripted: Any) -> None:
    scripted()
    folder = write_case(
        prepare(request(columns={"input": "Message", "output": "Queue", "group": "Customer"})), tmp_path
    )
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "case.yaml",
        "held_out.jsonl",
        "train.jsonl",
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
    checked = check(folder)
    assert checked.loaded.case.task.labels == ("delivery", "payment", "other")
    assert [b.kind for b in checked.loaded.case.baselines] == [
        "zero_shot",
        "few_shot",
        "fine_tuned",
        "classifier",
    ]
    from advisor.cases.scaffold import create_case as init

    keys = [
        [line.split(":")[0] for line in (f / "case.yaml").read_text().splitlines() if line[:1].isalpha()]
        for f in (folder, init(tmp_path / "made"))
    ]
    assert keys[0] == keys[1]


def test_the_data_card_says_where_it_comes_from_and_how_it_was_split(tmp_path: Path) -> None:
    card = (write_case(prepare(request()), tmp_path) / "README.md").read_text()
    assert "'data.csv', 60 rows" in card
    assert "at random (seed 0), 30% held out" in card


# tabs and line breaks too, but no halves of characters, which no file can hold
odd = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
filled = odd.filter(lambda s: s.strip())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    texts=st.lists(filled, min_size=4, max_size=12, unique=True),
    outputs=st.lists(filled, min_size=12, max_size=12),
    title=odd,
    description=filled,
    instructions=filled,
    kind=st.sampled_from(["classification", "question_answering", "generation"]),
)
def test_whatever_the_text_it_is_read_back_as_it_was(
    texts: list[str], outputs: list[str], title: str, description: str, instructions: str, kind: str
) -> None:
    rows = [[text, output] for text, output in zip(texts, outputs, strict=False)]
    if kind == "classification":
        rows[0][1], rows[1][1] = "first label", "second label"
    asked = request(
        table(["in", "out"], *rows),
        title=title,
        use_case={"description": description, "aspect": "tone"},
        instructions=instructions,
        kind=kind,
        columns={"input": "in", "output": "out"},
        split={"kind": "random", "similar_together": False},
    )
    try:
        prepared = prepare(asked)
    except CaseError as error:  # the same text twice but for white space and case leaves nothing to hold out
        assert "leaves no" in str(error)
        return
    with tempfile.TemporaryDirectory() as scratch:
        loaded = load_case(write_case(prepared, Path(scratch)))
    assert (loaded.case.title, loaded.case.use_case.description) == (title, description)
    assert loaded.case.task.instructions == instructions
    read = {e.id: (e.input, e.output) for e in (*loaded.train, *loaded.held_out)}
    strip = str.strip if kind == "classification" else str
    assert read == {f"row-{n}": (row[0], strip(row[1])) for n, row in enumerate(rows, start=2)}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(filled, filled), min_size=1, max_size=8))
def test_a_csv_that_is_written_is_read_back(rows: list[tuple[str, str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("question", "answer"), *rows])
    found = read_table(file.getvalue().encode(), "a.csv", delimiter=",", encoding="utf-8")
    # a lone carriage return or a zero byte is written, but means nothing to a spreadsheet program
    if not any(c in text for row in rows for text in row for c in "\r\0"):
        assert [r.values for r in found.rows] == rows


# --- what is wrong ------------------------------------------------------------------------------------------------


def test_all_problems_are_said_at_once_by_row_and_column() -> None:
    data = table(["Nr", "Message", "Queue"], [1, "a", "x"], [1, None, "y"], [3, "c", None], [None, "d", "z"])
    found = problems(
        request(data, columns={"input": "Message", "output": "Queue", "id": "Nr"}, labels=("x", "y"))
    )
    assert "data.csv:3: Message: is empty" in found
    assert "data.csv:4: Queue: is empty" in found
    assert "data.csv:5: Nr: is empty; every row needs an id, or none" in found
    assert any(p.startswith("data.csv:5: Queue: 'z' is not one of") for p in found)


def test_an_id_twice_names_both_rows() -> None:
    data = table(["Nr", "Message", "Queue"], [1, "a", "x"], [2, "b", "y"], [1, "c", "x"])
    assert problems(request(data, columns={"input": "Message", "output": "Queue", "id": "Nr"})) == [
        "data.csv:4: Nr: '1' stands in row 2 already"
    ]


def test_incomplete_rows_can_be_left_out_and_that_is_said() -> None:
    data = table(
        ["Message", "Queue"],
        ["a b", "x"],
        ["c d", "y"],
        ["e f", None],
        [None, "x"],
        ["g h", "x"],
        ["i j", "y"],
    )
    prepared = prepare(request(data, skip_incomplete=True))
    assert prepared.left_out == (4, 5)
    assert any("(row 4, 5)" in note for note in prepared.notes)
    assert len(prepared.train) + len(prepared.held_out) == 4


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    assert problems(request(columns={"input": "Text", "output": "Queue"})) == [
        "data.csv: has no column 'Text'; it has 'Message', 'Queue', 'Customer'"
    ]


def test_one_label_is_too_few() -> None:
    data = table(["Message", "Queue"], ["a", "x"], ["b", "x"])
    assert any("at least two" in p for p in problems(request(data)))


def test_many_problems_are_counted() -> None:
    data = table(["Message", "Queue"], *[["a", None]] * 200)
    found = problems(request(data))
    assert len(found) == 51
    assert "150 more problems" in found[-1]


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", "a\n", "a" * 65, "C:\\x", "..", "ä"])
def test_a_name_with_parts_of_a_path_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        request(name=name)
    with pytest.raises(UsageError):
        place_for(name, tmp_path)


# --- nothing half-written -----------------------------------------------------------------------------------------


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="already"):
        write_case(prepare(request()), tmp_path)
    assert not list((tmp_path / "mine").iterdir())


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for target in ("elsewhere", "nowhere"):
        (tmp_path / "mine").symlink_to(tmp_path / target)
        with pytest.raises(UsageError, match="already"):
            write_case(prepare(request()), tmp_path)
        (tmp_path / "mine").unlink()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_nothing_is_left_of_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("advisor.cases.creation.load_case", fail)
    with pytest.raises(OSError):
        write_case(prepare(request()), tmp_path)
    assert not list(tmp_path.iterdir())


# --- splits -------------------------------------------------------------------------------------------------------


def test_groups_and_near_duplicates_never_straddle() -> None:
    data = tickets(90)
    twin = [[str(r.values[0]).upper() + "  ", r.values[1], "other customer"] for r in data.rows[:20]]
    both = table(list(data.columns), *[list(r.values) for r in data.rows], *twin)
    prepared = prepare(request(both, columns={"input": "Message", "output": "Queue", "group": "Customer"}))
    train = {e.group for e in prepared.train}
    assert not train & {e.group for e in prepared.held_out}
    inputs = [
        {" ".join(e.input_text.lower().split()) for e in side} for side in (prepared.train, prepared.held_out)
    ]
    assert not inputs[0] & inputs[1]


def test_near_duplicates_are_one_cluster_and_may_be_parted_on_request() -> None:
    a, b = (
        "please deliver the large brown parcel to my neighbour",
        "please deliver the large brown parcels to my neighbour",
    )
    examples = [
        Example(id=str(i), input=t, output="x") for i, t in enumerate((a, b, "something else entirely"))
    ]
    assert sorted(map(len, clusters_of(examples, similar=True))) == [1, 2]
    assert sorted(map(len, clusters_of(examples, similar=False))) == [1, 1, 1]


def test_every_label_keeps_its_share_and_can_be_learned() -> None:
    examples = [
        Example(id=str(i), input=f"{i}", output="rare" if i % 20 == 0 else "common") for i in range(200)
    ]
    train, held_out = split_held_out(examples, share=0.3, seed=1, similar=False, by_output=True)
    assert sum(e.output == "rare" for e in held_out) == 3
    assert len(held_out) == 60
    again = split_held_out(list(reversed(examples)), share=0.3, seed=1, similar=False, by_output=True)
    assert {e.id for e in again[1]} == {e.id for e in held_out}
    assert {e.id for e in split_held_out(examples, share=0.3, seed=2, similar=False)[1]} != {
        e.id for e in held_out
    }
    assert len(train) == 140


def test_a_label_seen_once_is_learned_and_not_held_out() -> None:
    examples = [Example(id=str(i), input=f"{i}", output="once" if i == 5 else "often") for i in range(10)]
    for seed in range(20):
        assert "once" in {
            e.output for e in split_held_out(examples, share=0.5, seed=seed, similar=False, by_output=True)[0]
        }


def test_a_column_says_the_split() -> None:
    rows = [[f"text {i}", "xy"[i % 2], "Test" if i < 3 else "train"] for i in range(10)]
    data = table(["Message", "Queue", "Set"], *rows)
    assert suggest(data).split == "Set"
    assert suggest_held_out_values(data, "Set") == ("Test",)
    prepared = prepare(request(data, split=ColumnSplit(kind="column", column="Set", held_out=("test",))))
    assert [e.id for e in prepared.held_out] == ["row-2", "row-3", "row-4"]
    assert any(
        "says 'no'" in p
        for p in problems(request(data, split={"kind": "column", "column": "Set", "held_out": ["no"]}))
    )


def test_a_file_of_its_own_is_the_held_out_set() -> None:
    own = table(["Message", "Queue"], ["new one", "delivery"], ["new two", "unheard"], name="own.csv")
    prepared = prepare(request(split=FileSplit(kind="file", table=own)))
    assert [e.id for e in prepared.held_out] == ["held-out-row-2", "held-out-row-3"]
    assert len(prepared.train) == 60
    assert "unheard" in (prepared.case.task.labels or ())


# --- tasks --------------------------------------------------------------------------------------------------------


def test_several_output_columns_make_an_object_with_a_schema(tmp_path: Path) -> None:
    data = read_table(
        b"Order,customer,amount,zip\ntwo for Bo,Bo,2,007\nthree,,3.5,010\nfour for Al,Al,4,999\n", "o.csv"
    )
    asked = request(
        data, kind="extraction", columns={"input": "Order", "output": ["customer", "amount", "zip"]}
    )
    loaded = load_case(write_case(prepare(asked), tmp_path))
    by_id = {e.id: e.output for e in (*loaded.train, *loaded.held_out)}
    assert by_id["row-2"] == {"customer": "Bo", "amount": 2, "zip": "007"}
    assert by_id["row-3"] == {"customer": None, "amount": 3.5, "zip": "010"}
    schema: Any = loaded.case.task.json_schema
    assert schema["properties"]["customer"] == {"type": ["string", "null"]}
    assert schema["properties"]["amount"] == {"type": "number"}


def test_json_in_a_cell_is_read_and_a_broken_one_is_named() -> None:
    data = table(["q", "a"], ["one", '["x"]'], ["two", '["y"'], ["three", "[]"])
    asked = request(data, kind="extraction", columns={"input": "q", "output": "a"})
    assert [p for p in problems(asked) if p.startswith("data.csv:3: a: is not valid JSON")]
    good = table(["q", "a"], ["one", '["x"]'], ["two", '["y"]'])
    assert (
        prepare(request(good, kind="extraction", columns={"input": "q", "output": "a"})).case.quality.metric
        == "set_f1"
    )


def test_several_input_columns_are_put_below_one_another() -> None:
    data = table(["Subject", "Body", "Queue"], ["Late", "Where?", "x"], [None, "Broken", "y"])
    prepared = prepare(request(data, columns={"input": ["Subject", "Body"], "output": "Queue"}))
    inputs = {e.id: e.input for e in (*prepared.train, *prepared.held_out)}
    assert inputs == {"row-2": "Subject: Late\nBody: Where?", "row-3": "Body: Broken"}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=3),
            lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=3), x, max_size=3),
            max_leaves=6,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_an_inferred_schema_fits_all_values(values: list[Any]) -> None:
    from jsonschema import Draft202012Validator

    schema = infer_schema(values)
    Draft202012Validator.check_schema(schema)
    assert not [e for v in values for e in Draft202012Validator(schema).iter_errors(v)]


@pytest.mark.parametrize(
    ("outputs", "kind"),
    [
        (["a", "b", "a", "b", "a", "b"], "classification"),
        (['{"a": 1}', "[1]"], "extraction"),
        (["Paris", "42", "the blue one", "12 May"], "question_answering"),
        (["word " * 40 + str(i) for i in range(9)], "generation"),
    ],
)
def test_the_task_is_guessed_from_the_outputs(outputs: list[str], kind: str) -> None:
    data = table(["text", "answer"], *[[f"t{i}", o] for i, o in enumerate(outputs)])
    found = suggest(data)
    assert (found.input, found.output, found.kind) == ("text", "answer", kind)
    assert found.reasons["kind"]


def test_columns_are_guessed_by_values_where_names_say_nothing() -> None:
    data = table(["A", "B"], *[["a long text about something " * 3, "xy"[i % 2]] for i in range(8)])
    assert (suggest(data).input, suggest(data).output) == ("A", "B")


def test_documents_bring_retrieval(tmp_path: Path, scripted: Any) -> None:
    scripted()
    documents = (Document(name="rules.md", content=b"\xef\xbb\xbf# Rules\n\nBe kind.\n"),)
    folder = write_case(prepare(request(kind="question_answering", documents=documents)), tmp_path)
    assert (folder / "documents" / "rules.md").read_bytes() == b"# Rules\n\nBe kind.\n"
    assert {b.name for b in check(folder).loaded.case.baselines} >= {"rag", "fine_tuned_rag"}


@pytest.mark.parametrize("name", ["../x.md", "a/b.md", ".md", ".hidden.txt", "x.exe", "a\nb.md", "c\\d.md"])
def test_a_document_with_an_odd_name_is_refused(name: str) -> None:
    assert len(problems(request(documents=(Document(name=name, content=b"x"),)))) == 1


def test_fifty_thousand_rows_are_prepared_in_moments() -> None:
    rows = [[f"question {i * 7919} about part {i}", f"label {i % 9}"] for i in range(50_000)]
    start = time.perf_counter()
    prepared = prepare(request(table(["Message", "Queue"], *rows), split=RandomSplit(similar_together=False)))
    assert time.perf_counter() - start < 60
    assert len(prepared.held_out) == pytest.approx(15_000, abs=9)


# --- the verbs ----------------------------------------------------------------------------------------------------


def test_it_is_seen_before_it_is_saved(
    tmp_path: Path, scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted()
    monkeypatch.chdir(tmp_path)
    seen = preview_case(request())
    assert seen.checked.plan.n_held_out == len(seen.prepared.held_out)
    assert not list(tmp_path.iterdir())


def test_only_editors_create_and_it_is_kept_who_did(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="editor"):
        create_case(request(), VIEWER, workspace=tmp_path)
    assert not list(tmp_path.iterdir())
    folder = create_case(request(), EDITOR, workspace=tmp_path)
    (entry,), broken = journal(folder)
    assert (entry.who.name, entry.what, broken) == ("Ann", "case created", None)


def test_a_sample_is_copied_into_the_workspace(tmp_path: Path) -> None:
    folder = copy_sample("support_intents", "copy", EDITOR, workspace=tmp_path)
    assert load_case(folder).case.name == "support_intents"
    with pytest.raises(UsageError):
        copy_sample("support_intents", "../copy", EDITOR, workspace=tmp_path)
    with pytest.raises(UsageError):
        copy_sample("../support_intents", "other", EDITOR, workspace=tmp_path)


def test_the_workspace_is_the_first_writable_folder_that_is_no_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = create_case(request(), EDITOR, workspace=tmp_path / "made")
    assert workspace_folder({}) == tmp_path / "cases"
    named = os.pathsep.join([str(case), str(tmp_path / "missing"), str(tmp_path / "made")])
    assert workspace_folder({"ADVISOR_CASES": named}) == tmp_path / "made"


CHANGES: dict[tuple[str, ...], Any] = {
    ("traffic", "requests_per_month"): {"low": 1.0, "likely": 2.0, "high": 3.0},
    ("declared", "costs.data"): "We have 400 more in the archive: #1, 'two', \"three\".",
    ("effort", "data_hours"): None,
}


def test_a_change_touches_nothing_else_and_is_kept(tmp_path: Path) -> None:
    folder = copy_sample("policy_qa", "copy", EDITOR, workspace=tmp_path)
    before = (folder / "case.yaml").read_text()
    proposed = propose_change(folder, CHANGES)
    assert (folder / "case.yaml").read_text() == before
    done = change_case(folder, CHANGES, EDITOR, expected=proposed.fingerprint)
    after = (folder / "case.yaml").read_text()
    assert done.after == after
    case = load_case(folder).case
    assert case.traffic.requests_per_month.high == 3  # type: ignore[union-attr]
    assert case.declared["costs.data"] == CHANGES[("declared", "costs.data")]
    assert case.effort.data_hours is None
    kept = [line for line in before.splitlines() if line in after.splitlines()]
    assert len(kept) == len(before.splitlines()) - 2
    assert "# some 300 employees, about five questions each" in after
    assert [e.what for e in journal(folder)[0]] == ["case created", "case changed"]


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    folder = copy_sample("policy_qa", "copy", EDITOR, workspace=tmp_path)
    proposed = propose_change(folder, CHANGES)
    file = folder / "case.yaml"
    file.write_text(file.read_text() + "# theirs\n")
    with pytest.raises(UsageError, match="meanwhile"):
        change_case(folder, CHANGES, EDITOR, expected=proposed.fingerprint)
    assert file.read_text().endswith("# theirs\n")


def test_a_change_that_does_not_fit_is_refused_with_all_its_problems(tmp_path: Path) -> None:
    folder = copy_sample("policy_qa", "copy", EDITOR, workspace=tmp_path)
    wrong: dict[tuple[str, ...], Any] = {
        ("traffic", "peak_factor"): 0.2,
        ("quality", "min_gain"): -1.0,
        ("declared", "nonsense"): "x",
    }
    before = (folder / "case.yaml").read_text()
    with pytest.raises(CaseError) as error:
        propose_change(folder, wrong)
    assert {p.key for p in error.value.problems} >= {"traffic.peak_factor", "quality.min_gain"}
    assert (folder / "case.yaml").read_text() == before


def test_viewers_change_nothing(tmp_path: Path) -> None:
    folder = copy_sample("policy_qa", "copy", EDITOR, workspace=tmp_path)
    with pytest.raises(AccessError):
        change_case(folder, CHANGES, VIEWER, expected=propose_change(folder, CHANGES).fingerprint)
