"""What a case's data become: examples, splits, findings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.cases.audit import audit
from advisor.cases.loading import load_case
from advisor.cases.schema import Example
from advisor.cases.splits import split_dev
from tests.conftest import make_rows, write_case


def examples(n: int, *, groups: int | None = None, labels: int = 3) -> list[Example]:
    return [
        Example(
            id=f"e{i}", input=f"text {i}", output=f"l{i % labels}", group=f"g{i % groups}" if groups else None
        )
        for i in range(n)
    ]


@given(st.integers(2, 80), st.integers(0, 5), st.sampled_from([0.1, 0.2, 0.5]), st.sampled_from([None, 2, 7]))
def test_dev_and_rest_are_the_training_data(n: int, seed: int, fraction: float, groups: int | None) -> None:
    given_examples = examples(n, groups=groups)
    learn, dev = split_dev(given_examples, fraction=fraction, seed=seed)
    assert sorted(e.id for e in learn + dev) == sorted(e.id for e in given_examples)
    assert learn, "something is left to learn from"
    if groups:
        assert not {e.group for e in learn} & {e.group for e in dev}, "no group is cut"


def test_the_dev_split_keeps_the_shares_of_labels() -> None:
    _, dev = split_dev(examples(120), fraction=0.25, seed=1)
    assert len(dev) == 30
    assert {sum(e.output == f"l{k}" for e in dev) for k in range(3)} == {10}


def test_the_dev_split_does_not_depend_on_order() -> None:
    forward = split_dev(examples(50), fraction=0.2, seed=0)[1]
    backward = split_dev(examples(50)[::-1], fraction=0.2, seed=0)[1]
    assert {e.id for e in forward} == {e.id for e in backward}


def test_another_seed_cuts_another_dev_split() -> None:
    assert (
        split_dev(examples(50), fraction=0.2, seed=0)[1] != split_dev(examples(50), fraction=0.2, seed=1)[1]
    )


def test_csv_is_read_with_named_columns_quotes_and_line_breaks(tmp_path: Path) -> None:
    data = {"train": "train.csv", "columns": {"input": "text", "output": "queue"}}
    case = write_case(tmp_path / "c", changes={"data": data})
    (case / "held_out.jsonl").write_text('{"id": "h", "text": "a", "queue": "other"}\n')
    (case / "train.csv").write_text(
        'text,queue,comment\n"Where is it,\nthe ""big"" box?",delivery,x\nmy bill,payment,\nhello,other,\n',
        encoding="utf-8-sig",
    )
    loaded = load_case(case)
    texts = {e.input_text: e.output for e in loaded.train}
    assert texts == {'Where is it,\nthe "big" box?': "delivery", "my bill": "payment", "hello": "other"}


def test_leaks_are_found_although_case_spacing_or_a_word_differ(tmp_path: Path) -> None:
    train, held_out = make_rows("t", 12), make_rows("h", 12)
    long = "The blue kettle that I ordered on Tuesday has still not arrived at my office in the old town"
    train[0]["input"] = long
    held_out[0]["input"] = long.upper().replace(" ", "  ")
    held_out[1]["input"] = long + " yet"
    found = audit(load_case(write_case(tmp_path / "c", train=train, held_out=held_out)))
    assert found.leaked == {"h0", "h1"}
    assert [p.exact for p in found.across] == [True, False]
    assert "2 of 12 held-out items" in found.findings[0]


def test_contradictions_and_thin_labels_are_named(tmp_path: Path) -> None:
    train = make_rows("t", 9)
    train[3]["input"] = train[0]["input"]
    train[3]["output"] = "payment"
    findings = "\n".join(audit(load_case(write_case(tmp_path / "c", train=train))).findings)
    assert "same input and different outputs" in findings
    assert "Label 'other' has only 3 training examples." in findings


def test_groups_in_both_splits_are_named(tmp_path: Path) -> None:
    train, held_out = make_rows("t", 9), make_rows("h", 9)
    train[0]["group"] = held_out[0]["group"] = "customer 7"
    found = audit(load_case(write_case(tmp_path / "c", train=train, held_out=held_out)))
    assert found.groups_across == ("customer 7",)


@pytest.mark.parametrize("name", ["support_intents", "policy_qa", "recipe_ingredients", "order_extraction"])
def test_sample_cases_are_clean(name: str) -> None:
    folder = Path(__file__).parents[2] / "sample_cases" / name
    loaded = load_case(folder)
    found = audit(loaded)
    assert len(found.leaked) / len(loaded.held_out) < 0.03
    assert not found.groups_across
    assert (folder / "README.md").is_file()


@pytest.mark.parametrize(
    ("name", "train", "held_out", "documents"),
    [
        ("support_intents", 240, 180, 0),
        ("policy_qa", 60, 120, 45),
        ("recipe_ingredients", 101, 100, 0),
        ("order_extraction", 160, 120, 0),
    ],
)
def test_sample_cases_have_their_sizes(name: str, train: int, held_out: int, documents: int) -> None:
    loaded = load_case(Path(__file__).parents[2] / "sample_cases" / name)
    assert (len(loaded.train), len(loaded.held_out)) == (train, held_out)
    assert audit(loaded).n_documents == documents
