"""The routes of fine-tuning jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from advisor.testing import _catalog as catalog
from advisor.testing import _contract as contract
from advisor.testing._api_errors import ApiError
from advisor.testing._exchange import Exchange
from advisor.testing._jobs import ENDED, FineTuningJob
from advisor.testing._paging import page
from advisor.testing._rules import metadata_findings
from advisor.testing._training_data import read_training_file

_METADATA_FILTER = re.compile(r"^metadata\[(.+)\]$")
_TRAINING_TYPES = ("Standard", "GlobalStandard", "Developer")


async def create_job(x: Exchange) -> Response:
    """POST /fine_tuning/jobs."""
    service, body = x.service, x.json
    extra = frozenset({"trainingType"}) if x.azure else frozenset[str]()
    if finding := contract.check("CreateFineTuningJobRequest", body, also_allowed=extra):
        raise service.reject(x.route, finding, "schema", body)
    for finding in metadata_findings(body.get("metadata")):
        raise service.reject(x.route, finding, "text", body)
    if body.get("trainingType", "Standard") not in _TRAINING_TYPES:
        listed = ", ".join(_TRAINING_TYPES)
        raise ApiError(400, f"trainingType must be one of {listed}.", param="trainingType")
    if service.closed:
        raise ApiError(
            403,
            "Fine-tuning is no longer available to this organization: new fine-tuning jobs cannot be created.",
            code="fine_tuning_closed",
        )
    kind = (body.get("method") or {}).get("type", "supervised")
    if kind != "supervised":
        raise ApiError(
            400, f"The rehearsal server does not simulate the method '{kind}'.", param="method.type"
        )
    job = _new_job(x, body)
    service.state.jobs[job.id] = job
    return JSONResponse(job.to_wire())


async def list_jobs(x: Exchange) -> Response:
    """GET /fine_tuning/jobs; newest first, filtered by `metadata[k]=v`."""
    jobs = list(x.service.state.jobs.values())[::-1]
    for key, value in x.request.query_params.multi_items():
        if match := _METADATA_FILTER.match(key):
            jobs = [j for j in jobs if (j.metadata or {}).get(match[1]) == value]
        elif key == "metadata" and value == "null":
            jobs = [j for j in jobs if not j.metadata]
    return page(x, [j.to_wire() for j in jobs], default=20, ids=False)


async def retrieve_job(x: Exchange) -> Response:
    """GET /fine_tuning/jobs/{id}."""
    return JSONResponse(_job(x).to_wire())


async def cancel_job(x: Exchange) -> Response:
    """POST /fine_tuning/jobs/{id}/cancel."""
    job = _job(x)
    _require(job, job.status not in ENDED, "cancelled")
    job.cancel()
    x.service.state.advance()
    return JSONResponse(job.to_wire())


async def pause_job(x: Exchange) -> Response:
    """POST /fine_tuning/jobs/{id}/pause."""
    job = _job(x)
    _require(job, job.status not in (*ENDED, "paused"), "paused")
    job.pause()
    return JSONResponse(job.to_wire())


async def resume_job(x: Exchange) -> Response:
    """POST /fine_tuning/jobs/{id}/resume."""
    job = _job(x)
    _require(job, job.status == "paused", "resumed")
    job.resume()
    return JSONResponse(job.to_wire())


async def job_events(x: Exchange) -> Response:
    """GET /fine_tuning/jobs/{id}/events; newest first."""
    return page(x, _job(x).events(), default=20, ids=False)


async def job_checkpoints(x: Exchange) -> Response:
    """GET /fine_tuning/jobs/{id}/checkpoints; newest first."""
    return page(x, _job(x).checkpoints(), default=10)


def _new_job(x: Exchange, body: Mapping[str, Any]) -> FineTuningJob:
    state = x.service.state
    base = catalog.find_base(body["model"])
    further = state.tuned.get(body["model"])
    if not (further or (base is not None and base.tunable)):
        raise ApiError(
            400,
            f"Model {body['model']} is not available for fine-tuning or does not exist.",
            param="model",
            code="model_not_available",
        )
    model = body["model"] if base is None else base.snapshot
    training = read_training_file(_training_file(x, body["training_file"], "training_file"))
    validation_id = body.get("validation_file")
    validation = None
    if validation_id:
        content = _training_file(x, validation_id, "validation_file")
        validation = read_training_file(content, validation=True)
    seed = body.get("seed")
    job_id = state.new_id("ftjob-")
    return FineTuningJob(
        id=job_id,
        model=model,
        training_file=body["training_file"],
        validation_file=validation_id,
        training=training,
        validation=validation,
        body=dict(body),
        seed=int(job_id[-7:], 16) if seed is None else seed,
        duration_s=x.service.training_s,
        created_at=state.clock(),
        tuned_id=_tuned_id(x, model, body.get("suffix")),
        result_file=state.new_id("file-"),
        clock=state.clock,
        azure=x.azure,
    )


def _tuned_id(x: Exchange, model: str, suffix: str | None) -> str:
    base = catalog.base_of(model)
    snapshot = model if base is None else base.snapshot
    suffix = re.sub(r"[^A-Za-z0-9_-]", "-", suffix or "")
    if x.azure:
        name = f"{snapshot}.ft-{x.service.state.new_id('', 32)}"
        return f"{name}-{suffix}" if suffix else name
    return f"ft:{snapshot}:rehearsal:{suffix}:{x.service.state.new_id('', 8)}"


def _training_file(x: Exchange, file_id: str, param: str) -> bytes:
    file = x.service.state.files.get(file_id)
    if file is None or file.deleted:
        raise ApiError(400, f"{param} {file_id} does not exist.", param=param, code="invalid_file")
    if file.purpose != "fine-tune":
        raise ApiError(
            400, f"{param} {file_id} has the purpose {file.purpose}, expected fine-tune.",
            param=param, code="invalid_file",
        )  # fmt: skip
    return file.content


def _job(x: Exchange) -> FineTuningJob:
    job = x.service.state.jobs.get(x.param("job"))
    if job is None:
        message = f"Could not find fine tune: {x.param('job')}"
        raise ApiError(404, message, param="fine_tune_id", code="fine_tune_not_found")
    return job


def _require(job: FineTuningJob, possible: bool, verb: str) -> None:
    if not possible:
        message = f"Job {job.id} is {job.status} and cannot be {verb}."
        raise ApiError(400, message, code="invalid_job_state")
