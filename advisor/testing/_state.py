"""All that the server remembers; held in memory, and gone with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from advisor.testing import _catalog as catalog
from advisor.testing._api_errors import ApiError
from advisor.testing._billing import Billed, PromptCache
from advisor.testing._jobs import ENDED, FineTuningJob
from advisor.testing.seen import SeenRequest, Violation

if TYPE_CHECKING:
    from advisor.testing._batches import Batch


@dataclass
class StoredFile:
    """A file on the server."""

    id: str
    filename: str
    purpose: str
    content: bytes
    created_at: float
    expires_after_s: int | None = None
    deleted: bool = False

    def to_wire(self) -> dict[str, Any]:
        """The file as the API shows it."""
        wire: dict[str, Any] = {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": int(self.created_at),
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }
        if self.expires_after_s is not None:
            wire["expires_at"] = int(self.created_at) + self.expires_after_s
        return wire


@dataclass
class Deployment:
    """A deployment of the Azure resource: the name under which a model answers."""

    name: str
    model: str
    sku: str
    capacity: int
    created_at: float
    ready_at: float
    resource_id: str = ""
    version: str | None = None
    deleted_at: float | None = None
    body: dict[str, Any] = field(default_factory=dict, repr=False)
    """The request that created it; empty where the test did."""

    @property
    def standing(self) -> bool:
        """Whether it was not deleted, and so costs hosting."""
        return self.deleted_at is None


@dataclass
class State:
    """Files, jobs, batches, deployments, tuned models, and the bill."""

    clock: Callable[[], float] = time.time
    lock: threading.RLock = field(default_factory=threading.RLock)
    files: dict[str, StoredFile] = field(default_factory=dict)
    jobs: dict[str, FineTuningJob] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    deployments: list[Deployment] = field(default_factory=list)
    tuned: dict[str, FineTuningJob] = field(default_factory=dict)
    """Tuned models and checkpoints that can be asked, by name."""
    billed: Billed = field(default_factory=Billed)
    cache: PromptCache = field(default_factory=PromptCache)
    requests: list[SeenRequest] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    _made: int = 0

    def new_id(self, prefix: str, length: int = 24) -> str:
        """A fresh identifier; the same sequence in every server, so that rehearsals can be compared."""
        self._made += 1
        return prefix + sha256(f"{prefix}{self._made}".encode()).hexdigest()[:length]

    def add_file(
        self, filename: str, purpose: str, content: bytes, *, expires_after_s: int | None = None, id: str = ""
    ) -> StoredFile:
        """Stores a file."""
        file = StoredFile(
            id or self.new_id("file-"), filename, purpose, content, self.clock(), expires_after_s
        )
        self.files[file.id] = file
        return file

    def file(self, file_id: str) -> StoredFile:
        """A stored file.

        Raises:
            ApiError: 404.
        """
        file = self.files.get(file_id)
        if file is None or file.deleted:
            raise ApiError(404, f"No such File object: {file_id}", param="id")
        return file

    def advance(self) -> None:
        """Books what has ended since it was last looked at: models, result files, bills."""
        with self.lock:
            for job in list(self.jobs.values()):
                if not job.settled and job.status in ENDED:
                    self._settle(job)
            for batch in list(self.batches.values()):
                batch.settle(self)

    def _settle(self, job: FineTuningJob) -> None:
        job.settled = True
        self.billed.trained_tokens[job.id] = job.billed_tokens
        if job.status != "succeeded":
            return
        content = job.course.results_csv().encode()
        self.add_file("step_metrics.csv", "fine-tune-results", content, id=job.result_file)
        self.tuned[job.tuned_id] = job
        for checkpoint in job.checkpoints():
            self.tuned[checkpoint["fine_tuned_model_checkpoint"]] = job

    def deployment(self, name: str) -> Deployment | None:
        """The standing deployment of a name."""
        return next((d for d in self.deployments if d.name == name and d.standing), None)

    def deploy(
        self, name: str, model: str, *, sku: str, capacity: int, ready_at: float, **more: Any
    ) -> Deployment:
        """Puts a deployment up, in place of one of the same name."""
        before = self.deployment(name)
        if before is not None:
            before.deleted_at = self.clock()
        deployment = Deployment(name, model, sku, capacity, self.clock(), ready_at, **more)
        self.deployments.append(deployment)
        return deployment

    def served_model(self, asked: str) -> tuple[str, tuple[Mapping[str, Any], ...] | None] | None:
        """The model that answers to a name, and what it was tuned on; None where there is none."""
        base = catalog.find_base(asked)
        if base is not None:
            return base.snapshot, None
        job = self.tuned.get(asked)
        return None if job is None else (asked, job.training.examples)
