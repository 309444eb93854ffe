"""Baselines that only put the question differently: zero-shot, few-shot, retrieval-augmented."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from functools import cached_property
from itertools import chain, zip_longest

from advisor.baselines.base import Ask, Material, Setting
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.schema import Example
from advisor.models.base import ChatModel
from advisor.prompts import build_request
from advisor.retrieval.similarity import NearestExamples

DEFAULT_EXAMPLES = (1, 3, 5)
DEFAULT_PASSAGES = (2, 4)


def _choices(given: int | tuple[int, ...] | None, default: tuple[int, ...]) -> tuple[int, ...]:
    if given is None:
        return default
    return (given,) if isinstance(given, int) else given


class ZeroShot:
    """Instructions and question, nothing else."""

    def __init__(self, spec: BaselineSpec, material: Material) -> None:
        self.spec = spec
        self.material = material

    def settings(self) -> tuple[Setting, ...]:
        """There is nothing to choose."""
        return ({},)

    def ask(self, item: Example, setting: Setting) -> Ask:
        """The bare question."""
        return Ask(build_request(self.material.task, item, temperature=self.spec.temperature))

    def answerer(self, setting: Setting) -> ChatModel | None:
        """The case's model answers."""
        return None


class FewShot(ZeroShot):
    """Example exchanges from the training data stand before the question."""

    def settings(self) -> tuple[Setting, ...]:
        """How many examples, never more than there are."""
        counts = _choices(self.spec.examples, DEFAULT_EXAMPLES)
        return tuple({"examples": k} for k in sorted({min(k, len(self.material.learn)) for k in counts}))

    def ask(self, item: Example, setting: Setting) -> Ask:
        """The nearest examples, the nearest last; or the same ones for all."""
        k = int(str(setting["examples"]))
        if self.spec.selection == "fixed":
            chosen = self._fixed[:k]
        else:
            found = self._nearest.search(item.input_text, k)
            chosen = tuple(self.material.learn[position] for position, _ in reversed(found))
        request = build_request(self.material.task, item, examples=chosen, temperature=self.spec.temperature)
        return Ask(request, examples=tuple(chosen))

    @cached_property
    def _nearest(self) -> NearestExamples:
        return NearestExamples([e.input_text for e in self.material.learn])

    @cached_property
    def _fixed(self) -> tuple[Example, ...]:
        """Training examples in a fixed order, which goes round the labels where there are any."""
        by_output: dict[str, list[Example]] = defaultdict(list)
        for example in sorted(self.material.learn, key=lambda e: hashlib.sha256(e.id.encode()).hexdigest()):
            by_output[str(example.output) if self.material.task.labels else ""].append(example)
        rounds = zip_longest(*(by_output[name] for name in sorted(by_output)))
        return tuple(e for e in chain.from_iterable(rounds) if e is not None)


class Retrieval(ZeroShot):
    """Passages found in the case's documents stand before the question."""

    def settings(self) -> tuple[Setting, ...]:
        """How many passages."""
        return tuple({"passages": k} for k in sorted(set(_choices(self.spec.passages, DEFAULT_PASSAGES))))

    def ask(self, item: Example, setting: Setting) -> Ask:
        """The question after the best passages, the best first."""
        found = self.material.index(self.spec.search).search(item.input_text, int(str(setting["passages"])))
        passages = tuple(passage for passage, _ in found)
        request = build_request(
            self.material.task, item, passages=passages, temperature=self.spec.temperature
        )
        return Ask(request, passages=passages)
