"""The near duplicates of a large case are looked for once; those of a small one leave nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor import workflow
from advisor.cases import duplicates
from advisor.cases.audit import Audit
from advisor.workflow import _audit
from tests.conftest import make_rows, write_case

KEPT = Path(".advisor") / "near_duplicates.json"


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each search; a case of 20 items is a large one."""
    found: list[int] = []
    search = duplicates.near_duplicates

    def counted(*arguments: object) -> object:
        found.append(1)
        return search(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(duplicates, "near_duplicates", counted)
    monkeypatch.setattr(_audit, "LARGE", 20)
    return found


def audit_of(folder: Path) -> Audit:
    return workflow.check(folder).audit


def large_case(folder: Path) -> Path:
    train, held_out = make_rows("t", 12), make_rows("h", 12)
    held_out[0]["input"] = train[0]["input"]
    return write_case(folder, train=train, held_out=held_out)


def test_a_small_case_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "c")
    audit_of(folder)
    assert not (folder / ".advisor").exists()


def test_the_same_data_are_searched_once(tmp_path: Path, searches: list[int]) -> None:
    folder = large_case(tmp_path / "c")
    first = audit_of(folder)
    assert first.leaked == {"h0"}
    assert audit_of(folder) == first
    assert len(searches) == 1


def test_changed_data_are_searched_again(tmp_path: Path, searches: list[int]) -> None:
    folder = large_case(tmp_path / "c")
    audit_of(folder)
    lines = (folder / "held_out.jsonl").read_text().splitlines()
    row = json.loads(lines[0]) | {"input": "quite another question than before"}
    (folder / "held_out.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]))
    assert audit_of(folder).leaked == frozenset()
    assert len(searches) == 2


@pytest.mark.parametrize("damage", ["", "nonsense", "half", "other"])
def test_a_damaged_file_is_made_again(tmp_path: Path, searches: list[int], damage: str) -> None:
    folder = large_case(tmp_path / "c")
    first = audit_of(folder)
    whole = (folder / KEPT).read_text()
    key = whole.split("\n")[0]
    content = {"": "", "nonsense": "\0nonsense", "half": whole[:-30], "other": f"{key}\n[1, 2]"}[damage]
    (folder / KEPT).write_text(content)
    assert audit_of(folder) == first
    assert (folder / KEPT).read_text() == whole


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, searches: list[int]) -> None:
    folder = large_case(tmp_path / "c")
    (folder / ".advisor").write_text("a file where the folder would be")
    assert audit_of(folder).leaked == {"h0"}


def test_a_file_that_is_no_text_is_made_again(tmp_path: Path, searches: list[int]) -> None:
    folder = large_case(tmp_path / "c")
    first = audit_of(folder)
    (folder / KEPT).write_bytes(b"\xff\xfe\x00")
    assert audit_of(folder) == first
