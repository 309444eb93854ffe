"""Loading a case folder: everything the user brings, or everything that is wrong with it, at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from advisor.cases.examples import read_examples
from advisor.cases.human_labels import read_human_labels
from advisor.cases.schema import Case, DataFiles, Example, Task
from advisor.cases.splits import split_dev
from advisor.cases.yaml_file import read_case_file, read_parts, with_lines
from advisor.errors import CaseError, Problem
from advisor.records import HumanLabel

CASE_FILE = "case.yaml"


@dataclass(frozen=True)
class LoadedCase:
    """A case with its examples: what to learn from, what to choose on, what to judge by."""

    folder: Path
    case: Case
    learn: tuple[Example, ...]
    dev: tuple[Example, ...]
    held_out: tuple[Example, ...]
    documents: Path | None
    human_labels: tuple[HumanLabel, ...] = ()
    """People's scores of answers, where the metric is `judge` and they are given."""

    @property
    def train(self) -> tuple[Example, ...]:
        """All training examples: those to learn from, then the dev split."""
        return self.learn + self.dev

    @cached_property
    def canonical(self) -> dict[str, str]:
        """The examples as canonical text, by part: made once, as all that rests on them hashes it."""
        parts = {"learn": self.learn, "dev": self.dev, "held_out": self.held_out}
        return {name: _canonical(examples) for name, examples in parts.items()}


def load_case(
    folder: Path | str, *, metric_problem: Callable[[str], str | None] = lambda name: None
) -> LoadedCase:
    """Loads and validates a case folder.

    Args:
        folder: The case folder.
        metric_problem: What is wrong with a metric of this name, where metrics are known.

    Raises:
        CaseError: With all problems of the case, each with file, line and key.
    """
    folder = Path(folder)
    if folder.name == CASE_FILE and folder.is_file():
        folder = folder.parent
    if not folder.is_dir():
        raise CaseError(
            [Problem(folder, "is not a folder; a case is a folder with a case.yaml, see `advisor init`")]
        )
    file = folder / CASE_FILE
    case, problems = read_case_file(file)
    parts = case or read_parts(file)
    if parts is None:
        raise CaseError(problems)
    wrong_metric = metric_problem(parts.quality.metric)
    if wrong_metric is not None:
        problems.append(Problem(file, wrong_metric, key="quality.metric"))
    data = _read_data(folder, parts.task, parts.data)
    problems += data.problems
    if case is None:
        raise CaseError(with_lines(problems, file))
    labels: tuple[HumanLabel, ...] = ()
    if case.judge is not None and case.judge.human_labels is not None:
        labels_path, wrong = _inside(folder, case.judge.human_labels, file, "judge.human_labels")
        problems += wrong
        if labels_path is not None:
            labels, wrong = read_human_labels(labels_path, case, {e.id for e in data.held_out})
            problems += wrong
    if problems:
        raise CaseError(with_lines(problems, file))
    learn, dev = split_dev(data.train, fraction=case.data.dev_fraction, seed=case.data.seed)
    return LoadedCase(folder, case, learn, dev, tuple(data.held_out), data.documents, labels)


@dataclass(frozen=True)
class _Data:
    """What the files of a case hold, and all that is wrong with them."""

    train: list[Example]
    held_out: list[Example]
    documents: Path | None
    problems: list[Problem]


def _read_data(folder: Path, task: Task, data: DataFiles) -> _Data:
    file = folder / CASE_FILE
    problems: list[Problem] = []
    train: list[Example] = []
    held_out: list[Example] = []
    train_lines: dict[str, int] = {}
    train_path, wrong = _inside(folder, data.train, file, "data.train")
    problems += wrong
    held_out_path, wrong = _inside(folder, data.held_out, file, "data.held_out")
    problems += wrong
    documents: Path | None = None
    if data.documents is not None:
        documents, wrong = _inside(folder, data.documents, file, "data.documents")
        problems += wrong
        if documents is not None and not documents.is_dir():
            message = f"folder {data.documents!r} does not exist"
            problems.append(Problem(file, message, key="data.documents"))
    if train_path is not None:
        train, train_lines, wrong = read_examples(train_path, task, data.columns)
        problems += wrong
    if held_out_path is not None:
        held_out, lines, wrong = read_examples(held_out_path, task, data.columns)
        problems += wrong
        for example in held_out:
            if example.id in train_lines:
                where = f"{train_path.name if train_path else ''}:{train_lines[example.id]}"
                problems.append(
                    Problem(held_out_path, f"{example.id!r} stands in {where} too", lines[example.id], "id")
                )
    if documents is not None and documents.is_dir():
        problems += _document_problems(documents, [*train, *held_out], file)
    return _Data(train, held_out, documents, problems)


def data_fingerprint(examples: tuple[Example, ...]) -> str:
    """A hash of examples: what a result that rests on them is tied to."""
    return hashlib.sha256(_canonical(examples).encode()).hexdigest()


def _canonical(examples: tuple[Example, ...]) -> str:
    return json.dumps([e.model_dump(mode="json") for e in examples], sort_keys=True, ensure_ascii=False)


def _inside(folder: Path, name: str, file: Path, key: str) -> tuple[Path | None, list[Problem]]:
    """A path of the case, which must not leave its folder (links are followed first)."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        return None, [Problem(file, f"{name!r} leaves the case folder", key=key)]
    return folder / name, []


def _document_problems(documents: Path, examples: list[Example], file: Path) -> list[Problem]:
    names = {p.relative_to(documents).as_posix() for p in documents.rglob("*") if p.is_file()}
    if not names:
        return [Problem(file, "the documents folder is empty", key="data.documents")]
    outside = [
        p
        for p in documents.rglob("*")
        if p.is_symlink() and not p.resolve().is_relative_to(documents.resolve())
    ]
    problems = [Problem(p, "links to a place outside the documents folder") for p in outside]
    missing = sorted({(d, e.id) for e in examples for d in e.documents or () if d not in names})
    problems += [
        Problem(file, f"example {i!r} names document {d!r}, which does not exist") for d, i in missing
    ]
    return problems
