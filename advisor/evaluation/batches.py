"""Answers through a provider's batch endpoint: cheaper, within a day, and found again after a crash.

What is handed over is in the store before it is handed over, and stays there until its answers are taken in.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from advisor.models.base import ChatModel
from advisor.records import ChatRequest, Completion

if TYPE_CHECKING:
    from advisor.evaluation.engine import Answer, Engine, Rate

METADATA_KEY = "advisor_batch"
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
MOST_REQUESTS = 10_000
"""In one batch; providers allow up to 50,000 lines and 200 MB."""
_PROVIDERS = frozenset({"openai", "azure_openai"})


def has_batches(model: ChatModel) -> bool:
    """Whether a model's provider has a batch endpoint."""
    return model.provider in _PROVIDERS


def answer_by_batch(
    engine: Engine,
    model: ChatModel,
    requests: Mapping[str, ChatRequest],
    *,
    what: str,
    rate: Rate,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Answer]:
    """Answers by call key; those that the batch did not bring are absent, and a later run asks for them again.

    Args:
        engine: Its store, budget and progress.
        model: Who answers.
        requests: What is asked, by call key.
        what: The stage's name.
        rate: What answers cost.
        sleep: Waits between looks.

    Raises:
        BudgetExceededError: The batch would cost more than what is left.
        ModelError: The batch was refused.
    """
    from advisor.models._hosted_batch import HostedBatches

    hosted: Any = getattr(model, "batch_endpoint", model)
    batches = HostedBatches(hosted)
    found: dict[str, Answer] = {}
    for row in engine.store.open_batches(model.version):
        found |= _finish(engine, model, batches, row, what=what, rate=rate, sleep=sleep)
    missing = {key: r for key, r in requests.items() if key not in found}
    keys = list(missing)
    for start in range(0, len(keys), MOST_REQUESTS):
        part = {key: missing[key] for key in keys[start : start + MOST_REQUESTS]}
        if engine.budget.limit_usd is not None:
            engine.budget.require(engine.expected_batch_usd(model, list(part.values()), rate), what)
        row_id = uuid.uuid4().hex
        engine.store.save_batch(row_id, model_version=model.version, requests=part)
        row = {"id": row_id, "batch_id": None, "requests": part}
        found |= _finish(engine, model, batches, row, what=what, rate=rate, sleep=sleep)
    return {key: answer for key, answer in found.items() if key in requests}


def _finish(
    engine: Engine,
    model: ChatModel,
    batches: Any,
    row: Mapping[str, Any],
    *,
    what: str,
    rate: Rate,
    sleep: Callable[[float], None],
) -> dict[str, Answer]:
    """Hands a batch over if it was not, waits for its end, and takes its answers in."""
    requests: dict[str, ChatRequest] = row["requests"]
    batch_id = row["batch_id"]
    if batch_id is None:
        # found again by its metadata, if it was handed over and the answer lost
        batch_id = batches.submit(list(requests.items()), {METADATA_KEY: row["id"]})
        engine.store.update_batch(row["id"], state="submitted", batch_id=batch_id)
    engine.progress.note(f"{what}: {len(requests)} requests in batch {batch_id}; it may take up to a day.")
    wait = FIRST_WAIT_S
    while not batches.poll(batch_id).ended:
        sleep(wait)
        wait = min(wait * 1.5, LONGEST_WAIT_S)
    found: dict[str, Answer] = {}
    for key, answer in batches.collect(batch_id, requests):
        found[key] = answer
        if not getattr(answer, "transient", False):
            engine.store.save_answers(model.version, [(key, requests[key], answer)])
        usd = engine.cost_usd(answer, rate) if isinstance(answer, Completion) else None
        engine.budget.spend(usd or 0.0)
        engine.progress.advance(1, usd=usd or 0.0)
    engine.calls_made += len(found)
    engine.store.update_batch(row["id"], state="done")
    return found
