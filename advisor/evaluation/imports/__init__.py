"""Results measured elsewhere: `results.jsonl` of this product, promptfoo's output, Inspect's logs.

Each format is read into the same rows (`_rows`), which are then matched with the case's baselines and held-out items
(`_matching`). Everything that cannot be matched is reported at once, and nothing is taken in by halves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from advisor.cases.loading import LoadedCase
from advisor.errors import UsageError
from advisor.evaluation.imports._formats import recognised
from advisor.evaluation.imports._matching import matched
from advisor.evaluation.imports.inspect_log import read_inspect
from advisor.evaluation.imports.promptfoo import read_promptfoo
from advisor.evaluation.results_file import read_results
from advisor.records import Measured

ImportFormat = Literal["auto", "jsonl", "promptfoo", "inspect"]


@dataclass(frozen=True)
class Imported:
    """What a file of results holds for a case."""

    measured: tuple[Measured, ...]
    environment: dict[str, object]
    """Of the evaluation, as a run keeps it: the tool's version, the day, as far as the file says."""
    skipped: tuple[str, ...] = ()
    """What was left out because the caller said so."""


def read_import(
    loaded: LoadedCase,
    path: Path,
    *,
    format: str = "auto",
    names: Mapping[str, str] | None = None,
    scorer: str | None = None,
) -> Imported:
    """Results by baseline, in the order of the case.

    Args:
        loaded: The case.
        path: The file.
        format: One of `ImportFormat`; auto looks at what the file holds.
        names: Which of the file's names is which baseline; an empty baseline leaves that name out.
        scorer: Inspect: whose scores count, where there are several scorers.

    Raises:
        CaseError: With all problems of the file.
        UsageError: The format or a baseline is unknown, or an option does not fit the format.
    """
    names = dict(names or {})
    if format not in get_args(ImportFormat):
        raise UsageError(
            f"There is no format {format!r}.", hint=f"There are: {', '.join(get_args(ImportFormat))}."
        )
    known = [b.name for b in loaded.case.baselines]
    unknown = sorted({b for b in names.values() if b and b not in known})
    if unknown:
        raise UsageError(
            f"--map names {', '.join(map(repr, unknown))}, no baseline of the case.",
            hint=f"It has: {', '.join(known)}.",
        )
    found = recognised(path) if format == "auto" else format
    if scorer is not None and found != "inspect":
        raise UsageError("--scorer belongs to Inspect's logs.")
    if found == "jsonl":
        if names:
            raise UsageError(
                "--map belongs to promptfoo's and Inspect's results; a line of JSONL names its baseline."
            )
        measured, recording = read_results(loaded, path)
        of = recording.provenance
        return Imported(
            tuple(
                m.model_copy(update={"notes": (*m.notes, _scored_elsewhere(m.name, of.software))})
                for m in measured
            ),
            {"software": dict(of.software), "hardware": of.hardware, "recorded_at": of.recorded_at},
        )
    source = read_promptfoo(path) if found == "promptfoo" else read_inspect(path, scorer)
    results, skipped = matched(loaded, path, source, names)
    return Imported(tuple(results), source.environment, skipped)


def _scored_elsewhere(name: str, software: Mapping[str, str]) -> str:
    """The same words for all baselines, so that a report can say them once."""
    tool = f" (advisor {software['advisor']})" if "advisor" in software else ""
    return f"{name}: scored elsewhere{tool}, not here."
