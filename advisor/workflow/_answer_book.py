"""A case's held-out items with the answers of all baselines: filtered, sorted and paged without touching a file.

What filters look at stands in arrays of shape (items, baselines); texts are looked at only where a text is searched
for, and rows are made only of the items on a page.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from advisor.baselines import Baseline, Material, build_baseline
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.duplicates import DuplicatePair
from advisor.cases.loading import LoadedCase
from advisor.cases.schema import Example
from advisor.decision.evidence import DataFacts
from advisor.decision.learning import item_metric
from advisor.decision.slices import Cut, cuts_of
from advisor.errors import UsageError
from advisor.evaluation.indexes import PassageIndexes
from advisor.records import ItemResult, Measured, Provenance
from advisor.scoring import RIGHT_FROM, is_binary
from advisor.workflow._answer_rows import (
    AnswerFilter,
    AnswerRow,
    BaselineAnswer,
    Only,
    Order,
    State,
    as_text,
)
from advisor.workflow._answer_search import BETWEEN, Texts
from advisor.workflow._audit import LARGE, audited

Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]
_KEPT_SELECTIONS = 16


class AnswerBook:
    """The answers of a case, built once and cheap to look things up in.

    Attributes:
        loaded: The case.
        measured: What was measured, in the order of the case's baselines.
        provenance: Where it comes from.
        warnings: What a reader of the results should know.
        names: The baselines that have results.
        metric: What items are scored by.
        graded: Whether scores lie between right and wrong, so that an answer counts as right from one half on.
        scores: Shape (items, baselines); 0 where an answer failed, nan where there is no score.
    """

    def __init__(
        self,
        loaded: LoadedCase,
        measured: Sequence[Measured],
        provenance: Provenance,
        warnings: Sequence[str] = (),
    ) -> None:
        self.loaded = loaded
        self.measured = tuple(measured)
        self.provenance = provenance
        self.warnings = tuple(warnings)
        self.names = tuple(m.name for m in measured)
        self.metric = item_metric(loaded.case.quality.metric)
        self.graded = not is_binary(self.metric)
        self._items = loaded.held_out
        self._position = {e.id: k for k, e in enumerate(self._items)}
        shape = (len(self._items), len(self.measured))
        self._row = np.full(shape, -1, dtype=np.int64)
        self.scores = np.full(shape, math.nan)
        self._failed = np.zeros(shape, dtype=bool)
        self._latency, self._cost = np.full(shape, math.nan), np.full(shape, math.nan)
        for b, m in enumerate(self.measured):
            at = np.array([self._position.get(i, -1) for i in m.items.ids], dtype=np.int64)
            rows = np.flatnonzero(at >= 0)
            at = at[rows]
            self._row[at, b] = rows
            self.scores[at, b] = m.items.score(self.metric)[rows]
            self._failed[at, b] = m.items.failed[rows]
            self._latency[at, b] = m.items.number("latency_s")[rows]
            self._cost[at, b] = m.items.number("cost_usd")[rows]
        self._right = self.scores >= RIGHT_FROM
        self._wrong = self.scores < RIGHT_FROM
        self._asking: dict[str, Baseline] = {}
        self._texts = Texts(self._folded_texts())  # so that the first search is as quick as any
        self._selections: dict[tuple[AnswerFilter, Order], Positions] = {}

    def __len__(self) -> int:
        return len(self._items)

    @property
    def rule(self) -> str | None:
        """From when on an answer counts as right, in words; None where the metric itself says right or wrong."""
        if not self.graded:
            return None
        judge = self.loaded.case.judge
        if judge is not None and judge.mode == "pairwise":
            return "an answer counts as right where it is at least as good as the reference's"
        return "an answer counts as right from a score of one half on"

    # ── looking for items ──

    def select(self, wanted: AnswerFilter | None = None, order: Order = "held_out") -> Positions:
        """The items that fit, as positions in the held-out set, in an order; equals in that of the held-out set.

        Raises:
            UsageError: The filter names a baseline or a slice that is not there.
        """
        key = (wanted or AnswerFilter(), order)
        found = self._selections.get(key)
        if found is None:
            found = self._sorted(np.flatnonzero(self._mask(key[0])), key[0], order)
            found.flags.writeable = False
            if len(self._selections) >= _KEPT_SELECTIONS:
                self._selections.clear()
            self._selections[key] = found
        return found

    def page(self, positions: Positions, offset: int, size: int) -> tuple[AnswerRow, ...]:
        """The rows of a part of a selection."""
        return tuple(self.row(int(k)) for k in positions[offset : offset + size])

    def position(self, item_id: str) -> int | None:
        """Where an item stands in the held-out set; None where it does not."""
        return self._position.get(item_id)

    def row(self, position: int) -> AnswerRow:
        """One item, with all answers."""
        item = self._items[position]
        answers = tuple(self._answer(position, b) for b in range(len(self.measured)))
        return AnswerRow.model_construct(
            position=position,
            id=item.id,
            group=item.group,
            input=item.input,
            expected=item.output,
            documents=item.documents or (),
            answers=answers,
            near_duplicate=self.near_duplicates.get(item.id) if self.duplicates_known else None,
        )

    def _answer(self, position: int, b: int) -> BaselineAnswer:
        m, k = self.measured[b], int(self._row[position, b])
        if k < 0:
            return BaselineAnswer(baseline=m.name, state="not_asked")
        found, score = m.items[k], float(self.scores[position, b])
        return BaselineAnswer.model_construct(
            baseline=m.name,
            state=self.state(position, b),
            answer=found.answer,
            score=None if math.isnan(score) else score,
            others={name: s for name, s in found.scores.items() if name != self.metric},
            usage=found.usage,
            latency_s=found.latency_s,
            cost_usd=found.cost_usd,
            failure=found.failure,
            repeats=found.repeat_scores.get(self.metric, ()),
            failed_repeats=found.failed_repeats,
            finish_reason=found.finish_reason,
            model_version=found.model_version,
            retrieved=found.retrieved or (),
            not_judged=m.judge.failures.get(found.id) if m.judge else None,
        )

    def state(self, position: int, b: int) -> State:
        """How a baseline did on an item."""
        if self._row[position, b] < 0:
            return "not_asked"
        if self._failed[position, b]:
            return "failed"
        if self._right[position, b]:
            return "right"
        return "wrong" if self._wrong[position, b] else "no_score"

    def result(self, baseline: str, item_id: str) -> tuple[Example, Measured, ItemResult]:
        """(the item, what was measured of the baseline, its result on the item).

        Raises:
            UsageError: There is no such baseline, item or result.
        """
        position, b = self._position.get(item_id), self._baseline(baseline)
        if position is None or self._row[position, b] < 0:
            raise UsageError(f"{baseline} has no result on an item {item_id!r}.")
        m = self.measured[b]
        return self._items[position], m, m.items[int(self._row[position, b])]

    def way_of_asking(self, spec: BaselineSpec) -> Baseline:
        """The baseline as evaluation has it, made once: what it searches is indexed once for all prompts."""
        if spec.name not in self._asking:
            self._asking[spec.name] = build_baseline(spec, self._material)
        return self._asking[spec.name]

    @cached_property
    def _material(self) -> Material:
        loaded = self.loaded
        return Material(loaded.case.task, loaded.learn, loaded.dev, PassageIndexes(loaded))

    # ── what can be looked for ──

    @cached_property
    def expected_values(self) -> tuple[tuple[str, int], ...]:
        """Expected outputs that stand there more than once, with how often, the most frequent first."""
        return tuple((v, n) for v, n in Counter(self._expected).most_common() if n > 1)

    @cached_property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Groups with their numbers of items, the largest first."""
        return tuple(Counter(e.group for e in self._items if e.group is not None).most_common())

    @cached_property
    def slices(self) -> tuple[tuple[str, str, int], ...]:
        """(dimension, value, items) of the slices that a decision looks at."""
        return tuple(
            (c.dimension, name, int(n))
            for c in self._cuts
            for name, n in zip(
                c.names, np.bincount(c.codes[c.codes >= 0], minlength=len(c.names)), strict=True
            )
        )

    def n_of(self, only: Only) -> int:
        """How many items there are of a kind."""
        return int(self._only[only]().sum())

    @property
    def duplicates_known(self) -> bool:
        """Whether near duplicates are at hand, or found in a moment."""
        return "near_duplicates" in self.__dict__ or len(self._items) + len(self.loaded.train) < LARGE

    @cached_property
    def near_duplicates(self) -> Mapping[str, DuplicatePair]:
        """By held-out item, its nearest training example where that is nearly the same."""
        return {pair.first: pair for pair in audited(self.loaded).across}

    # ── filters ──

    def _mask(self, wanted: AnswerFilter) -> Mask:
        mask = np.ones(len(self._items), dtype=bool)
        for name in wanted.right:
            mask &= self._right[:, self._baseline(name)]
        for name in wanted.wrong:
            mask &= self._wrong[:, self._baseline(name)]
        for only in wanted.only:
            mask &= self._only[only]()
        if wanted.expected is not None:
            mask &= self._equal(self._expected, wanted.expected)
        if wanted.group is not None:
            mask &= self._equal([e.group for e in self._items], wanted.group)
        if wanted.slice is not None:
            mask &= self._in_slice(*wanted.slice)
        text = wanted.text.strip().casefold()
        return mask & self._texts.holding(text) if text else mask

    @cached_property
    def _only(self) -> Mapping[Only, Callable[[], Mask]]:
        return {
            "differ": lambda: _any(self._right) & _any(self._wrong),
            "all_wrong": lambda: _any(self._wrong) & ~_any(self._right),
            "failed": lambda: _any(self._failed) | self._with_failed_repeats,
            "no_score": lambda: _any(np.isnan(self.scores)),  # not asked, or not judged
            "near_duplicate": lambda: np.array(
                [e.id in self.near_duplicates for e in self._items], dtype=bool
            ),
        }

    @cached_property
    def _with_failed_repeats(self) -> Mask:
        mask = np.zeros(len(self._items), dtype=bool)
        for m in self.measured:
            at = [self._position.get(m.items.ids[k], -1) for k in m.items.rare("failed_repeats")]
            mask[[k for k in at if k >= 0]] = True
        return mask

    @staticmethod
    def _equal(values: Sequence[str | None], wanted: str) -> Mask:
        return np.fromiter((v == wanted for v in values), dtype=bool, count=len(values))

    def _in_slice(self, dimension: str, value: str) -> Mask:
        for cut in self._cuts:
            if cut.dimension == dimension and value in cut.names:
                mask: Mask = cut.codes == cut.names.index(value)
                return mask
        raise UsageError(f"There is no slice {dimension} {value!r}.")

    def _folded_texts(self) -> Iterator[str]:
        """What a search looks at, item by item: id, group, input, expected output and all answers."""
        answers = [m.items.answers for m in self.measured]
        for k, (item, expected) in enumerate(zip(self._items, self._expected, strict=True)):
            texts = [item.id, item.group or "", item.input_text, expected]
            texts += [answers[b][r] or "" for b, r in enumerate(self._row[k].tolist()) if r >= 0]
            yield BETWEEN.join(texts).casefold()

    @cached_property
    def _expected(self) -> list[str]:
        return [as_text(e.output) for e in self._items]

    @cached_property
    def _cuts(self) -> list[Cut]:
        """The decision's slices, of the items that any baseline answered."""
        answered = np.flatnonzero((self._row >= 0).any(axis=1))
        items = [self._items[k] for k in answered]
        facts = DataFacts(
            n_learn=len(self.loaded.learn),
            n_dev=len(self.loaded.dev),
            n_held_out=len(self._items),
            n_documents=0,
            leaked=frozenset(),
            clusters={e.id: e.group for e in items if e.group is not None},
            input_characters={e.id: len(e.input_text) for e in items},
            with_documents=frozenset(e.id for e in items if e.documents),
        )
        cuts = cuts_of(self.loaded.case, facts, {e.id: e.output for e in items}, [e.id for e in items])
        found = []
        for cut in cuts:
            codes = np.full(len(self._items), -1, dtype=np.int64)
            codes[answered] = cut.codes
            found.append(Cut(cut.dimension, cut.names, codes))
        return found

    def _baseline(self, name: str) -> int:
        if name not in self.names:
            raise UsageError(
                f"There are no answers of a baseline {name!r}.",
                hint=f"There are of: {', '.join(self.names)}.",
            )
        return self.names.index(name)

    # ── orders ──

    def _sorted(self, found: Positions, wanted: AnswerFilter, order: Order) -> Positions:
        if order == "held_out":
            return found
        if order == "longest":
            weight = np.array([len(self._items[k].input_text) for k in found], dtype=np.float64)
        elif order == "difference":
            chosen = [self._baseline(n) for n in dict.fromkeys((*wanted.right, *wanted.wrong))]
            scores = self.scores[found][:, chosen if len(chosen) > 1 else slice(None)]
            weight = _largest(scores) + _largest(-scores)
        else:
            weight = _largest((self._latency if order == "slowest" else self._cost)[found])
        # what is not known comes last
        return found[np.argsort(-np.where(np.isfinite(weight), weight, -np.inf), kind="stable")]


def _any(flags: Mask) -> Mask:
    """Whether a row has any."""
    found: Mask = np.any(flags, axis=1)
    return found


def _largest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest known value of each row; minus infinity where none is."""
    largest: NDArray[np.float64] = np.where(np.isnan(values), -np.inf, values).max(axis=1, initial=-np.inf)
    return largest
