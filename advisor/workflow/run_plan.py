"""What a run would take from here: the plan, less what is measured already."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.loading import LoadedCase
from advisor.evaluation.plan import PlannedBaseline
from advisor.records import Measured
from advisor.store.database import Store, StoredMeasurement
from advisor.workflow import Checked, check
from advisor.workflow._cases import STORE_FOLDER, open_store

__all__ = ["RunPlan", "plan_run"]


@dataclass(frozen=True)
class RunPlan:
    """A plan, and what of it is done."""

    checked: Checked
    measured: Mapping[str, int]
    """Held-out items that are measured here, by baseline."""
    whole: frozenset[str]
    """Baselines of which a run would ask nothing more."""
    recorded: bool
    """Whether recorded results lie beside the case: a decision can be taken from them without a run."""
    writable: bool
    """Whether the case's folder takes a run's results; that of an installed sample may not."""
    may_stop_early: bool
    """Whether the case's metric lets a run stop once the verdict is settled."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Baselines that a run would ask something of, in the order of the case."""
        return tuple(b.name for b in self.checked.plan.baselines if b.name not in self.whole)

    def calls_at_most(self, names: Collection[str]) -> int:
        """Calls of these baselines that are not all made yet, the judge's included."""
        rows = self._to_do(names)
        calls = sum(b.calls_dev + b.calls_held_out + sum(x.calls for x in b.further) for b in rows)
        return calls + (self.checked.plan.judge.calls if rows and self.checked.plan.judge else 0)

    def usd_at_most(self, names: Collection[str]) -> float | None:
        """What these baselines may cost, the judge included; None where a part is not known."""
        rows = self._to_do(names)
        parts = [usd for b in rows for usd in (b.usd, *(x.usd for x in b.further))]
        if rows and self.checked.plan.judge is not None:
            parts.append(self.checked.plan.judge.usd)
        return _sum(parts)

    def seconds_at_most(self, names: Collection[str]) -> float | None:
        """How long these baselines may take; None where a part is not known."""
        rows = self._to_do(names)
        parts = [s for b in rows for s in (b.seconds, *(x.seconds for x in b.further))]
        if rows and self.checked.plan.judge is not None:
            parts.append(self.checked.plan.judge.seconds)
        return _sum(parts)

    def unknown_costs(self, names: Collection[str]) -> tuple[str, ...]:
        """Those of these baselines whose cost is not known before they run."""
        return tuple(b.name for b in self._to_do(names) if None in (b.usd, *(x.usd for x in b.further)))

    def _to_do(self, names: Collection[str]) -> list[PlannedBaseline]:
        return [b for b in self.checked.plan.baselines if b.name in names and b.name not in self.whole]


def plan_run(case: Path | str, *, store: str | None = None, checked: Checked | None = None) -> RunPlan:
    """Plans a run of what is not measured yet; calls no model, and creates no store.

    Args:
        case: The case folder.
        store: A SQLAlchemy URL; by default a SQLite file in the case folder.
        checked: What `check` found, where it is at hand.

    Raises:
        CaseError: The case is wrong.
        StoreError: The store cannot be read.
    """
    from advisor.evaluation.results_file import RESULTS_FILE
    from advisor.scoring import is_per_item

    checked = checked or check(case)
    loaded = checked.loaded
    own = loaded.folder / STORE_FOLDER
    found: dict[str, tuple[int, bool]] = {}
    if store is not None or (own / "store.sqlite").exists():
        with open_store(loaded, store) as opened:
            found = {spec.name: _done(loaded, spec, opened) for spec in loaded.case.baselines}
    return RunPlan(
        checked=checked,
        measured={name: n for name, (n, _) in found.items()},
        whole=frozenset(name for name, (_, whole) in found.items() if whole),
        recorded=(loaded.folder / RESULTS_FILE).exists(),
        writable=os.access(own if own.exists() else loaded.folder, os.W_OK),
        may_stop_early=is_per_item(loaded.case.quality.metric),
    )


def _done(loaded: LoadedCase, spec: BaselineSpec, store: Store) -> tuple[int, bool]:
    """(held-out items that are measured, whether nothing of the baseline is left to ask)."""
    from advisor.evaluation.fingerprint import measurement_fingerprint
    from advisor.evaluation.judging import is_open
    from advisor.evaluation.repeats import is_complete

    there = store.measurement(loaded.case.name, spec.name, measurement_fingerprint(loaded, spec))
    if there is None:
        return 0, False
    complete = {i.id for i in there.items if is_complete(i)}
    wanted = {e.id for e in loaded.held_out}
    return len(complete & wanted), wanted <= complete and not is_open(there.about) and _further_too(
        loaded, spec, there, wanted
    )


def _further_too(loaded: LoadedCase, spec: BaselineSpec, there: StoredMeasurement, wanted: set[str]) -> bool:
    """Whether its further trainings and its questions on other cases are done as well."""
    from advisor.evaluation.variants import is_there, variants_of

    measured = Measured(items=there.items, **there.about)
    others = loaded.case.extensibility
    asked_of = len(others.cases) if others is not None and spec.kind == "fine_tuned" else 0
    return len(measured.elsewhere) >= asked_of and all(
        is_there(measured, variant, wanted) for variant in variants_of(loaded, spec)
    )


def _sum(parts: list[float | None]) -> float | None:
    return None if None in parts else sum(p for p in parts if p is not None)
