"""Azure Resource Manager's deployments of a Cognitive Services account."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from advisor.testing._api_errors import ApiError
from advisor.testing._exchange import Exchange
from advisor.testing._state import Deployment

_SKUS = frozenset(
    {
        "Standard", "GlobalStandard", "DataZoneStandard", "DeveloperTier", "GlobalBatch", "DataZoneBatch",
        "ProvisionedManaged", "GlobalProvisionedManaged", "DataZoneProvisionedManaged",
    }
)  # fmt: skip

# Pollers of the management client would otherwise wait for 30 s between looks.
_SOON = {"retry-after-ms": "40"}


async def put_deployment(x: Exchange) -> Response:
    """PUT …/deployments/{name}: creates, or replaces; ready after `provisioning_s`."""
    _require_version(x)
    name, model, version, sku, capacity = _read(x)
    state = x.service.state
    if state.served_model(model) is None:
        shown = f"Format: OpenAI, Name: {model}, Version: {version or ''}"
        raise _refusal(400, "DeploymentModelNotSupported", f"The model '{shown}' is not supported.")
    existed = state.deployment(name) is not None
    deployment = state.deploy(
        name,
        model,
        sku=sku,
        capacity=capacity,
        ready_at=state.clock() + x.service.provisioning_s,
        version=version,
        resource_id=x.request.url.path.removeprefix("/management"),
        body=x.json,
    )
    return JSONResponse(_wire(deployment, state.clock()), 200 if existed else 201, headers=_SOON)


async def get_deployment(x: Exchange) -> Response:
    """GET …/deployments/{name}."""
    _require_version(x)
    deployment = x.service.state.deployment(x.param("name"))
    if deployment is None:
        raise _refusal(404, "ResourceNotFound", f"The deployment '{x.param('name')}' was not found.")
    ready = deployment.ready_at <= x.service.state.clock()
    return JSONResponse(_wire(deployment, x.service.state.clock()), headers={} if ready else _SOON)


async def list_deployments(x: Exchange) -> Response:
    """GET …/deployments."""
    _require_version(x)
    now = x.service.state.clock()
    return JSONResponse({"value": [_wire(d, now) for d in x.service.state.deployments if d.standing]})


async def delete_deployment(x: Exchange) -> Response:
    """DELETE …/deployments/{name}: 202 with a place to look until it is gone; 204 where nothing stands."""
    _require_version(x)
    deployment = x.service.state.deployment(x.param("name"))
    if deployment is None:
        return Response(status_code=204)
    deployment.deleted_at = x.service.state.clock()
    base = str(x.request.base_url).rstrip("/")
    subscription = x.param("subscription")
    operation = (
        f"{base}/management/subscriptions/{subscription}/providers/Microsoft.CognitiveServices/locations/"
        f"rehearsal/operationResults/{deployment.name}?api-version={x.request.query_params['api-version']}"
    )
    return Response(status_code=202, headers={"location": operation, **_SOON})


async def operation_result(x: Exchange) -> Response:
    """GET …/operationResults/{name}: 202 while a deletion goes on, 204 afterwards."""
    deleted = [
        d.deleted_at for d in x.service.state.deployments if d.name == x.param("name") and d.deleted_at
    ]
    under_way = bool(deleted) and x.service.state.clock() < max(deleted) + x.service.provisioning_s
    if under_way:
        return Response(status_code=202, headers={"location": str(x.request.url), **_SOON})
    return Response(status_code=204)


def _read(x: Exchange) -> tuple[str, str, str | None, str, int]:
    """(name, model, version, sku, capacity) of a PUT.

    Raises:
        ApiError: 400, where the body is not what the service takes.
    """
    body: Any = x.json
    model = ((body or {}).get("properties") or {}).get("model") if isinstance(body, dict) else None
    sku = body.get("sku") if isinstance(body, dict) else None
    if not isinstance(model, dict) or not model.get("name") or model.get("format") != "OpenAI":
        raise _refusal(400, "InvalidResourceProperties", "properties.model needs format 'OpenAI' and a name.")
    if not isinstance(sku, dict) or sku.get("name") not in _SKUS:
        raise _refusal(400, "InvalidSku", f"sku.name must be one of {', '.join(sorted(_SKUS))}.")
    capacity = sku.get("capacity", 1)
    if not isinstance(capacity, int) or capacity < 1:
        raise _refusal(400, "InvalidCapacity", "sku.capacity must be a positive integer.")
    return x.param("name"), model["name"], model.get("version"), sku["name"], capacity


def _wire(deployment: Deployment, now: float) -> dict[str, Any]:
    state = "Succeeded" if deployment.ready_at <= now else "Creating"
    model = {"format": "OpenAI", "name": deployment.model, "version": deployment.version or "1"}
    return {
        "id": deployment.resource_id,
        "name": deployment.name,
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "sku": {"name": deployment.sku, "capacity": deployment.capacity},
        "properties": {
            "model": model,
            "provisioningState": state,
            "versionUpgradeOption": "NoAutoUpgrade",
            "capabilities": {"chatCompletion": "true"},
        },
        "etag": f'"{deployment.created_at:.6f}"',
    }


def _require_version(x: Exchange) -> None:
    if not x.request.query_params.get("api-version"):
        raise _refusal(400, "MissingApiVersionParameter", "The api-version query parameter is required.")


def _refusal(status: int, code: str, message: str) -> ApiError:
    return ApiError(status, message, code=code, short=True)
