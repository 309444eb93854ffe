"""Batches: a file of chat requests, answered together and billed at prices of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from advisor.testing._billing import ModelTotals
from advisor.testing._state import State

_DAY_S = 24 * 3600
_VALIDATED = 0.1
_FINALIZING = 0.9
_MAX_LINES = 50_000


@dataclass(frozen=True)
class LineResult:
    """A line's outcome: a line of the output file, or of the error file."""

    model: str | None
    usage: dict[str, Any] | None
    line: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether it belongs into the error file."""
        return self.usage is None


@dataclass
class Batch:
    """A batch on the server; times are seconds since 1970."""

    id: str
    endpoint: str
    input_file_id: str
    completion_window: str
    metadata: dict[str, str] | None
    created_at: float
    duration_s: float
    clock: Callable[[], float]
    errors: list[dict[str, Any]] = field(default_factory=list)
    """Why the file as a whole was refused."""
    results: list[LineResult] = field(default_factory=list)
    """In the order of the input; they become visible as time goes on."""
    output_file_id: str | None = None
    error_file_id: str | None = None
    settled: bool = False
    _cancelled_at: float | None = None

    @property
    def progress(self) -> float:
        """The share of its time that has passed, 0 to 1; a cancelled batch stands still."""
        until = self.clock() if self._cancelled_at is None else self._cancelled_at
        return min(1.0, (until - self.created_at) / self.duration_s) if self.duration_s > 0 else 1.0

    @property
    def status(self) -> str:
        """The state now, in the service's words."""
        progress = self.progress
        if self.errors and progress >= _VALIDATED:
            return "failed"
        if self._cancelled_at is not None:
            return "cancelled"
        if progress < _VALIDATED:
            return "validating"
        if progress < _FINALIZING:
            return "in_progress"
        return "completed" if progress >= 1 else "finalizing"

    @property
    def done(self) -> list[LineResult]:
        """The results that are there by now."""
        if self.status in ("validating", "failed"):
            return []
        share = min(1.0, (self.progress - _VALIDATED) / (_FINALIZING - _VALIDATED))
        return self.results[: int(share * len(self.results))]

    def cancel(self) -> None:
        """Ends it; lines that are answered stay answered, and billed."""
        self._cancelled_at = self.clock()

    def settle(self, state: State) -> None:
        """Writes the output files and the bill of a batch that has ended."""
        if self.settled or self.status not in ("completed", "cancelled"):
            return
        self.settled = True
        # The service promises no order, so none is kept: callers must match by custom_id.
        done = sorted(self.done, key=lambda result: str(result.line["id"]))
        good = [r.line for r in done if not r.failed]
        bad = [r.line for r in done if r.failed]
        for result in done:
            if result.usage is not None and result.model is not None:
                state.billed.batch.setdefault(result.model, ModelTotals()).add(result.usage)
        if good:
            name = f"{self.id}_output.jsonl"
            self.output_file_id = state.add_file(name, "batch_output", _lines(good)).id
        if bad:
            name = f"{self.id}_error.jsonl"
            self.error_file_id = state.add_file(name, "batch_output", _lines(bad)).id

    def to_wire(self) -> dict[str, Any]:
        """The batch as the API shows it."""
        status = self.status
        done = self.done
        wire: dict[str, Any] = {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "input_file_id": self.input_file_id,
            "completion_window": self.completion_window,
            "status": status,
            "created_at": int(self.created_at),
            "expires_at": int(self.created_at) + _DAY_S,
            "request_counts": {
                "total": 0 if status in ("validating", "failed") else len(self.results),
                "completed": sum(not r.failed for r in done),
                "failed": sum(r.failed for r in done),
            },
            "metadata": self.metadata,
        }
        ended = int(self.created_at + self.progress * self.duration_s)
        if status in ("in_progress", "finalizing", "completed"):
            wire["in_progress_at"] = int(self.created_at + _VALIDATED * self.duration_s)
        if status in ("finalizing", "completed"):
            wire["finalizing_at"] = int(self.created_at + _FINALIZING * self.duration_s)
        if status == "failed":
            wire |= {"failed_at": ended, "errors": {"object": "list", "data": self.errors}}
        if status in ("completed", "cancelled"):
            wire |= {f"{status}_at": ended, "usage": self._usage(done)}
            models = {r.model for r in done if r.model}
            if len(models) == 1:
                wire["model"] = models.pop()
        if self.output_file_id:
            wire["output_file_id"] = self.output_file_id
        if self.error_file_id:
            wire["error_file_id"] = self.error_file_id
        return wire

    @staticmethod
    def _usage(done: list[LineResult]) -> dict[str, Any]:
        usages = [r.usage for r in done if r.usage is not None]
        return {
            "input_tokens": sum(u["prompt_tokens"] for u in usages),
            "input_tokens_details": {
                "cached_tokens": sum(u["prompt_tokens_details"]["cached_tokens"] for u in usages)
            },
            "output_tokens": sum(u["completion_tokens"] for u in usages),
            "output_tokens_details": {
                "reasoning_tokens": sum(u["completion_tokens_details"]["reasoning_tokens"] for u in usages)
            },
            "total_tokens": sum(u["total_tokens"] for u in usages),
        }


def read_input(content: bytes, endpoint: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The requests of an input file, and what is wrong with the file as a whole."""
    requests: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    ids: set[str] = set()

    def refuse(line: int, code: str, message: str, param: str | None = None) -> None:
        errors.append({"code": code, "message": message, "param": param, "line": line})

    for number, text in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict):
            refuse(number, "invalid_json_line", "This line is not parseable as valid JSON.")
            continue
        missing = [key for key in ("custom_id", "method", "url", "body") if not line.get(key)]
        if missing:
            refuse(
                number,
                "missing_required_parameter",
                f"Missing required parameter: '{missing[0]}'.",
                missing[0],
            )
        elif line["method"] != "POST":
            refuse(number, "invalid_method", "The method must be 'POST'.", "method")
        elif line["url"] != endpoint:
            message = "The URL provided for this request does not match the batch endpoint."
            refuse(number, "mismatched_endpoint", message, "url")
        elif line["custom_id"] in ids:
            message = (
                f"The custom_id '{line['custom_id']}' for this request is a duplicate of another request."
            )
            refuse(number, "duplicate_custom_id", message, "custom_id")
        else:
            ids.add(line["custom_id"])
            requests.append(line)
    models = {str(line["body"].get("model")) for line in requests if isinstance(line["body"], dict)}
    if len(models) > 1:
        refuse(1, "mismatched_model", "All requests of a batch must name the same model.", "body.model")
    if not requests and not errors:
        errors.append(
            {"code": "empty_file", "message": "The input file is empty.", "param": None, "line": None}
        )
    if len(requests) > _MAX_LINES:
        errors.append({"code": "too_many_lines", "message": "A batch holds at most 50,000 requests.",
                       "param": None, "line": None})  # fmt: skip
    return requests, errors


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
