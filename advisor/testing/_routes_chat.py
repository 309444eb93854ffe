"""The routes of chat completions and models."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from advisor.testing import _catalog as catalog
from advisor.testing import _chat as chat
from advisor.testing._api_errors import ApiError, model_not_found
from advisor.testing._exchange import Exchange


async def create_chat_completion(x: Exchange) -> Response:
    """POST /chat/completions."""
    body = x.json
    if isinstance(body, dict) and "deployment" in x.request.path_params:
        # Azure's older form names the deployment in the path alone; what the body names is ignored.
        body = {**body, "model": x.param("deployment")}
    question = chat.check_request(x.service, x.route, body, azure=x.azure)
    chat.refuse_filtered(x.fault, azure=x.azure)
    completion = await chat.complete(x.service, question, x.fault)
    chat.bill(x.service.state.billed.chat, completion)
    if body.get("stream"):
        return StreamingResponse(chat.stream(completion, body, x.fault), media_type="text/event-stream")
    if x.fault is not None and x.fault.kind == "no_usage":
        del completion["usage"]
    return JSONResponse(completion)


async def list_models(x: Exchange) -> Response:
    """GET /models."""
    names = [*catalog.base_names(), *x.service.state.tuned]
    return JSONResponse({"object": "list", "data": [_model(x, name) for name in names]})


async def retrieve_model(x: Exchange) -> Response:
    """GET /models/{name}."""
    return JSONResponse(_model(x, x.param("model")))


async def delete_model(x: Exchange) -> Response:
    """DELETE /models/{name}: tuned models alone can be deleted."""
    name = x.param("model")
    _model(x, name)
    if name not in x.service.state.tuned:
        raise ApiError(
            403, "You have insufficient permissions for this operation.", code="insufficient_permissions"
        )
    del x.service.state.tuned[name]
    return JSONResponse({"id": name, "object": "model", "deleted": True})


def _model(x: Exchange, name: str) -> dict[str, Any]:
    base, job = catalog.find_base(name), x.service.state.tuned.get(name)
    if base is None and job is None:
        raise model_not_found(name)
    dates = x.service.shutdown_dates
    root = catalog.base_of(name)
    # A tuned model goes with its base.
    known_as = [name] if root is None else [name, root.snapshot, root.name]
    return {
        "id": name,
        "object": "model",
        "created": base.created if base else int(job.created_at) if job else 0,
        "owned_by": "system" if base else "org-rehearsal",
        "shutdown_date": next((dates[n] for n in known_as if n in dates), None),
    }
