"""A case as the verbs take it: loaded, with its store and the folder of its artefacts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from advisor.cases.loading import LoadedCase, load_case
from advisor.errors import AdvisorError, UsageError

if TYPE_CHECKING:
    from advisor.cases.baseline_spec import BaselineSpec
    from advisor.store.database import Store

STORE_FOLDER = ".advisor"
T = TypeVar("T")


def load(case: Path | str) -> LoadedCase:
    """Loads a case; a metric that does not exist is a problem of the case as any other."""
    return load_case(case, metric_problem=_metric_problem)


def _metric_problem(name: str) -> str | None:
    from advisor.scoring import metric

    try:
        metric(name)
    except UsageError as error:
        return str(error).replace("\n  → ", " ")
    return None


def chosen_baselines(loaded: LoadedCase, names: Sequence[str] | None) -> list[BaselineSpec]:
    """The baselines of these names, or all.

    Raises:
        UsageError: One is unknown.
    """
    known = {b.name: b for b in loaded.case.baselines}
    unknown = [n for n in names or () if n not in known]
    if unknown:
        raise UsageError(
            f"The case has no baseline {', '.join(map(repr, unknown))}.", hint=f"It has: {', '.join(known)}."
        )
    return [b for b in loaded.case.baselines if names is None or b.name in names]


def check_stop_early(loaded: LoadedCase, *, limit: int | None, use_batches: bool) -> None:
    """Makes sure that a run can stop early.

    Raises:
        UsageError: It cannot.
    """
    from advisor.scoring import is_per_item

    if use_batches:
        raise UsageError(
            "--stop-early and --batch cannot be combined: a batch is handed over whole, before it is known how "
            "many answers are needed.",
            hint="Leave one of them out: --batch asks all at half the price, --stop-early asks fewer at once.",
        )
    if limit is not None:
        raise UsageError(
            "--stop-early and --limit cannot be combined: both say how many items are asked.",
            hint="Leave --limit out; --stop-early asks at most the whole held-out set.",
        )
    if not is_per_item(loaded.case.quality.metric):
        raise UsageError(
            f"--stop-early needs a score for each item, and {loaded.case.quality.metric} is one of a whole set only.",
            hint="Run without --stop-early, or choose a metric such as accuracy.",
        )


def _store_url(loaded: LoadedCase, store: str | None) -> str:
    return store or f"sqlite:///{(loaded.folder / STORE_FOLDER / 'store.sqlite').resolve()}"


def open_store(loaded: LoadedCase, store: str | None) -> Store:
    """The store of a URL, or the one inside the case folder.

    Raises:
        StoreError: It cannot be opened.
    """
    from advisor.store.database import Store

    if store is None:
        artefacts_folder(loaded)
    return Store(_store_url(loaded, store))


def with_store(loaded: LoadedCase, store: str | None, use: Callable[[Store | None], T]) -> T:
    """Opens the store for reading; a default store that is not there yet is not created for that."""
    if store is None and not (loaded.folder / STORE_FOLDER / "store.sqlite").exists():
        return use(None)
    with open_store(loaded, store) as opened:
        return use(opened)


def artefacts_folder(loaded: LoadedCase) -> Path:
    """Where adapters and the default store are; git ignores it."""
    folder = loaded.folder / STORE_FOLDER
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        raise AdvisorError(
            f"{folder} cannot be written: {error.strerror}.",
            hint="Copy the case to a folder of yours; for a sample: advisor init my_case --from NAME.",
        ) from error
    return folder
