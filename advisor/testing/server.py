"""The contract server: OpenAI and Azure OpenAI, played on a real socket of this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Self

import uvicorn

from advisor.errors import AdvisorError
from advisor.testing import _billing as billing
from advisor.testing import _catalog as catalog
from advisor.testing import _contract as contract
from advisor.testing._app import build_app
from advisor.testing._batches import Batch
from advisor.testing._jobs import FineTuningJob
from advisor.testing._service import Service
from advisor.testing._state import Deployment, State, StoredFile
from advisor.testing.brain import Brain, SimulatedBrain
from advisor.testing.faults import Fault, FaultPlan
from advisor.testing.seen import SeenRequest, Violation

DEFAULT_API_KEY = "sk-practice-0000-not-a-real-key-0000"
DEFAULT_AZURE_TOKEN = "rehearsal-token"

_START_LIMIT_S = 15.0
_STOP_LIMIT_S = 5.0


class ContractServer:
    """Plays the OpenAI API, Azure OpenAI and Azure's management of deployments; answers are simulated.

    A context manager: the server runs from `__enter__` to `__exit__`, in a thread of its own, on a free port of
    127.0.0.1. Every request body is checked against OpenAI's published description; what it rejects is answered
    with 400 and kept in `violations`. State lives in memory and is gone with the object. ::

        with ContractServer() as server:
            client = OpenAI(base_url=server.base_url, api_key=server.api_key)
            ...
            assert not server.violations
    """

    def __init__(
        self,
        *,
        api_key: str = DEFAULT_API_KEY,
        brain: Brain | None = None,
        latency_s: float = 0.0,
        training_s: float = 0.2,
        provisioning_s: float = 0.05,
        faults: Sequence[Fault] = (),
        shutdown_dates: Mapping[str, str] | None = None,
        azure_tokens: Collection[str] = (DEFAULT_AZURE_TOKEN,),
        structured_outputs: bool = True,
        closed: bool = False,
        requests_per_second: int | None = None,
        max_concurrent: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Settings; nothing is started yet.

        Args:
            api_key: The key that is accepted: as a bearer token, and by Azure as `api-key` too.
            brain: Who answers; `SimulatedBrain` by default.
            latency_s: Seconds that every answer takes at least.
            training_s: Seconds that a fine-tuning job or a batch takes from its creation to its end.
            provisioning_s: Seconds until a deployment made through the management API is ready, or gone.
            faults: What goes wrong, and when; see `Fault`. More can be set later with `inject`.
            shutdown_dates: By model, the day (YYYY-MM-DD) on which it is shut down; tuned models go with their base.
            azure_tokens: Tokens of Microsoft Entra that Azure's routes accept.
            structured_outputs: Whether the endpoint knows `response_format` of type `json_schema`.
            closed: Whether new fine-tuning jobs are refused.
            requests_per_second: Chat requests let in per second; more are answered with 429.
            max_concurrent: Chat requests answered at the same time; more are answered with 429.
            clock: Seconds since 1970; a test that brings its own decides when jobs, batches and deployments go on.
        """
        self.service = Service(
            api_key=api_key,
            azure_tokens=frozenset(azure_tokens),
            brain=brain or SimulatedBrain(),
            faults=FaultPlan(faults),
            latency_s=latency_s,
            training_s=training_s,
            provisioning_s=provisioning_s,
            shutdown_dates=dict(shutdown_dates or {}),
            structured_outputs=structured_outputs,
            requests_per_second=requests_per_second,
            max_concurrent=max_concurrent,
            closed=closed,
            state=State(clock=clock),
        )
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._port: int | None = None

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        """Starts it, and waits until it listens.

        Raises:
            AdvisorError: It does not come up.
        """
        # Reading the description takes a moment; no request is to wait for it, least of all with a time-out.
        contract.load()
        billing.encoding()
        # The protocol is named because asyncio switches Nagle's delay off only where it is: 40 ms an answer.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            build_app(self.service),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self.service.stopping.clear()
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="contract-server", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_LIMIT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise AdvisorError("The rehearsal server did not start.", hint="Try again.")
            time.sleep(0.005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops it; what it saw stays readable."""
        self.service.stopping.set()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_STOP_LIMIT_S)
            self._server.force_exit = True
            with contextlib.suppress(RuntimeError):
                self._thread.join(_STOP_LIMIT_S)

    # ── addresses ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def base_url(self) -> str:
        """OpenAI's API, as a client's `base_url`."""
        return f"{self._root}/v1"

    @property
    def azure_endpoint(self) -> str:
        """The Azure OpenAI resource; its newer form lies under `/openai/v1/`."""
        return self._root

    @property
    def management_url(self) -> str:
        """Azure Resource Manager, as the management client's `base_url`."""
        return f"{self._root}/management"

    @property
    def api_key(self) -> str:
        """The key that is accepted."""
        return self.service.api_key

    @property
    def azure_token(self) -> str:
        """One of the accepted tokens of Microsoft Entra."""
        return min(self.service.azure_tokens)

    @property
    def _root(self) -> str:
        if self._port is None:
            raise AdvisorError("The rehearsal server is not running.", hint="Use it as a context manager.")
        return f"http://127.0.0.1:{self._port}"

    # ── what can be changed while it runs ────────────────────────────────────────────────────────────────

    @property
    def fingerprint(self) -> str:
        """The `system_fingerprint` of answers; a change says that the model behind its name has changed."""
        return self.service.fingerprint

    @fingerprint.setter
    def fingerprint(self, value: str) -> None:
        self.service.fingerprint = value

    @property
    def closed(self) -> bool:
        """Whether new fine-tuning jobs are refused, with 403."""
        return self.service.closed

    @closed.setter
    def closed(self, value: bool) -> None:
        self.service.closed = value

    @property
    def structured_outputs(self) -> bool:
        """Whether the endpoint knows `response_format` of type `json_schema`."""
        return self.service.structured_outputs

    @structured_outputs.setter
    def structured_outputs(self, value: bool) -> None:
        self.service.structured_outputs = value

    def inject(self, *faults: Fault) -> None:
        """Sets further faults; their counting begins now."""
        self.service.faults.add(*faults)

    def clear_faults(self) -> None:
        """Takes all faults away."""
        self.service.faults.clear()

    def deploy(self, name: str, model: str, *, sku: str = "Standard", capacity: int = 1) -> Deployment:
        """Puts a deployment up at once, as if it had stood before."""
        state = self.service.state
        with state.lock:
            state.advance()
            return state.deploy(name, model, sku=sku, capacity=capacity, ready_at=state.clock())

    # ── what it saw and holds ────────────────────────────────────────────────────────────────────────────

    @property
    def requests(self) -> list[SeenRequest]:
        """Every request, in the order in which they came."""
        return list(self.service.state.requests)

    @property
    def violations(self) -> list[Violation]:
        """Every request that OpenAI's description rejects."""
        return list(self.service.state.violations)

    @property
    def jobs(self) -> list[FineTuningJob]:
        """Fine-tuning jobs, oldest first; their `status` moves with the clock."""
        self.service.state.advance()
        return list(self.service.state.jobs.values())

    @property
    def files(self) -> list[StoredFile]:
        """Files that were not deleted, those that jobs and batches wrote among them; oldest first."""
        self.service.state.advance()
        return [f for f in self.service.state.files.values() if not f.deleted]

    @property
    def batches(self) -> list[Batch]:
        """Batches, oldest first."""
        self.service.state.advance()
        return list(self.service.state.batches.values())

    @property
    def models(self) -> list[str]:
        """Names under which a model answers: base models, snapshots, tuned models and their checkpoints."""
        self.service.state.advance()
        return [*catalog.base_names(), *self.service.state.tuned]

    @property
    def deployments(self) -> list[Deployment]:
        """All deployments ever, oldest first; see `Deployment.standing`."""
        return list(self.service.state.deployments)

    @property
    def billed(self) -> billing.Billed:
        """What the service would have charged for so far."""
        self.service.state.advance()
        return self.service.state.billed
