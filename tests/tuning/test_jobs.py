"""A tuning job is known by what decides its result."""

from __future__ import annotations

import pytest

from advisor.cases.baseline_spec import TuningSpec
from advisor.cases.model_spec import ModelSpec, Serving
from advisor.records import Message
from advisor.tuning.base import TuningJob, TuningSettings

EXAMPLE = ((Message(role="system", content="Say it."), Message(role="user", content="x")), "y")
JOB = TuningJob(base=ModelSpec(provider="embedded", model="m"), base_version="m@1", examples=(EXAMPLE,))


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    # golden value: a change of it makes users pay for every tuning once more, so it must be meant
    assert JOB.fingerprint == "2de938280cae4ad5ef0e1b72e3b0c5e9c7de0dd12cf85ee6c2eeb53b843b3479"
    assert JOB.model_version == f"m@1+{JOB.fingerprint[:16]}"


@pytest.mark.parametrize(
    "change",
    [
        {"base_version": "m@2"},
        {"examples": (EXAMPLE, EXAMPLE)},
        {"dev": (EXAMPLE,)},
        {"settings": TuningSettings(seed=1)},
        {"settings": TuningSettings(learning_rate=1e-3)},
    ],
)
def test_what_decides_the_result_changes_the_fingerprint(change: dict[str, object]) -> None:
    assert JOB.model_copy(update=change).fingerprint != JOB.fingerprint


def test_prices_and_hosting_do_not_change_the_fingerprint() -> None:
    hosted = ModelSpec(provider="embedded", model="m", serving=Serving(usd_per_hour=1.0))
    assert JOB.model_copy(update={"base": hosted}).fingerprint == JOB.fingerprint


def test_a_case_overrides_the_defaults_one_by_one() -> None:
    given = TuningSettings.from_spec(TuningSpec(system="trl", rank=8, epochs=2))
    assert given == TuningSettings(rank=8, alpha=16, epochs=2)
    assert TuningSettings.from_spec(TuningSpec(system="trl")) == TuningSettings()
