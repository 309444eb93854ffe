"""The shared words: frozen models that the rooms hand to one another.

Units are in the names: `_s` seconds, `_usd` US dollars; tokens are counts. A figure that is not known is
`None`, never zero.
"""

from __future__ import annotations

from advisor.records.answers import ChatRequest, Completion, Failure, Message, Usage
from advisor.records.base import AnswerWord, BaselineKind, DecisionWord, EvidenceKind, Record
from advisor.records.decision import (
    SCHEMA_VERSION,
    BaselineSummary,
    BreakEven,
    CaseFacts,
    Comparison,
    Cost,
    Decision,
    Evidence,
    Flip,
    Latency,
    Provenance,
    Quality,
    Question,
    ReadinessItem,
    Verdict,
)
from advisor.records.measured import (
    CurvePoint,
    Elsewhere,
    ItemResult,
    LoadPoint,
    LoadTest,
    Measured,
    PromptParts,
    RetrievalQuality,
    SeedRun,
    SettingTrial,
    StoppedEarly,
    Tokens,
    TuningRecord,
)
from advisor.records.serving import ServingCapacity

__all__ = [
    "SCHEMA_VERSION",
    "AnswerWord",
    "BaselineKind",
    "BaselineSummary",
    "BreakEven",
    "CaseFacts",
    "ChatRequest",
    "Comparison",
    "Completion",
    "Cost",
    "CurvePoint",
    "Decision",
    "DecisionWord",
    "Elsewhere",
    "Evidence",
    "EvidenceKind",
    "Failure",
    "Flip",
    "ItemResult",
    "Latency",
    "LoadPoint",
    "LoadTest",
    "Measured",
    "Message",
    "PromptParts",
    "Provenance",
    "Quality",
    "Question",
    "ReadinessItem",
    "Record",
    "RetrievalQuality",
    "SeedRun",
    "ServingCapacity",
    "SettingTrial",
    "StoppedEarly",
    "Tokens",
    "TuningRecord",
    "Usage",
    "Verdict",
]
