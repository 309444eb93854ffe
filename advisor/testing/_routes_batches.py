"""The routes of batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from advisor.testing import _chat as chat
from advisor.testing import _contract as contract
from advisor.testing._api_errors import ApiError
from advisor.testing._batches import Batch, LineResult, read_input
from advisor.testing._exchange import Exchange, error_of
from advisor.testing._paging import page
from advisor.testing._rules import metadata_findings
from advisor.testing.faults import BATCH_LINE, SHAPING

_CHAT_URL = "/v1/chat/completions"
_AZURE_CHAT_URL = "/chat/completions"


async def create_batch(x: Exchange) -> Response:
    """POST /batches."""
    service, body = x.service, x.json
    # Azure names the route without its version
    named = x.azure and isinstance(body, dict) and body.get("endpoint") == _AZURE_CHAT_URL
    if finding := contract.check("CreateBatchRequest", {**body, "endpoint": _CHAT_URL} if named else body):
        raise service.reject(x.route, finding, "schema", body)
    for finding in metadata_findings(body.get("metadata")):
        raise service.reject(x.route, finding, "text", body)
    if body["endpoint"] not in (_CHAT_URL, *([_AZURE_CHAT_URL] if named else [])):
        message = f"The rehearsal server does not simulate batches of {body['endpoint']}."
        raise ApiError(400, message, param="endpoint")
    file = service.state.file(body["input_file_id"])
    if file.purpose != "batch":
        raise ApiError(
            400, f"File {file.id} has the purpose {file.purpose}, expected batch.", param="input_file_id"
        )
    requests, errors = read_input(file.content, body["endpoint"])
    batch = Batch(
        id=service.state.new_id("batch_"),
        endpoint=body["endpoint"],
        input_file_id=file.id,
        completion_window=body["completion_window"],
        metadata=body.get("metadata"),
        created_at=service.state.clock(),
        duration_s=service.training_s,
        clock=service.state.clock,
        errors=errors,
        results=[] if errors else [await _batch_line(x, line) for line in requests],
    )
    service.state.batches[batch.id] = batch
    return JSONResponse(batch.to_wire())


async def retrieve_batch(x: Exchange) -> Response:
    """GET /batches/{id}."""
    return JSONResponse(_batch(x).to_wire())


async def list_batches(x: Exchange) -> Response:
    """GET /batches; newest first."""
    return page(x, [b.to_wire() for b in reversed(x.service.state.batches.values())], default=20)


async def cancel_batch(x: Exchange) -> Response:
    """POST /batches/{id}/cancel."""
    batch = _batch(x)
    if batch.status in ("completed", "failed", "cancelled"):
        message = f"Cannot cancel a batch with status '{batch.status}'."
        raise ApiError(409, message, code="invalid_batch_state")
    batch.cancel()
    x.service.state.advance()
    return JSONResponse(batch.to_wire())


async def _batch_line(x: Exchange, line: Mapping[str, Any]) -> LineResult:
    """Answers one line; what is wrong with it fails this line alone."""
    state = x.service.state
    fault = x.service.faults.take(BATCH_LINE)
    result: dict[str, Any] = {
        "id": state.new_id("batch_req_"),
        "custom_id": line["custom_id"],
        "response": None,
        "error": None,
    }
    if fault is not None and fault.kind in ("timeout", "disconnect"):
        message = "This request could not be executed before the completion window expired."
        return LineResult(None, None, {**result, "error": {"code": "batch_expired", "message": message}})
    try:
        if fault is not None and fault.kind not in SHAPING:
            raise error_of(fault)
        question = chat.check_request(x.service, BATCH_LINE, line["body"], azure=x.azure)
        chat.refuse_filtered(fault, azure=x.azure)
        answer: dict[str, Any] = await chat.complete(x.service, question, fault)
        model, usage, status = question.model, answer["usage"], 200
        if fault is not None and fault.kind == "no_usage":
            answer = {key: value for key, value in answer.items() if key != "usage"}
    except ApiError as error:
        model, usage, status, answer = None, None, error.status, error.body()
    response = {"status_code": status, "request_id": state.new_id("req_", 32), "body": answer}
    return LineResult(model, usage, {**result, "response": response})


def _batch(x: Exchange) -> Batch:
    batch = x.service.state.batches.get(x.param("batch"))
    if batch is None:
        raise ApiError(404, f"No batch found with id '{x.param('batch')}'.", param="batch_id")
    return batch
