"""Answers through a provider's batch endpoint: cheaper, within a day, and found again after a crash.

What is handed over is in the store before it is handed over, and stays there until its answers are taken in.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from advisor.errors import ModelError
from advisor.models.base import ChatModel
from advisor.records import ChatRequest

if TYPE_CHECKING:
    from advisor.evaluation.engine import Answer, Engine, Rate
    from advisor.models._hosted_batch import BatchStatus, HostedBatches

METADATA_KEY = "advisor_batch"
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
MOST_REQUESTS = 10_000
MOST_CHARACTERS = 40_000_000
"""In one batch; providers allow up to 50,000 lines and 200 MB, and a character takes up to six bytes of JSON."""
_PROVIDERS = frozenset({"openai", "azure_openai"})


def has_batches(model: ChatModel) -> bool:
    """Whether a model can be asked through a batch endpoint."""
    return model.provider in _PROVIDERS and bool(getattr(model, "takes_batches", True))


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

    hosted: Any = getattr(model, "endpoint", model)
    batches = HostedBatches(hosted)
    found: dict[str, Answer] = {}
    for row in engine.store.open_batches(model.version):
        found |= _finish(engine, model, batches, row, what=what, rate=rate, sleep=sleep)
    for part in _parts({key: r for key, r in requests.items() if key not in found}):
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
    batches: HostedBatches,
    row: Mapping[str, Any],
    *,
    what: str,
    rate: Rate,
    sleep: Callable[[float], None],
) -> dict[str, Answer]:
    """Hands a batch over if it was not, waits for its end, and takes its answers in."""
    requests: dict[str, ChatRequest] = row["requests"]
    batch_id, name = row["batch_id"], {METADATA_KEY: row["id"]}
    if batch_id is None:
        # found again by its metadata, if it was handed over and the answer lost
        batch_id = batches.submit(list(requests.items()), name)
        engine.store.update_batch(row["id"], state="submitted", batch_id=batch_id)
    engine.progress.note(f"{what}: {len(requests)} requests in batch {batch_id}; it may take up to a day.")
    wait = FIRST_WAIT_S
    while not (status := _polled(batches, batch_id, name)).ended:
        sleep(wait)
        wait = min(wait * 1.5, LONGEST_WAIT_S)
    if status.status == "failed":
        # nothing will ever come of it: the next run hands its requests over anew
        engine.store.update_batch(row["id"], state="done")
        raise ModelError(
            f"{what}: the batch {batch_id} failed: {status.message or 'no reason is given'}",
            hint="Once its cause is mended, run again: what is missing is handed over anew.",
        )
    found: dict[str, Answer] = {}
    for key, answer in batches.collect(batch_id, list(requests.items())):
        found[key] = answer
        if not getattr(answer, "transient", False):
            engine.store.save_answers(model.version, [(key, requests[key], answer)])
        engine.tell([answer], rate)
    engine.calls_made += len(found)
    engine.store.update_batch(row["id"], state="done")
    return found


def _polled(batches: HostedBatches, batch_id: str, name: Mapping[str, str]) -> BatchStatus:
    """How far a batch is; one that the provider does not know any more has failed.

    Raises:
        ModelError: It cannot be asked for.
    """
    from advisor.models._hosted_batch import BatchStatus

    try:
        return batches.poll(batch_id)
    except ModelError as error:
        if batches.find(name) is not None:
            raise
        return BatchStatus("failed", 0, 0, 0, error.message)


def _parts(requests: Mapping[str, ChatRequest]) -> Iterator[dict[str, ChatRequest]]:
    """Requests in parts, none of them larger than a provider takes."""
    part: dict[str, ChatRequest] = {}
    size = 0
    for key, request in requests.items():
        length = sum(len(m.content) for m in request.messages)
        if part and (len(part) >= MOST_REQUESTS or size + length > MOST_CHARACTERS):
            yield part
            part, size = {}, 0
        part[key] = request
        size += length
    if part:
        yield part
