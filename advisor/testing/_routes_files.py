"""The routes of files."""

from __future__ import annotations

import re
from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from advisor.testing import _contract as contract
from advisor.testing._api_errors import ApiError
from advisor.testing._exchange import Exchange
from advisor.testing._paging import page


async def create_file(x: Exchange) -> Response:
    """POST /files, a multipart form."""
    form = await x.request.form()
    upload = form.get("file")
    fields: dict[str, Any] = {}
    for key, value in form.multi_items():
        if isinstance(value, UploadFile):
            fields[key] = ""
        elif match := re.fullmatch(r"expires_after\[(\w+)\]", key):
            number = match[1] == "seconds" and value.isdigit()
            fields.setdefault("expires_after", {})[match[1]] = int(value) if number else value
        else:
            fields[key] = value
    if finding := contract.check("CreateFileRequest", fields):
        raise x.service.reject(x.route, finding, "schema", fields)
    if not isinstance(upload, UploadFile):
        raise ApiError(400, "'file' is expected to be a file.", param="file")
    name = upload.filename or "upload"
    if fields["purpose"] in ("fine-tune", "batch") and not name.endswith(".jsonl"):
        api = "Fine-Tuning" if fields["purpose"] == "fine-tune" else "Batch"
        raise ApiError(400, f"Invalid file format for {api} API. Must be .jsonl", param="file")
    content = await upload.read()
    if not content:
        raise ApiError(400, "The file is empty.", param="file")
    expires_after_s = fields.get("expires_after", {}).get("seconds")
    file = x.service.state.add_file(name, fields["purpose"], content, expires_after_s=expires_after_s)
    return JSONResponse(file.to_wire())


async def list_files(x: Exchange) -> Response:
    """GET /files."""
    query = x.request.query_params
    found = [f.to_wire() for f in x.service.state.files.values() if not f.deleted]
    if query.get("purpose"):
        found = [f for f in found if f["purpose"] == query["purpose"]]
    if query.get("order", "desc") == "desc":
        found.reverse()
    return page(x, found, default=10_000, most=10_000)


async def retrieve_file(x: Exchange) -> Response:
    """GET /files/{id}."""
    return JSONResponse(x.service.state.file(x.param("file")).to_wire())


async def file_content(x: Exchange) -> Response:
    """GET /files/{id}/content."""
    file = x.service.state.file(x.param("file"))
    return Response(file.content, media_type="application/octet-stream")


async def delete_file(x: Exchange) -> Response:
    """DELETE /files/{id}."""
    file = x.service.state.file(x.param("file"))
    file.deleted = True
    return JSONResponse({"id": file.id, "object": "file", "deleted": True})
