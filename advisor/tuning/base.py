"""What a tuning job is: everything that decides its result, and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field

from advisor.cases.schema import ModelSpec, TuningSpec
from advisor.records import Message, Record

TrainingExample = tuple[tuple[Message, ...], str]
"""Prompt messages, and the completion to learn; see `advisor.prompts.build_training_example`."""


class TuningSettings(Record):
    """How a model is tuned with LoRA; the defaults were measured on small data sets."""

    epochs: Annotated[float, Field(gt=0)] = 4.0
    learning_rate: Annotated[float, Field(gt=0)] = 5e-4
    rank: Annotated[int, Field(gt=0)] = 16
    alpha: Annotated[int, Field(gt=0)] = 32
    batch_size: Annotated[int, Field(gt=0)] = 8
    seed: int = 0

    @classmethod
    def from_spec(cls, spec: TuningSpec) -> TuningSettings:
        """The case's settings, with the defaults where it is silent; alpha stays at twice the rank."""
        given = spec.model_dump(
            include={"epochs", "learning_rate", "rank", "batch_size", "seed"}, exclude_none=True
        )
        if spec.rank is not None:
            given["alpha"] = 2 * spec.rank
        return cls(**given)


class TuningJob(Record):
    """A model to tune, with the examples to learn and those to choose the best epoch by.

    Held-out examples have no place in it.
    """

    base: ModelSpec
    base_version: str
    """The base model's `version`; a job does not run on other weights than those it was planned for."""
    examples: Annotated[tuple[TrainingExample, ...], Field(min_length=1)]
    dev: tuple[TrainingExample, ...] = ()
    settings: TuningSettings = TuningSettings()

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of all that decides the result; prices and hosting of the base model do not."""
        content = self.model_dump(mode="json", exclude={"base"})
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def model_version(self) -> str:
        """The version of the tuned model."""
        return f"{self.base_version}+{self.fingerprint[:16]}"


@runtime_checkable
class TuningProgress(Protocol):
    """Hears how far a job is."""

    def __call__(self, step: int, total_steps: int, loss: float | None, elapsed_s: float, /) -> None:
        """After each step; `elapsed_s` is the training time over all starts."""
