"""Reports of one case or of many, the table of items, and what changed between two decisions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from advisor.cases.loading import CASE_FILE, LoadedCase
from advisor.cases.overrides import with_overrides
from advisor.errors import AdvisorError, NoResultsError, UsageError
from advisor.files import safe_name, write_whole
from advisor.formatting import one_line
from advisor.records import Decision
from advisor.workflow._audit import audited
from advisor.workflow._cases import STORE_FOLDER, load, open_store
from advisor.workflow._context import report_context
from advisor.workflow._evidence import evidence_of
from advisor.workflow.reviewing import review_facts

if TYPE_CHECKING:
    from advisor.decision.evidence import CaseEvidence
    from advisor.evaluation.progress import RunProgress
    from advisor.reports.changes import Changes
    from advisor.reports.context import ReportContext, ReviewFacts
    from advisor.store.database import Store

DEFAULT_REPORTS = Path("reports")
FORMATS = ("html", "pdf", "md", "json", "xlsx")
ALL = "all"


@dataclass(frozen=True)
class Reportable:
    """All that a report of a case is written from."""

    loaded: LoadedCase
    evidence: CaseEvidence
    decision: Decision
    context: ReportContext


@dataclass(frozen=True)
class BatchEntry:
    """One case of a batch: its decision and report, or why there is none."""

    folder: Path
    decision: Decision | None = None
    report: Path | None = None
    """Its first report; further formats stand beside it."""
    error: str | None = None
    further: tuple[Path, ...] = ()
    changed: tuple[str, ...] | None = None
    """What changed since the decision that stood in the output folder before; None where there was none."""
    at_stake_usd: float | None = None


def report(
    case: Path | str,
    *,
    format: str = "html",
    output: Path | None = None,
    store: str | None = None,
    overrides: Mapping[str, str] | None = None,
    review: ReviewFacts | None = None,
) -> Path:
    """Writes the decision report; returns its path.

    Args:
        case: The case folder.
        format: html, pdf, md, json, or xlsx for the table of all items.
        output: The folder to write into.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.
        overrides: New values of assumptions by dotted key.
        review: What is known of the go/no-go review; by default what the store holds of it. It becomes a section.

    Raises:
        UsageError: The format is unknown.
        NoResultsError: Nothing was measured yet.
        MissingExtraError: A PDF is wanted, and what makes it is not installed.
    """
    return reports(case, (format,), output=output, store=store, overrides=overrides, review=review)[0]


def reports(
    case: Path | str,
    formats: Sequence[str],
    *,
    output: Path | None = None,
    store: str | None = None,
    overrides: Mapping[str, str] | None = None,
    review: ReviewFacts | None = None,
) -> list[Path]:
    """Writes a case's reports in several formats, `all` of them if so named; returns their paths in that order.

    Raises:
        UsageError: A format is unknown.
        NoResultsError: Nothing was measured yet.
        MissingExtraError: A PDF is wanted, and what makes it is not installed.
    """
    wanted = _checked(formats)
    found = reportable(case, store=store, overrides=overrides, review=review)
    stem = safe_name(found.decision.case)
    return _write(found, wanted, output or DEFAULT_REPORTS, stem)


def reportable(
    case: Path | str,
    *,
    store: str | None = None,
    overrides: Mapping[str, str] | None = None,
    review: ReviewFacts | None = None,
    now: datetime | None = None,
) -> Reportable:
    """A case with its evidence, decision and context, from stored or recorded results; calls no model.

    Raises:
        NoResultsError: Nothing was measured yet.
    """
    from advisor.decision.decide import decide as decide_on

    loaded = with_overrides(load(case), overrides or {})
    found = audited(loaded)
    with _opened(loaded, store) as there:
        evidence = evidence_of(loaded, there, now, found)
        decision = decide_on(evidence)
        if review is None and not overrides:  # what was signed are the case's own assumptions
            review = review_facts(loaded, there, decision)
    return Reportable(loaded, evidence, decision, report_context(loaded, found, review))


def render(decision: Decision, format: str, context: ReportContext | None = None) -> str:
    """The decision as HTML, Markdown or JSON text.

    Raises:
        UsageError: The format is unknown, or is no text.
    """
    if format == "html":
        from advisor.reports.html import render_html

        return render_html(decision, context)
    if format == "md":
        from advisor.reports.markdown import render_markdown

        return render_markdown(decision, context)
    if format == "json":
        return decision.to_json()
    raise UsageError(f"There is no text report of format {format!r}.", hint="There are html, md and json.")


def render_bytes(found: Reportable, format: str) -> bytes:
    """A report of any format, as it stands in a file.

    Raises:
        UsageError: The format is unknown.
        MissingExtraError: A PDF is wanted, and what makes it is not installed.
    """
    if format == "pdf":
        from advisor.reports.pdf import render_pdf

        return render_pdf(found.decision, found.context)
    if format == "xlsx":
        return items_workbook(found)
    return render(found.decision, format, found.context).encode("utf-8")


def items_workbook(found: Reportable) -> bytes:
    """Every item with every baseline's answer, as a workbook."""
    from advisor.reports.workbook import render_workbook

    return render_workbook(found.decision, found.evidence.measured, found.loaded.held_out)


def batch(
    folder: Path | str,
    *,
    output: Path | None = None,
    store: str | None = None,
    progress: RunProgress | None = None,
    formats: Sequence[str] = ("html",),
) -> tuple[list[BatchEntry], Path]:
    """Decides every case below a folder, running what has no results; reports each, and an index over all.

    A case that fails leaves the others alone. Each decision's JSON is written beside its report; when the same folder
    is written into again, the index says what changed since.

    Returns:
        The cases, the largest value at stake first and those that failed last, and the path of the index.

    Raises:
        UsageError: There is no case below the folder, or a format is unknown.
    """
    from advisor.reports.index import IndexEntry, render_index

    wanted = _checked(formats)
    folders = sorted(p.parent for p in Path(folder).rglob(CASE_FILE) if STORE_FOLDER not in p.parts)
    if not folders:
        raise UsageError(f"There is no case below {folder}.", hint="A case is a folder with a case.yaml.")
    target = output or DEFAULT_REPORTS
    target.mkdir(parents=True, exist_ok=True)
    entries: list[BatchEntry] = []
    taken = {"index"}
    for position, case in enumerate(folders, start=1):
        entry = _batched(case, target, wanted, store, progress, taken)
        entries.append(entry)
        if progress is not None:
            result = entry.error or (entry.decision.verdict.decision if entry.decision else "")
            progress.note(f"{position} of {len(folders)} · {one_line(case.name)}: {one_line(result)}")
    entries.sort(key=_by_stake)
    rows = tuple(
        IndexEntry(
            folder=str(e.folder),
            decision=e.decision,
            report=e.report.name if e.report else None,
            further=tuple(p.name for p in e.further),
            error=e.error,
            at_stake_usd=e.at_stake_usd,
            changed=e.changed,
        )
        for e in entries
    )
    index = target / "index.html"
    write_whole(index, render_index(rows, datetime.now(UTC)))
    return entries, index


def compare(
    before: Path | str, after: Path | str, *, store: str | None = None
) -> tuple[Changes, tuple[Decision, Decision]]:
    """What changed between two decisions on the same case.

    Args:
        before: A decision's JSON file, a case folder, or a folder of reports that holds one decision.
        after: The same, of a later day. Of two report folders with several cases name the JSON files.
        store: Where the results of a case folder are kept.

    Returns:
        The changes, and the two decisions.

    Raises:
        UsageError: One cannot be read as a decision, or they are of different cases.
        NoResultsError: A case folder has no results yet.
    """
    from advisor.reports.changes import changes

    # of a folder with reports of many cases, the one of the same case is meant
    if _is_folder_of_reports(before) and not _is_folder_of_reports(after):
        second = decision_at(after, store=store)
        first = decision_at(before, store=store, case=second.case)
    else:
        first = decision_at(before, store=store)
        second = decision_at(after, store=store, case=first.case if _is_folder_of_reports(after) else None)
    return changes(first, second), (first, second)


def decision_at(place: Path | str, *, store: str | None = None, case: str | None = None) -> Decision:
    """The decision in a JSON file, of a case folder, or in a folder of reports.

    Args:
        place: Where it is.
        store: Where the results of a case folder are kept.
        case: Of a folder of reports, the case whose decision is meant.

    Raises:
        UsageError: There is none, or more than one.
        NoResultsError: A case folder has no results yet.
    """
    path = Path(place)
    if path.name == CASE_FILE or (path / CASE_FILE).is_file():
        return reportable(path, store=store).decision
    if path.is_dir():
        found = [d for f in sorted(path.glob("*.json")) if (d := _read(f)) is not None]
        found = [d for d in found if d.case == case] if case is not None and len(found) > 1 else found
        if len(found) == 1:
            return found[0]
        what = "no decision" if not found else f"{len(found)} decisions"
        raise UsageError(
            f"{path} holds {what}.", hint="Name the JSON file of one decision, e.g. reports/my_case.json."
        )
    if not path.is_file():
        raise UsageError(
            f"{path} does not exist.",
            hint="Name a decision's JSON file, a case folder or a folder of reports.",
        )
    decision = _read(path)
    if decision is None:
        raise UsageError(
            f"{path} is no decision of this product.",
            hint="Write one with: advisor report CASE --format json",
        )
    return decision


def _is_folder_of_reports(place: Path | str) -> bool:
    return Path(place).is_dir() and not (Path(place) / CASE_FILE).is_file()


def _checked(formats: Sequence[str]) -> tuple[str, ...]:
    """The formats, each once; `all` stands for all of them.

    Raises:
        UsageError: One is unknown.
    """
    named = [f.strip().lower() for one in formats for f in one.split(",") if f.strip()]
    wanted = tuple(dict.fromkeys(f for name in named for f in (FORMATS if name == ALL else (name,))))
    for name in wanted:
        if name not in FORMATS:
            raise UsageError(
                f"There is no report format {name!r}.", hint=f"There are {', '.join(FORMATS)}, and {ALL}."
            )
    if not wanted:
        raise UsageError("No report format is named.", hint=f"There are {', '.join(FORMATS)}, and {ALL}.")
    if "pdf" in wanted:
        from advisor.reports.pdf import require_typst

        require_typst()  # before anything is computed
    return wanted


def _write(found: Reportable, formats: Sequence[str], folder: Path, stem: str) -> list[Path]:
    paths = []
    for format in formats:
        path = folder / f"{stem}.{format}"
        write_whole(path, render_bytes(found, format))
        paths.append(path)
    return paths


def _batched(
    case: Path,
    target: Path,
    formats: Sequence[str],
    store: str | None,
    progress: RunProgress | None,
    taken: set[str],
) -> BatchEntry:
    """One case of a batch, decided and reported, or the reason why not."""
    from advisor.reports.stakes import at_stake_usd
    from advisor.workflow import run

    try:
        try:
            found = reportable(case, store=store)
        except NoResultsError:
            run(case, store=store, progress=progress)
            found = reportable(case, store=store)
        stem = _free_name(found.decision.case, case, taken)
        changed = _since(target / f"{stem}.json", found.decision)
        paths = _write(found, [f for f in formats if f != "json"], target, stem)
        # last, so that what it is compared with next time is what the reports say
        saved = _write(found, ("json",), target, stem)
    except AdvisorError as error:
        return BatchEntry(case, error=str(error))
    except Exception as error:  # noqa: BLE001 - one case must not take the others with it
        return BatchEntry(case, error=f"{type(error).__name__}: {error}")
    first, *rest = [*paths, *saved]
    return BatchEntry(
        case,
        found.decision,
        first,
        further=tuple(rest),
        changed=changed,
        at_stake_usd=at_stake_usd(found.decision),
    )


def _free_name(name: str, case: Path, taken: set[str]) -> str:
    """A file name of its own; two cases may have one name, and their folders tell them apart."""
    candidates = [safe_name(name), safe_name(f"{name}-{case.name}")]
    candidates += [safe_name(f"{name}-{n}") for n in range(2, len(taken) + 3)]
    # file systems may tell no capitals from small letters
    free = next(c for c in candidates if c.lower() not in taken)
    taken.add(free.lower())
    return free


def _since(path: Path, decision: Decision) -> tuple[str, ...] | None:
    """What changed since the decision in a file; None where there is none of the same case."""
    from advisor.reports.changes import changes

    if not path.is_file():
        return None
    earlier = _read(path)
    if earlier is None:
        return ("The earlier decision could not be read.",)
    return changes(earlier, decision).summary if earlier.case == decision.case else None


def _read(path: Path) -> Decision | None:
    """The decision in a file; None where it holds none."""
    try:
        return Decision.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError, RecursionError):
        return None


def _by_stake(entry: BatchEntry) -> tuple[int, float, str]:
    """The largest value at stake first, unknown ones after the known, failures last."""
    if entry.decision is None:
        return 2, 0.0, str(entry.folder)
    if entry.at_stake_usd is None:
        return 1, 0.0, str(entry.folder)
    return 0, -entry.at_stake_usd, str(entry.folder)


@contextmanager
def _opened(loaded: LoadedCase, store: str | None) -> Iterator[Store | None]:
    """The store, open for reading; a default store that is not there yet is not created for that."""
    if store is None and not (loaded.folder / STORE_FOLDER / "store.sqlite").exists():
        yield None
        return
    with open_store(loaded, store) as opened:
        yield opened
