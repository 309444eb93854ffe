"""Two seeds and two parts of the data with TRL, from the case to the decision, on a model of a few kilobytes."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("trl")

from advisor import workflow
from tests.conftest import write_case
from tests.tiny_model import save_tiny_model


@pytest.mark.slow
def test_seeds_and_parts_are_trained_here(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "tiny")
    tuning = {
        "system": "trl",
        "epochs": 1,
        "learning_rate": 5e-3,
        "seeds": [1],
        "learning_curve": [0.25, 0.5],
    }
    case = write_case(
        tmp_path / "c",
        n_train=30,
        n_held_out=12,
        changes={
            "models": {
                "m": {"provider": "huggingface", "model": str(model), "serving": {"usd_per_hour": 0.05}}
            },
            "baselines": [
                {"name": "zero_shot", "kind": "zero_shot", "model": "m"},
                {"name": "fine_tuned", "kind": "fine_tuned", "model": "m", "tuning": tuning},
            ],
            "effort": {"hourly_rate_usd": 60, "label_minutes_per_example": 1},
        },
    )
    outcome = workflow.run(case)
    assert outcome.exit_code == 0
    curve, spread = outcome.decision.learning_curve, outcome.decision.seed_spread
    assert curve is not None
    assert spread is not None
    assert [p.n_examples for p in curve.points] == [0, 6, 12, 24]
    assert curve.at_double is not None
    assert curve.at_double.labelling_usd == pytest.approx(24.0)
    assert curve.at_double.price_usd is not None
    assert [r.seed for r in spread.runs] == [0, 1]

    folders = sorted((case / ".advisor" / "tuning").iterdir())
    assert len(folders) == 4
    written = {f: (f / "record.json").stat().st_mtime_ns for f in folders}
    again = workflow.run(case)
    assert again.calls_made == 0
    assert {f: (f / "record.json").stat().st_mtime_ns for f in folders} == written, "nothing is trained again"
    assert again.decision.learning_curve == curve
