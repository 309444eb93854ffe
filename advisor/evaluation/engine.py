"""The engine: requests become answers, each one kept before it is used and paid for once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from advisor.cases.schema import ModelSpec
from advisor.errors import BudgetExceededError, ModelError
from advisor.evaluation.progress import RunProgress
from advisor.models.base import ChatModel
from advisor.records import ChatRequest, Completion, Failure
from advisor.store.database import Store, call_key

Answer = Completion | Failure


@dataclass
class Budget:
    """What may be spent, and what was; `limit_usd` None means no limit."""

    limit_usd: float | None = None
    spent_usd: float = 0.0

    def spend(self, usd: float) -> None:
        """Notes what something cost."""
        self.spent_usd += usd

    def require(self, usd: float | None, what: str) -> None:
        """Stops before something that costs more than what is left.

        Raises:
            BudgetExceededError: It does.
            ModelError: There is a limit, but the cost is not known.
        """
        if self.limit_usd is None:
            return
        if usd is None:
            raise ModelError(
                f"The budget cannot be held: what {what} costs is not known.",
                hint="Give the model `prices` or `serving` in case.yaml, or run without --budget.",
            )
        if self.spent_usd + usd > self.limit_usd:
            raise BudgetExceededError(
                f"Stopped by the budget: {what} would cost about ${usd:.4f}, and ${self.spent_usd:.4f} "
                f"of ${self.limit_usd:.4f} is spent.",
                hint="Everything answered so far is kept; run again with a larger --budget to go on.",
            )


@dataclass
class Engine:
    """Answers requests from the store, and from the model only where the store has nothing."""

    store: Store
    progress: RunProgress
    budget: Budget = field(default_factory=Budget)
    calls_made: int = 0

    def answer(
        self,
        model: ChatModel,
        requests: Sequence[ChatRequest],
        *,
        what: str,
        spec: ModelSpec | None,
        one_at_a_time: bool = False,
    ) -> list[tuple[str, Answer]]:
        """(call key, answer) of each request, in the given order.

        Args:
            model: Who answers.
            requests: What is asked.
            what: The stage's name, for progress and messages.
            spec: The model's prices; None where it has none, as a classifier.
            one_at_a_time: Whether each request is a batch of its own.

        Raises:
            BudgetExceededError: The next batch would cost more than what is left; all before it is kept.
        """
        keys = [call_key(model.version, r) for r in requests]
        answers = self.store.answers(keys)
        self.progress.start(what, len(requests))
        if answers:
            self.progress.advance(sum(key in answers for key in keys), stored=True)
        if len(answers) < len(set(keys)):
            batches = [[i] for i in range(len(requests))] if one_at_a_time else model.batches(requests)
            for batch in batches:
                # a batch that is there in part is asked again for the rest only
                missing = list({keys[i]: i for i in batch if keys[i] not in answers}.values())
                if missing:
                    self._answer_batch(
                        model, [requests[i] for i in missing], [keys[i] for i in missing], answers, what, spec
                    )
        return [(key, answers[key]) for key in keys]

    def _answer_batch(
        self,
        model: ChatModel,
        requests: list[ChatRequest],
        keys: list[str],
        answers: dict[str, Answer],
        what: str,
        spec: ModelSpec | None,
    ) -> None:
        if self.budget.limit_usd is not None:
            self.budget.require(self._expected_usd(model, requests, list(answers.values()), spec), what)
        for answered in model.complete(requests):
            # in the store before anything else is done with it
            self.store.save_answers(model.version, [(keys[i], requests[i], a) for i, a in answered])
            self.calls_made += len(answered)
            tokens, usd = 0, 0.0
            for i, answer in answered:
                answers[keys[i]] = answer
                if isinstance(answer, Completion):
                    tokens += (answer.usage.input or 0) + (answer.usage.output or 0)
                    usd += call_cost_usd(answer, spec) or 0.0
            self.budget.spend(usd)
            self.progress.advance(len(answered), tokens=tokens, usd=usd)

    @staticmethod
    def _expected_usd(
        model: ChatModel, requests: Sequence[ChatRequest], answered: Sequence[Answer], spec: ModelSpec | None
    ) -> float | None:
        """What a batch will cost: by its tokens, or by what the answers so far took."""
        if spec is None:
            return 0.0  # the classifier: moments of this machine
        if spec.prices is not None:
            tokens_in = sum(model.count_tokens(r.messages) for r in requests)
            tokens_out = sum(r.max_tokens for r in requests)
            return (tokens_in * spec.prices.input + tokens_out * spec.prices.output) / 1e6
        if spec.serving is not None:
            times = [a.compute_s for a in answered if isinstance(a, Completion) and a.compute_s is not None]
            expected_s = sum(times) / len(times) if times else ASSUMED_COMPUTE_S
            return expected_s * len(requests) * spec.serving.usd_per_hour / 3600
        return None


ASSUMED_COMPUTE_S = 1.0
"""Machine time of an answer before any was measured: a cautious estimate for a small model on a CPU."""


def call_cost_usd(answer: Completion, spec: ModelSpec | None) -> float | None:
    """What one answer cost: by its tokens, or by the machine's time; None where it is not known."""
    if spec is None:
        return None
    usage = answer.usage
    if spec.prices is not None and usage.input is not None and usage.output is not None:
        cached = usage.cached_input or 0
        # where no cached price is given, cached tokens are charged as any other
        cached_price = spec.prices.cached_input if spec.prices.cached_input is not None else spec.prices.input
        fresh = (usage.input - cached) * spec.prices.input
        return (fresh + cached * cached_price + usage.output * spec.prices.output) / 1e6
    if spec.serving is not None and answer.compute_s is not None:
        return answer.compute_s * spec.serving.usd_per_hour / 3600
    return None
