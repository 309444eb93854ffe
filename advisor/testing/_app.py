"""The application: which path leads to which handler, on which plane."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from advisor.testing import _routes_batches as batches
from advisor.testing import _routes_chat as chat
from advisor.testing import _routes_files as files
from advisor.testing import _routes_jobs as jobs
from advisor.testing import _routes_management as management
from advisor.testing._api_errors import ApiError
from advisor.testing._exchange import Endpoint, Exchange, Handler
from advisor.testing._service import Plane, Service

_SHARED: list[tuple[str, str, str, Handler]] = [
    ("POST", "/chat/completions", "chat", chat.create_chat_completion),
    ("POST", "/files", "files.create", files.create_file),
    ("GET", "/files", "files.list", files.list_files),
    ("GET", "/files/{file}", "files.retrieve", files.retrieve_file),
    ("GET", "/files/{file}/content", "files.content", files.file_content),
    ("DELETE", "/files/{file}", "files.delete", files.delete_file),
    ("POST", "/fine_tuning/jobs", "jobs.create", jobs.create_job),
    ("GET", "/fine_tuning/jobs", "jobs.list", jobs.list_jobs),
    ("GET", "/fine_tuning/jobs/{job}", "jobs.retrieve", jobs.retrieve_job),
    ("POST", "/fine_tuning/jobs/{job}/cancel", "jobs.cancel", jobs.cancel_job),
    ("POST", "/fine_tuning/jobs/{job}/pause", "jobs.pause", jobs.pause_job),
    ("POST", "/fine_tuning/jobs/{job}/resume", "jobs.resume", jobs.resume_job),
    ("GET", "/fine_tuning/jobs/{job}/events", "jobs.events", jobs.job_events),
    ("GET", "/fine_tuning/jobs/{job}/checkpoints", "jobs.checkpoints", jobs.job_checkpoints),
    ("POST", "/batches", "batches.create", batches.create_batch),
    ("GET", "/batches", "batches.list", batches.list_batches),
    ("GET", "/batches/{batch}", "batches.retrieve", batches.retrieve_batch),
    ("POST", "/batches/{batch}/cancel", "batches.cancel", batches.cancel_batch),
    ("GET", "/models", "models.list", chat.list_models),
    ("GET", "/models/{model:path}", "models.retrieve", chat.retrieve_model),
    ("DELETE", "/models/{model:path}", "models.delete", chat.delete_model),
]

_ACCOUNT = (
    "/management/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.CognitiveServices"
    "/accounts/{account}"
)
_OPERATIONS = (
    "/management/subscriptions/{subscription}/providers/Microsoft.CognitiveServices/locations/{location}"
    "/operationResults/{name}"
)
_MANAGEMENT: list[tuple[str, str, str, Handler]] = [
    ("PUT", f"{_ACCOUNT}/deployments/{{name}}", "deployments.create", management.put_deployment),
    ("GET", f"{_ACCOUNT}/deployments/{{name}}", "deployments.retrieve", management.get_deployment),
    ("DELETE", f"{_ACCOUNT}/deployments/{{name}}", "deployments.delete", management.delete_deployment),
    ("GET", f"{_ACCOUNT}/deployments", "deployments.list", management.list_deployments),
    ("GET", _OPERATIONS, "deployments.operation", management.operation_result),
]


def build_app(service: Service) -> Starlette:
    """The ASGI application of a service."""

    def route(method: str, path: str, plane: Plane, name: str, handler: Handler) -> Route:
        return Route(path, Endpoint(service, plane, name, handler), methods=[method])

    routes: list[BaseRoute] = []
    for method, path, name, handler in _SHARED:
        routes.append(route(method, f"/v1{path}", "openai", name, handler))
        routes.append(route(method, f"/openai/v1{path}", "azure", name, handler))
        # The form before /openai/v1: it demands an api-version.
        dated = _needs_version(handler)
        routes.append(route(method, f"/openai{path}", "azure", name, dated))
        if name == "chat":
            classic = "/openai/deployments/{deployment}/chat/completions"
            routes.append(route(method, classic, "azure", name, dated))
    routes += [
        route(method, path, "management", name, handler) for method, path, name, handler in _MANAGEMENT
    ]
    # Whatever is left, methods that a known path lacks among it.
    everything = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    for prefix, plane in _PLANES:
        routes.append(
            Route(
                f"{prefix}/{{path:path}}", Endpoint(service, plane, "unknown", _unknown), methods=everything
            )
        )
    return Starlette(routes=routes)


_PLANES: tuple[tuple[str, Plane], ...] = (
    ("/openai", "azure"),
    ("/management", "management"),
    ("", "openai"),
)


def _needs_version(handler: Handler) -> Handler:
    async def dated(x: Exchange) -> Response:
        if not x.request.query_params.get("api-version"):
            raise ApiError(404, "Resource not found", code="404", short=True)
        return await handler(x)

    return dated


async def _unknown(x: Exchange) -> Response:
    raise ApiError(404, f"Invalid URL ({x.request.method} {x.request.url.path})")
