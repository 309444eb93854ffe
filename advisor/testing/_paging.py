"""Lists, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from advisor.testing._api_errors import ApiError
from advisor.testing._exchange import Exchange


def page(
    x: Exchange, items: Sequence[dict[str, Any]], *, default: int, most: int = 100, ids: bool = True
) -> Response:
    """One page of a list: what comes after `after`, at most `limit`."""
    query = x.request.query_params
    try:
        limit = int(query.get("limit", default))
    except ValueError:
        limit = 0
    if not 1 <= limit <= most:
        raise ApiError(400, f"Invalid 'limit': expected an integer from 1 to {most}.", param="limit")
    rest = list(items)
    if after := query.get("after"):
        at = next((i for i, item in enumerate(items) if item["id"] == after), None)
        if at is None:
            raise ApiError(
                400, f"Invalid 'after': there is no {json.dumps(after)} in this list.", param="after"
            )
        rest = rest[at + 1 :]
    shown = rest[:limit]
    body: dict[str, Any] = {"object": "list", "data": shown, "has_more": len(rest) > limit}
    if ids and shown:
        body |= {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]}
    elif ids:
        # Empty lists of files and batches have empty strings here, those of checkpoints nulls.
        empty = None if x.route == "jobs.checkpoints" else ""
        body |= {"first_id": empty, "last_id": empty}
    return JSONResponse(body)
