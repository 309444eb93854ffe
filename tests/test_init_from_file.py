"""`advisor init --from-file` makes a case that passes `check`, or says what is wrong with the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROWS = "".join(f"parcel {i * 7919 % 1000} and {i * i},{('late', 'lost')[i % 2]}\n" for i in range(20))


def test_a_table_becomes_a_case_that_passes_check(tmp_path: Path, cli: Any, scripted: Any) -> None:
    scripted()
    (tmp_path / "t.csv").write_text("Message,Queue\n" + ROWS)
    made = cli("init", tmp_path / "case", "--from-file", tmp_path / "t.csv")
    assert made.code == 0, made.err
    assert "Input: Message. Expected output: Queue. Task: classification." in made.err
    assert cli("check", tmp_path / "case").code == 0


def test_columns_can_be_named_and_a_wrong_one_names_the_right_ones(tmp_path: Path, cli: Any) -> None:
    (tmp_path / "t.csv").write_text("A,B,C\n" + ROWS.replace("\n", ",x\n"))
    options = ("--from-file", tmp_path / "t.csv", "--input", "A", "--output")
    assert cli("init", tmp_path / "case", *options, "B").code == 0
    wrong = cli("init", tmp_path / "other", *options, "Z")
    assert wrong.code == 1
    assert "'A', 'B', 'C'" in wrong.err
    assert not (tmp_path / "other").exists()


def test_nothing_is_overwritten(tmp_path: Path, cli: Any) -> None:
    (tmp_path / "t.csv").write_text("Message,Queue\n" + ROWS)
    (tmp_path / "case").mkdir()
    assert cli("init", tmp_path / "case", "--from-file", tmp_path / "t.csv").code == 2
    assert cli("init", tmp_path / "b", "--from", "policy_qa", "--from-file", tmp_path / "t.csv").code == 2
    assert cli("init", tmp_path / "b", "--from-file", tmp_path / "none.csv").code == 1


def test_ids_groups_and_split_are_recognised_as_on_the_page(tmp_path: Path, cli: Any) -> None:
    sets = ("test", "train", "train", "train")
    rows = "".join(
        f"T-{i},parcel {i * 7919 % 1000} and {i * i},{('late', 'lost')[i % 2]},c{i // 2},{sets[i % 4]}\n"
        for i in range(40)
    )
    (tmp_path / "t.csv").write_text("Ticket,Message,Queue,Customer,Set\n" + rows)
    made = cli("init", tmp_path / "case", "--from-file", tmp_path / "t.csv", "--split", "Set")
    assert made.code == 0, made.err
    assert "Row names: Ticket. Groups: Customer. Held out: where Set says test." in made.err
    held_out = [json.loads(x) for x in (tmp_path / "case" / "held_out.jsonl").read_text().splitlines()]
    assert [x["id"] for x in held_out] == [f"T-{i}" for i in range(0, 40, 4)]
    assert held_out[1]["group"] == "c2"


def test_options_of_a_table_need_a_table(tmp_path: Path, cli: Any) -> None:
    refused = cli("init", tmp_path / "case", "--kind", "extraction")
    assert refused.code == 2
    assert "--from-file" in refused.err
    assert not (tmp_path / "case").exists()
