"""Which row belongs to which baseline and held-out item; rows of one item are its repeats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from advisor.cases.loading import LoadedCase
from advisor.errors import CaseError, Problem, first_of
from advisor.evaluation.imports._rows import Row, Source
from advisor.evaluation.results_file import score_name
from advisor.records import ItemResult, Measured, Usage

_LONGEST_NAME = 60


def matched(
    loaded: LoadedCase, path: Path, source: Source, names: Mapping[str, str]
) -> tuple[list[Measured], tuple[str, ...]]:
    """(results by baseline, in the order of the case; what was left out because `names` says so).

    Raises:
        CaseError: With all that could not be matched.
    """
    problems = list(source.problems)
    systems: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in source.rows:
        systems[row.names].append(row)
    if not systems and not problems:
        problems.append(Problem(path, "holds no result"))
    baselines, wrong = _baselines(loaded, path, list(systems), names)
    problems += wrong
    items = _Items(loaded)
    grouped: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    lost: dict[str, None] = {}
    for system, rows in systems.items():
        baseline = baselines.get(system)
        if baseline == "":
            continue
        for row in rows:
            item, why = items.find(row)
            if item is None:
                lost.setdefault(f"{row.where}: {why}")
            elif baseline is not None:
                grouped[baseline][item].append(row)
    problems += [Problem(path, text) for text in lost]
    if problems:
        raise CaseError(first_of(problems, path))
    metric = loaded.case.quality.metric
    scored_by = score_name(metric)
    measured = []
    for spec in loaded.case.baselines:
        if spec.name not in grouped:
            continue
        found = grouped[spec.name]
        measured.append(
            Measured(
                name=spec.name,
                kind=spec.kind,
                model=spec.model,
                uses_retrieval=spec.uses_retrieval,
                items=tuple(_item(e.id, found[e.id], scored_by) for e in loaded.held_out if e.id in found),
                imported=True,
                notes=_notes(spec.name, source, found.values()),
            )
        )
    left_out = tuple(_shown(s) for s in systems if baselines.get(s) == "")
    return measured, left_out


def _baselines(
    loaded: LoadedCase, path: Path, systems: Sequence[tuple[str, ...]], names: Mapping[str, str]
) -> tuple[dict[tuple[str, ...], str], list[Problem]]:
    """The baseline of each system: by what the caller says, else by exact name; "" is one to leave out."""
    known = {b.name for b in loaded.case.baselines}
    found: dict[tuple[str, ...], str] = {}
    problems = []
    for system in systems:
        said = next((names[n] for n in system if n in names), None)
        exact = next((n for n in system if n in known), None)
        if said is not None:
            found[system] = said
        elif exact is not None:
            found[system] = exact
    unmatched = [s for s in systems if s not in found]
    if unmatched:
        listed = "; ".join(_shown(s) for s in unmatched)
        problems.append(
            Problem(
                path,
                f"no baseline of the case is named like {listed}. The case has {', '.join(sorted(known))}. Say which "
                "is which with --map NAME=BASELINE, or leave one out with --map NAME=",
            )
        )
    for baseline in sorted(set(found.values()) - {""}):
        same = [s for s in found if found[s] == baseline]
        if len(same) > 1:
            problems.append(
                Problem(
                    path,
                    f"{' and '.join(_shown(s) for s in same)} would all be {baseline!r}; say which is which with --map",
                )
            )
    used = {n for s in systems for n in s}
    for name in names:
        if name not in used:
            there = ", ".join(dict.fromkeys(_short(n) for s in systems for n in s))
            hint = f"; there are {there}" if there else ", as there are no results in it"
            problems.append(Problem(path, f"--map {name}=…: there is no such name{hint}"))
    return found, problems


class _Items:
    """Held-out items by id and by input."""

    def __init__(self, loaded: LoadedCase) -> None:
        self._ids = {e.id for e in loaded.held_out}
        self._by_text: dict[str, list[str]] = defaultdict(list)
        for e in loaded.held_out:
            self._by_text[_plain(e.input_text)].append(e.id)

    def find(self, row: Row) -> tuple[str | None, str]:
        """(the item's id, else why there is none).

        An id counts before an input, but not against it: ids that are mere numbers may be those of other items.
        """
        named = next((i for i in row.ids if i in self._ids), None)
        alike = next((same for t in row.texts if (same := self._by_text.get(_plain(t)))), [])
        if named is not None:
            if alike and named not in alike:
                return None, f"its id is that of {named}, but its input is that of {', '.join(alike)}"
            return named, ""
        if len(alike) == 1:
            return alike[0], ""
        if alike:
            return None, f"its input is that of {', '.join(alike)}; give it an id"
        said = f" (ids tried: {', '.join(map(_short, row.ids))})" if row.ids else ""
        return None, f"is no item of the held-out set, neither by id{said} nor by equal input"


def _item(item: str, rows: Sequence[Row], metric: str) -> ItemResult:
    """One item's result: of several answers the mean; a failed one among them scores 0."""
    answered = [r for r in rows if r.failure is None]
    if not answered:
        return ItemResult(id=item, failure=rows[0].failure)
    marks = tuple(0.0 if r.failure else r.score for r in rows)
    others = {
        name: fmean(r.scores.get(name, 0.0) for r in answered)
        for name in sorted({n for r in answered for n in r.scores} - {metric})
    }
    return ItemResult(
        id=item,
        answer=answered[0].answer,
        scores={metric: fmean(marks), **others},
        usage=Usage(
            input=_mean_tokens([r.usage.input for r in answered]),
            cached_input=_mean_tokens([r.usage.cached_input for r in answered]),
            output=_mean_tokens([r.usage.output for r in answered]),
            reasoning=_mean_tokens([r.usage.reasoning for r in answered]),
        ),
        latency_s=_mean([r.latency_s for r in answered]),
        cost_usd=_mean([r.cost_usd for r in answered]),
        repeat_scores={metric: marks} if len(marks) > 1 else {},
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return fmean(known) if known else None


def _mean_tokens(values: Sequence[int | None]) -> int | None:
    mean = _mean(values)
    return None if mean is None else round(mean)


def _notes(name: str, source: Source, rows: Collection[Sequence[Row]]) -> tuple[str, ...]:
    day = f", evaluated on {source.day}" if source.day else ""
    notes = [f"{name}: scored by {source.title}{day}, not here."]
    most = max((len(r) for r in rows), default=1)
    if most > 1:
        notes.append(f"{name}: items were asked up to {most} times; means of the answers count.")
    failed = sum(sum(a.failure is not None for a in r) for r in rows if any(a.failure is None for a in r))
    if failed:
        notes.append(f"{name}: {failed} failed answers beside answered ones of the same item count as wrong.")
    return (*notes, *(f"{name}: {n}" for n in source.notes))


def _shown(system: tuple[str, ...]) -> str:
    """A system by its names."""
    return " = ".join(repr(_short(n)) for n in system)


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"


def _plain(text: str) -> str:
    """A text without differences in blanks."""
    return " ".join(text.split())
