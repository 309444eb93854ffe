"""The shared words: frozen models that the rooms hand to one another.

Units are in the names: `_s` seconds, `_usd` US dollars; tokens are counts. A figure that is not known is
`None`, never zero.
"""

from __future__ import annotations

from advisor.records.answers import ChatRequest, Completion, Failure, Message, Usage
from advisor.records.base import AnswerWord, BaselineKind, DecisionWord, EvidenceKind, Record
from advisor.records.costs import CostsOverTime, MonthCost, Payback, PriceUsed
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
    ResourceDifference,
    Verdict,
)
from advisor.records.diagnosis import Finding
from advisor.records.extensibility import ElsewhereResult, Extensibility
from advisor.records.items import ItemResult, ItemTable
from advisor.records.judge import Agreement, HumanLabel, JudgedBaseline, JudgeRecord, JudgeSummary
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
from advisor.records.noise import (
    BaselineNoise,
    DifferenceNoise,
    Noise,
    VersionChange,
    VersionShare,
    WithoutDuplicates,
)
from advisor.records.serving import ServingCapacity
from advisor.records.slices import Slice, SliceDimension
from advisor.records.uncertainty import (
    BaselineOdds,
    Information,
    MapPoint,
    MoreExamples,
    Purchase,
    TornadoBar,
    Uncertainty,
)

__all__ = [
    "SCHEMA_VERSION",
    "Agreement",
    "AnswerWord",
    "AtDouble",
    "BaselineKind",
    "BaselineNoise",
    "BaselineOdds",
    "BaselineSummary",
    "BreakEven",
    "CaseFacts",
    "ChatRequest",
    "Comparison",
    "Completion",
    "Cost",
    "CostsOverTime",
    "CurvePoint",
    "Decision",
    "DecisionWord",
    "DifferenceNoise",
    "Elsewhere",
    "ElsewhereResult",
    "Evidence",
    "EvidenceKind",
    "Extensibility",
    "Failure",
    "Finding",
    "Flip",
    "HumanLabel",
    "Information",
    "ItemResult",
    "ItemTable",
    "JudgeRecord",
    "JudgeSummary",
    "JudgedBaseline",
    "Latency",
    "LearningCurve",
    "LearningPoint",
    "LearningStep",
    "LoadPoint",
    "LoadTest",
    "MapPoint",
    "Measured",
    "Message",
    "MonthCost",
    "MoreExamples",
    "Noise",
    "Payback",
    "PowerLaw",
    "PriceUsed",
    "PromptParts",
    "Provenance",
    "Purchase",
    "Quality",
    "Question",
    "ReadinessItem",
    "Record",
    "ResourceDifference",
    "RetrievalQuality",
    "SeedQuality",
    "SeedRun",
    "SeedSpread",
    "ServingCapacity",
    "SettingTrial",
    "Slice",
    "SliceDimension",
    "StoppedEarly",
    "Tokens",
    "TornadoBar",
    "TuningRecord",
    "Uncertainty",
    "Usage",
    "Verdict",
    "VersionChange",
    "VersionShare",
    "WithoutDuplicates",
]
