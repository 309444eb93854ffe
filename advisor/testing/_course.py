"""How a training goes: steps, epochs and losses. Simulated: the figures only look like those of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from advisor.testing._training_data import default_epochs

_EXAMPLES_PER_BATCH_STEP = 256
_MAX_BATCH = 256
_AUTO_LEARNING_RATE = 2.0
_REPORTED_STEPS = 50


@dataclass(frozen=True)
class Course:
    """The course of a training of `n_examples`, with the hyperparameters asked for (`auto` or a number)."""

    n_examples: int
    asked: Mapping[str, Any]
    seed: int
    validated: bool
    """Whether there is a validation file, and so losses on it."""

    @cached_property
    def hyperparameters(self) -> dict[str, Any]:
        """What was asked for, with `auto` resolved to numbers."""
        auto = {
            "n_epochs": default_epochs(self.n_examples),
            "batch_size": max(1, min(_MAX_BATCH, self.n_examples // _EXAMPLES_PER_BATCH_STEP)),
            "learning_rate_multiplier": _AUTO_LEARNING_RATE,
        }
        return {name: auto[name] if self.asked[name] == "auto" else self.asked[name] for name in auto}

    @property
    def n_epochs(self) -> int:
        """How often the examples are gone through."""
        return int(self.hyperparameters["n_epochs"])

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of one epoch."""
        return math.ceil(self.n_examples / int(self.hyperparameters["batch_size"]))

    @property
    def n_steps(self) -> int:
        """Optimiser steps of the whole training."""
        return self.steps_per_epoch * self.n_epochs

    def metrics(self, step: int) -> dict[str, float]:
        """Loss and accuracy after a step: falling as they do in practice, with a little noise."""
        done = step / self.n_steps
        noise = sha256(f"{self.seed}:{step}".encode()).digest()[0] / 255 * 0.06
        loss = 0.12 + 1.7 * math.exp(-3.5 * done) + noise
        metrics = {
            "step": float(step),
            "train_loss": round(loss, 4),
            "train_mean_token_accuracy": round(math.exp(-loss / 2), 4),
        }
        if self.validated:
            held = loss + 0.05 + 0.15 * done
            metrics |= {
                "valid_loss": round(held, 4),
                "valid_mean_token_accuracy": round(math.exp(-held / 2), 4),
                "full_valid_loss": round(held + 0.01, 4),
                "full_valid_mean_token_accuracy": round(math.exp(-(held + 0.01) / 2), 4),
            }
        return metrics

    def reported_steps(self) -> list[int]:
        """The steps of which events and the result file tell: some fifty, the last among them."""
        stride = max(1, self.n_steps // _REPORTED_STEPS)
        return [*range(stride, self.n_steps, stride), self.n_steps]

    def results_csv(self) -> str:
        """The result file of a job."""
        rows = [self.metrics(step) for step in self.reported_steps()]
        names = list(rows[0])
        lines = [",".join(names), *(",".join(str(row[name]) for name in names) for row in rows)]
        return "\n".join(lines) + "\n"
