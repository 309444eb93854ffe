"""One request on its way: recorded, authenticated, struck by faults, handed to its route, answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from advisor.testing._api_errors import ApiError, azure_access_denied, wrong_key
from advisor.testing._contract import Finding
from advisor.testing._service import Plane, Service, rate_limited
from advisor.testing.faults import SHAPING, Fault
from advisor.testing.seen import SeenRequest, masked

SIMULATED = {"x-advisor-rehearsal": "simulated"}

_DISCONNECT_CHECK_S = 0.02
_LONG_WAIT_S = 300.0


@dataclass
class Exchange:
    """What a route's handler is given."""

    service: Service
    request: Request
    plane: Plane
    route: str
    json: Any = None
    fault: Fault | None = None
    """A fault that shapes the answer; the others never reach a handler."""

    @property
    def azure(self) -> bool:
        """Whether the request came to the Azure resource."""
        return self.plane == "azure"

    def param(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])


Handler = Callable[[Exchange], Awaitable[Response]]


class Endpoint:
    """A route as an ASGI application."""

    def __init__(self, service: Service, plane: Plane, route: str, handler: Handler) -> None:
        self._service = service
        self._plane: Plane = plane
        self._route = route
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        service = self._service
        request = Request(scope, receive)
        seen = SeenRequest(
            request.method,
            request.url.path,
            request.url.query,
            self._route,
            masked(request.headers),
            started_at=service.state.clock(),
        )
        service.state.requests.append(seen)
        counted = False
        try:
            exchange = Exchange(service, request, self._plane, self._route)
            try:
                await request.body()
                self._authenticate(request)
                fault = service.faults.take(self._route)
                seen.fault = None if fault is None else fault.kind
                exchange.json = seen.json = await self._json(request)
                if fault is not None and fault.kind in SHAPING:
                    exchange.fault, fault = fault, None
                if fault is not None and not fault.after:
                    response = await self._strike(fault, request)
                else:
                    if self._route == "chat":
                        service.admit()
                        service.in_flight += 1
                        counted = True
                    response = await self._work(exchange)
                    if fault is not None:
                        response = await self._strike(fault, request)
            except ApiError as error:
                response = JSONResponse(error.body(), error.status, headers=error.headers)
            self._dress(response)
            seen.status = None if isinstance(response, _Silence | _Disconnect) else response.status_code
            await response(scope, receive, send)
        finally:
            service.in_flight -= counted
            seen.finished_at = service.state.clock()

    async def _work(self, exchange: Exchange) -> Response:
        if self._service.latency_s:
            await asyncio.sleep(self._service.latency_s)
        self._service.state.advance()
        return await self._handler(exchange)

    def _dress(self, response: Response) -> None:
        headers = SIMULATED | {"x-request-id": self._service.state.new_id("req_", 32)}
        if self._plane != "management":
            headers["openai-version"] = "2020-10-01"
        if self._route == "chat" and "retry-after" not in response.headers:
            headers |= self._service.rate_headers()
        for name, value in headers.items():
            response.headers[name] = value

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        service = self._service
        if self._plane == "openai":
            if token != service.api_key:
                raise wrong_key(token)
        elif self._plane == "azure":
            key = request.headers.get("api-key", "")
            if service.api_key not in (key, token) and token not in service.azure_tokens:
                raise azure_access_denied()
        elif token not in service.azure_tokens:
            raise ApiError(
                401, "Authentication failed. The token is missing or not valid.",
                code="AuthenticationFailed", short=True,
            )  # fmt: skip

    async def _json(self, request: Request) -> Any:
        body = await request.body()
        if not body or not request.headers.get("content-type", "").startswith("application/json"):
            return None
        try:
            return json.loads(body)
        except ValueError:
            finding = Finding("We could not parse the JSON body of your request.", None, None)
            raise self._service.reject(self._route, finding, "schema", None) from None

    async def _strike(self, fault: Fault, request: Request) -> Response:
        kind = fault.kind
        if kind == "timeout":
            # A client that gave up has hung up; a server that stops must not wait for one that did not.
            while not self._service.stopping.is_set() and not await request.is_disconnected():
                await asyncio.sleep(_DISCONNECT_CHECK_S)
            return _Silence()
        if kind == "disconnect":
            return _Disconnect()
        if kind == "malformed":
            return Response('{"id": "rehearsal-', 200, media_type="application/json")
        if kind in ("429", "429_long"):
            wait_s = _LONG_WAIT_S if kind == "429_long" else 1.0
            headers = self._service.rate_headers(wait_s) | {"x-ratelimit-remaining-requests": "0"}
            raise rate_limited(headers, wait_s)
        raise error_of(fault)


def error_of(fault: Fault) -> ApiError:
    """The refusal that a fault stands for, where it is one."""
    if fault.kind == "insufficient_quota":
        return ApiError(
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            type="insufficient_quota",
            code="insufficient_quota",
        )
    if fault.kind == "503":
        return ApiError(
            503,
            "The engine is currently overloaded, please try again later",
            type="service_unavailable",
        )
    if fault.kind in ("429", "429_long"):
        return rate_limited({}, 1.0)
    return ApiError(500, "The server had an error while processing your request. Sorry about that!",
                    type="server_error")  # fmt: skip


class _Silence(Response):
    """No answer at all; only ever sent to a client that has hung up, or by a server that stops."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _break_off(send)


class _Disconnect(Response):
    """An answer that breaks off: less is sent than was announced, and the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _break_off(send)


async def _break_off(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"id": "', "more_body": True})
    # Returning without the rest makes the server close the connection.
