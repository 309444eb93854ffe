"""The batch endpoint: many requests in one file, answered within a day at about half the price.

A batch that was created is never created again: it carries metadata, by which it is found after a lost answer
or a killed run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openai import AsyncOpenAI
from openai.types import Batch
from openai.types.chat import ChatCompletion

from advisor.errors import ModelError
from advisor.models._hosted import HostedChatModel
from advisor.models._hosted_calls import read_reply, to_completion
from advisor.models._hosted_errors import (
    CallError,
    FormRefusedError,
    ItemError,
    TransientError,
    code_of,
    meaning_of,
)
from advisor.records import ChatRequest, Completion, Failure

MOST_REQUESTS = 50_000
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})

_LISTED = 1_000
"""So many of the newest batches are looked through for one that was lost."""
_BY_THE_BATCH = frozenset({"batch_expired", "batch_cancelled"})


@dataclass(frozen=True)
class BatchStatus:
    """How far a batch is."""

    status: str
    """As the provider says it: validating, in_progress, finalizing, completed, failed, expired, cancelled …"""
    total: int
    completed: int
    failed: int
    message: str | None = None
    """Why it failed, where it did."""

    @property
    def ended(self) -> bool:
        """Whether nothing further will come."""
        return self.status in ENDED


class HostedBatches:
    """Batches of one hosted model."""

    def __init__(self, model: HostedChatModel) -> None:
        self._model = model
        # Azure names the route without its version
        self._route = "/chat/completions" if model.provider == "azure_openai" else "/v1/chat/completions"

    def submit(self, requests: Sequence[tuple[str, ChatRequest]], metadata: Mapping[str, str]) -> str:
        """Hands over requests, each with an id of its own; returns the batch's id.

        A batch with the same metadata that runs, or has answers, is taken instead of a new one: metadata must
        name exactly these requests, e.g. by a hash.

        Raises:
            ModelError: It cannot be created, or whether it was is not known.
        """
        if not 0 < len(requests) <= MOST_REQUESTS or not metadata:
            raise ModelError(
                f"A batch takes 1 to {MOST_REQUESTS} requests and needs metadata; these are {len(requests)}."
            )
        found = self.find(metadata)
        if found is not None:
            return found
        content = "\n".join(self._line(*r) for r in requests).encode()

        async def upload(client: AsyncOpenAI) -> str:
            return (await client.files.create(file=("requests.jsonl", content), purpose="batch")).id

        file_id = self._model.run(upload, repeatable=True)

        async def create(client: AsyncOpenAI) -> str:
            batch = await client.batches.create(
                input_file_id=file_id,
                endpoint=self._route,  # type: ignore[arg-type]
                completion_window="24h",
                metadata=dict(metadata),
            )
            return batch.id

        try:
            return str(self._model.run(create))
        except ModelError:
            # the answer may have been lost on its way, and the batch be there
            there = self.find(metadata)
            if there is None:
                raise
            return there

    def find(self, metadata: Mapping[str, str]) -> str | None:
        """The newest batch with this metadata, unless it ended without any answer.

        Raises:
            ModelError: The batches cannot be listed.
        """

        async def look(client: AsyncOpenAI) -> str | None:
            seen = 0
            async for batch in client.batches.list(limit=100):
                theirs = batch.metadata or {}
                if all(theirs.get(k) == v for k, v in metadata.items()) and not _useless(batch):
                    return batch.id
                seen += 1
                if seen >= _LISTED:
                    break
            return None

        return self._model.run(look, repeatable=True)

    def poll(self, batch_id: str) -> BatchStatus:
        """How far it is.

        Raises:
            ModelError: It cannot be asked for.
        """
        return _status(self._retrieve(batch_id), self._model)

    def cancel(self, batch_id: str) -> None:
        """Stops it; what is answered by then stays to be collected.

        Raises:
            ModelError: It cannot be cancelled.
        """
        self._model.run(lambda client: client.batches.cancel(batch_id), repeatable=True)

    def collect(
        self, batch_id: str, requests: Sequence[tuple[str, ChatRequest]]
    ) -> Iterator[tuple[str, Completion | Failure]]:
        """(id, answer) of each request, whatever became of it; answers have no latency.

        What a batch that expired or was cancelled left open is a transient failure.

        Raises:
            ModelError: The batch has not ended, or failed as a whole.
        """
        batch = self._retrieve(batch_id)
        status = _status(batch, self._model)
        if not status.ended:
            raise ModelError(
                f"The batch {batch_id} has not ended: it is {status.status}.", hint="Ask again later."
            )
        if status.status == "failed":
            raise ModelError(f"The batch {batch_id} failed: {status.message or 'no reason is given'}")
        left = dict(requests)
        for file_id in (batch.output_file_id, batch.error_file_id):
            for line in self._lines(file_id):
                name = line.get("custom_id")
                # a line that is not of these requests, or stands there twice, is none of ours
                if isinstance(name, str) and name in left:
                    yield name, self._read(line, left.pop(name))
        for name in left:
            yield (
                name,
                Failure(
                    error=f"batch_{status.status}",
                    message=f"The batch ended ({status.status}) without this answer; it is asked again.",
                    transient=True,
                ),
            )

    def _line(self, name: str, request: ChatRequest) -> str:
        dialect = self._model.dialect
        body = dialect.body(request, dialect.form(request))
        for key in ("stream", "stream_options"):
            body.pop(key, None)
        line = {"custom_id": name, "method": "POST", "url": self._route, "body": body}
        return json.dumps(line, ensure_ascii=False)

    def _retrieve(self, batch_id: str) -> Batch:
        found = self._model.run(lambda client: client.batches.retrieve(batch_id), repeatable=True)
        if not isinstance(found, Batch):
            raise ModelError(f"What the endpoint says of the batch {batch_id} is malformed.")
        return found

    def _lines(self, file_id: str | None) -> list[dict[str, Any]]:
        if file_id is None:
            return []

        async def download(client: AsyncOpenAI) -> list[dict[str, Any]]:
            text = (await client.files.content(file_id)).text
            # a ValueError here is a malformed body, which is fetched again
            return await asyncio.to_thread(lambda: [json.loads(x) for x in text.split("\n") if x.strip()])

        return [x for x in self._model.run(download, repeatable=True) if isinstance(x, dict)]

    def _read(self, line: Mapping[str, Any], request: ChatRequest) -> Completion | Failure:
        response, error = line.get("response"), line.get("error")
        body = response.get("body") if isinstance(response, Mapping) else None
        status = response.get("status_code") if isinstance(response, Mapping) else None
        if status == 200 and isinstance(body, Mapping):
            return self._completion(body, request)
        if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
            error = body["error"]
        return self._failure(status, error if isinstance(error, Mapping) else {}, request)

    def _completion(self, body: Mapping[str, Any], request: ChatRequest) -> Completion | Failure:
        dialect = self._model.dialect
        try:
            reply = read_reply(ChatCompletion.construct(**body))
            form = dialect.form(request)
            found = to_completion(request, reply, form, always_strict=dialect.always_strict)
        except ItemError as refused:
            return Failure(error=refused.code, message=refused.message)
        except (TypeError, ValueError):
            return Failure(error="malformed_response", message="The answer is malformed.", transient=True)
        self._model.notice(found)
        return found.model_copy(update={"batched": True})

    def _failure(
        self, status: int | None, error: Mapping[str, Any], request: ChatRequest
    ) -> Completion | Failure:
        code = code_of(error.get("code"), error.get("type"), clean=self._model.access.clean)
        message = self._model.access.clean(str(error.get("message") or "No reason is given."))
        if code in _BY_THE_BATCH or not isinstance(status, int):
            return Failure(error=code or "batch_error", message=message, transient=True)
        param = error.get("param")
        meaning = meaning_of(
            status, code, param if isinstance(param, str) else None, message, self._model.access.hints
        )
        if isinstance(meaning, FormRefusedError):
            self._model.dialect.refuse_form(request)
            return Failure(error="response_format", message=message, transient=True)
        if isinstance(meaning, CallError):
            return Failure(
                error=meaning.code, message=meaning.message, transient=isinstance(meaning, TransientError)
            )
        # a matter of the account or the model, not of this item
        return Failure(error=code or f"http_{status}", message=meaning.message, transient=True)


def _useless(batch: Batch) -> bool:
    answered = batch.request_counts.completed if batch.request_counts else 0
    return batch.status == "failed" or (
        batch.status in ("expired", "cancelled", "cancelling") and not answered
    )


def _status(batch: Batch, model: HostedChatModel) -> BatchStatus:
    counts = batch.request_counts
    reasons = [e.message for e in (batch.errors.data if batch.errors else None) or [] if e.message]
    return BatchStatus(
        status=str(batch.status),
        total=counts.total if counts else 0,
        completed=counts.completed if counts else 0,
        failed=counts.failed if counts else 0,
        message=model.access.clean("; ".join(reasons[:3])) or None,
    )
