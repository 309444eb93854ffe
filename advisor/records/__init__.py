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
from advisor.records.extensibility import ElsewhereResult, Extensibility
from advisor.records.learning import (
    AtDouble,
    LearningCurve,
    LearningPoint,
    LearningStep,
    PowerLaw,
    SeedQuality,
    SeedSpread,
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

__all__ = [
    "SCHEMA_VERSION",
    "AnswerWord",
    "AtDouble",
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
    "ElsewhereResult",
    "Evidence",
    "EvidenceKind",
    "Extensibility",
    "Failure",
    "Flip",
    "ItemResult",
    "Latency",
    "LearningCurve",
    "LearningPoint",
    "LearningStep",
    "LoadPoint",
    "LoadTest",
    "Measured",
    "Message",
    "PowerLaw",
    "PromptParts",
    "Provenance",
    "Quality",
    "Question",
    "ReadinessItem",
    "Record",
    "RetrievalQuality",
    "SeedQuality",
    "SeedRun",
    "SeedSpread",
    "SettingTrial",
    "StoppedEarly",
    "Tokens",
    "TuningRecord",
    "Usage",
    "Verdict",
]
