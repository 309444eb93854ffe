"""What the baselines of one run share: models, the passage index, the engine, the day's prices."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.baselines import Material
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.loading import LoadedCase
from advisor.cases.schema import Example
from advisor.catalogue.of_case import price_for
from advisor.evaluation.engine import Answer, Engine, Rate
from advisor.evaluation.indexes import PassageIndexes
from advisor.evaluation.ready import Ready, make_ready
from advisor.models.base import ChatModel, open_model
from advisor.records import ChatRequest
from advisor.scoring import default_metrics

if TYPE_CHECKING:
    from advisor.evaluation.looks import Look


@dataclass
class Session:
    """What the baselines of one run share: models, the passage index, the engine."""

    loaded: LoadedCase
    engine: Engine
    artefacts: Path
    run_id: str
    limit: int | None = None
    on: date = field(default_factory=lambda: datetime.now(UTC).date())
    """The day whose prices count."""
    look: Look | None = None
    """The part of the held-out set that is asked so far, where the run may stop early."""
    others: tuple[LoadedCase, ...] = ()
    """Other cases, on which tuned models and their bases are asked too."""
    _models: dict[str, ChatModel] = field(default_factory=dict)
    _ready: dict[str, Ready] = field(default_factory=dict)
    """Baselines that are asked again at the next look."""

    @cached_property
    def material(self) -> Material:
        """What baselines may work with."""
        return Material(
            self.loaded.case.task, self.loaded.learn, self.loaded.dev, PassageIndexes(self.loaded)
        )

    @property
    def held_out(self) -> tuple[Example, ...]:
        """The held-out items of this run."""
        return self.look.items if self.look else self.loaded.held_out[: self.limit]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The case's metric, then what else is computed for information."""
        return tuple(
            dict.fromkeys([self.loaded.case.quality.metric, *default_metrics(self.loaded.case.task.kind)])
        )

    def model(self, name: str) -> ChatModel:
        """A model of the case, opened once."""
        if name not in self._models:
            self._models[name] = open_model(self.loaded.case.models[name])
        return self._models[name]

    def rate(self, spec: BaselineSpec, *, tuned: bool = False) -> Rate:
        """What the answers of a baseline's model cost, or of the tuned one."""
        if spec.model is None:
            return Rate(free=True)
        model = self.loaded.case.models[spec.model]
        return Rate(
            price=price_for(model, tuned=tuned, on=self.on),
            usd_per_hour=model.serving.usd_per_hour if model.serving else None,
        )

    def ready(self, spec: BaselineSpec) -> Ready:
        """A baseline with its setting and its model; where it is looked at in parts, made ready once."""
        ready = self._ready.get(spec.name) or make_ready(self, spec)
        if self.look is not None:
            self._ready[spec.name] = ready
        return ready

    def done(self, ready: Ready) -> None:
        """Gives a baseline's own model back, unless it is asked again at the next look."""
        if ready.owns_model and self.look is None:
            ready.model.close()

    def answers(
        self, model: ChatModel, requests: Sequence[ChatRequest], *, what: str, rate: Rate
    ) -> list[tuple[str, Answer]]:
        """(call key, answer) to the request of each held-out item; what is new at a look, in batches of its own."""
        if self.look is None:
            return self.engine.answer(model, requests, what=what, rate=rate)
        found: dict[int, tuple[str, Answer]] = {}
        for part in self.look.old_and_new():
            answers = self.engine.answer(model, [requests[i] for i in part], what=what, rate=rate)
            found |= dict(zip(part, answers, strict=True))
        return [found[i] for i in range(len(requests))]

    def close(self) -> None:
        """Gives back all models, the baselines' own ones first."""
        with ExitStack() as closing:
            for model in self._models.values():
                closing.callback(model.close)
            for ready in self._ready.values():
                if ready.owns_model:
                    closing.callback(ready.model.close)
