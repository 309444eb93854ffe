"""What all records share, and the words that the outside knows."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

BaselineKind = Literal["zero_shot", "few_shot", "rag", "fine_tuned", "classifier"]
EvidenceKind = Literal["measured", "estimated", "declared"]
DecisionWord = Literal["fine_tune", "do_not_fine_tune", "not_yet"]
AnswerWord = Literal["yes", "no", "unclear"]


class Record(BaseModel):
    """A frozen value; unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
