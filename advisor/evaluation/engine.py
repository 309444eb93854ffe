"""The engine: requests become answers, each one kept before it is used and paid for once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from advisor.catalogue.prices import Price
from advisor.errors import BudgetExceededError, ModelError
from advisor.evaluation.batches import answer_by_batch, has_batches
from advisor.evaluation.progress import RunProgress
from advisor.models.base import ChatModel, sent_messages
from advisor.records import ChatRequest, Completion, Failure
from advisor.store.database import Store, call_key

Answer = Completion | Failure


@dataclass(frozen=True)
class Rate:
    """What a model's answers cost: by the token, or by the hour of a machine. Neither: unknown."""

    price: Price | None = None
    usd_per_hour: float | None = None
    free: bool = False
    """A classifier: moments of this machine."""


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
    use_batches: bool = False
    """Ask hosted models through their batch endpoints."""

    def answer(
        self,
        model: ChatModel,
        requests: Sequence[ChatRequest],
        *,
        what: str,
        rate: Rate,
        one_at_a_time: bool = False,
    ) -> list[tuple[str, Answer]]:
        """(call key, answer) of each request, in the given order.

        Args:
            model: Who answers.
            requests: What is asked.
            what: The stage's name, for progress and messages.
            rate: What its answers cost.
            one_at_a_time: Whether each request is a batch of its own.

        Raises:
            BudgetExceededError: The next batch would cost more than what is left; all before it is kept.
        """
        keys = [call_key(model.version, r) for r in requests]
        answers = self.store.answers(keys)
        self.progress.start(what, len(requests))
        if answers:
            self.progress.advance(sum(key in answers for key in keys), stored=True)
        missing_keys = {key: r for key, r in zip(keys, requests, strict=True) if key not in answers}
        if missing_keys and self.use_batches and has_batches(model) and not one_at_a_time:
            answers |= answer_by_batch(self, model, missing_keys, what=what, rate=rate)
            for key in missing_keys.keys() - answers.keys():
                answers[key] = Failure(
                    error="batch", message="The batch ended without this answer.", transient=True
                )
        elif missing_keys:
            batches = [[i] for i in range(len(requests))] if one_at_a_time else model.batches(requests)
            for batch in batches:
                # a batch that is there in part is asked again for the rest only
                missing = list({keys[i]: i for i in batch if keys[i] not in answers}.values())
                if missing:
                    self._answer_batch(
                        model, [requests[i] for i in missing], [keys[i] for i in missing], answers, what, rate
                    )
        return [(key, answers[key]) for key in keys]

    def _answer_batch(
        self,
        model: ChatModel,
        requests: list[ChatRequest],
        keys: list[str],
        answers: dict[str, Answer],
        what: str,
        rate: Rate,
    ) -> None:
        if self.budget.limit_usd is not None:
            self.budget.require(self._expected_usd(model, requests, list(answers.values()), rate), what)
        for answered in model.complete(requests):
            # in the store before anything else is done with it; what failed for a while only is asked again later
            kept = [(keys[i], requests[i], a) for i, a in answered if not is_transient(a)]
            self.store.save_answers(model.version, kept)
            self.calls_made += len(answered)
            for i, answer in answered:
                answers[keys[i]] = answer
            self.tell([answer for _, answer in answered], rate)

    def tell(self, answered: Sequence[Answer], rate: Rate) -> None:
        """Spends what new answers cost, and lets the progress hear of them."""
        completions = [a for a in answered if isinstance(a, Completion)]
        costs = [0.0 if rate.free else call_cost_usd(a, rate) for a in completions]
        known = sum(usd for usd in costs if usd is not None)
        self.budget.spend(known)
        self.progress.advance(
            len(answered),
            tokens_in=sum(a.usage.input or 0 for a in completions),
            tokens_out=sum(a.usage.output or 0 for a in completions),
            usd=None if None in costs and not known else known,
            failed=len(answered) - len(completions),
        )

    def expected_batch_usd(
        self, model: ChatModel, requests: Sequence[ChatRequest], rate: Rate
    ) -> float | None:
        """What requests will cost at most at batch prices."""
        price = rate.price
        if price is None or price.batch_input is None or price.batch_output is None:
            return None
        at_batch = price.model_copy(update={"input": price.batch_input, "output": price.batch_output})
        return self._expected_usd(model, requests, (), Rate(price=at_batch))

    @staticmethod
    def _expected_usd(
        model: ChatModel, requests: Sequence[ChatRequest], answered: Sequence[Answer], rate: Rate
    ) -> float | None:
        """What a batch will cost at most: by its tokens; or by what the answers so far took."""
        if rate.free:
            return 0.0
        if rate.price is not None:
            if rate.price.input is None or rate.price.output is None:
                return None
            tokens_in = sum(model.count_tokens(sent_messages(model, r)) for r in requests)
            tokens_out = sum(r.max_tokens for r in requests)
            return (tokens_in * rate.price.input + tokens_out * rate.price.output) / 1e6
        if rate.usd_per_hour is not None:
            times = [a.compute_s for a in answered if isinstance(a, Completion) and a.compute_s is not None]
            expected_s = sum(times) / len(times) if times else ASSUMED_COMPUTE_S
            return expected_s * len(requests) * rate.usd_per_hour / 3600
        return None


ASSUMED_COMPUTE_S = 1.0
"""Machine time of an answer before any was measured: a cautious estimate for a small model on a CPU."""


def is_transient(answer: Answer) -> bool:
    """Whether it failed for want of time, capacity or network, so that it is worth asking again."""
    return isinstance(answer, Failure) and answer.transient


def call_cost_usd(answer: Completion, rate: Rate) -> float | None:
    """What one answer cost: by its tokens, or by the machine's time; None where it is not known."""
    usage, price = answer.usage, rate.price
    if price is not None:
        prices = (
            (price.batch_input, price.batch_cached_input, price.batch_output)
            if answer.batched
            else (price.input, price.cached_input, price.output)
        )
        fresh, cached, out = prices
        if usage.input is None or usage.output is None or fresh is None or out is None:
            return None
        reused = usage.cached_input or 0
        # where no cached price is given, cached tokens are charged as any other
        return (
            (usage.input - reused) * fresh
            + reused * (fresh if cached is None else cached)
            + usage.output * out
        ) / 1e6
    if rate.usd_per_hour is not None and answer.compute_s is not None:
        return answer.compute_s * rate.usd_per_hour / 3600
    return None
