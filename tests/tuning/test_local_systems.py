"""TRL and AutoTrain from the case to the evaluated model, as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("trl")

from advisor import workflow
from advisor.errors import MissingExtraError, TuningError
from tests.conftest import CliResult, write_case
from tests.tiny_model import save_tiny_model

SYSTEMS = [
    pytest.param("trl", marks=pytest.mark.local),
    pytest.param("autotrain", marks=[pytest.mark.local, pytest.mark.slow]),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def local_case(folder: Path, model: Path, system: str, **tuning: Any) -> Path:
    """A little case whose fine-tuned baseline is the tiny model, tuned by a system of this machine."""
    if system == "autotrain":
        from advisor.tuning._autotrain_runner import environment

        try:
            environment()
        except (MissingExtraError, TuningError) as error:
            pytest.skip(f"AutoTrain cannot be installed here: {error.message}")
    settings = {"system": system, "learning_rate": 1e-2, **tuning}
    serving = {"usd_per_hour": 0.05}
    return write_case(
        folder,
        changes={
            "models": {"tiny": {"provider": "huggingface", "model": str(model), "serving": serving}},
            "baselines": [
                {"name": "zero_shot", "kind": "zero_shot", "model": "tiny"},
                {"name": "fine_tuned", "kind": "fine_tuned", "model": "tiny", "tuning": settings},
            ],
        },
    )


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_run_tunes_asks_and_decides_and_a_second_one_does_nothing(
    system: str, model: Path, tmp_path: Path
) -> None:
    # AutoTrain learns prompts and filling as well, so the answers come later
    epochs = 12 if system == "trl" else 40
    case = local_case(tmp_path / "case", model, system, epochs=epochs)
    outcome = workflow.run(case)
    plain, tuned = outcome.decision.baselines
    assert outcome.failed == 0
    assert (tuned.name, tuned.n) == ("fine_tuned", 60)
    assert tuned.quality.value is not None and plain.quality.value is not None
    assert tuned.quality.value > plain.quality.value + 0.2  # a few words tell the labels apart
    (record_file,) = case.glob(".advisor/tuning/*/record.json")
    record = json.loads(record_file.read_text(encoding="utf-8"))
    assert record["system"] == system
    assert record["n_examples"] == 24  # a fifth is set aside to choose by
    assert record["epochs"] == epochs
    assert record["loss"][0][1] > 1.5 * record["loss"][-1][1]

    kept = {p: p.stat().st_mtime_ns for p in case.glob(".advisor/tuning/**/*") if p.is_file()}
    again = workflow.run(case)
    assert again.calls_made == 0
    assert again.decision.baselines == outcome.decision.baselines
    assert {p for p in kept if p.stat().st_mtime_ns != kept[p]} <= {record_file.parent / "lock"}


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_job_by_itself_from_the_command_line(
    system: str,
    model: Path,
    tmp_path: Path,
    cli: Callable[..., CliResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    local_case(tmp_path / "case", model, system, epochs=2)
    monkeypatch.chdir(tmp_path)  # a reader gives the case as a relative path

    prepared = cli("tune", "prepare", "case")
    train, validation = (tmp_path / line for line in prepared.out.split())
    assert len(train.read_text(encoding="utf-8").splitlines()) == 24
    line = json.loads(validation.read_text(encoding="utf-8").splitlines()[0])
    assert [m["role"] for m in line["messages"]] == ["system", "user", "assistant"]

    checked = cli("tune", "check", "case")
    assert checked.code == 0
    assert "few_examples" in checked.out
    assert ("no longer maintained" in checked.out) == (system == "autotrain")

    estimated = cli("tune", "estimate", "case", "--json").json[0]["estimate"]
    assert estimated["n_examples"] == 24
    assert estimated["seconds"] == pytest.approx(
        estimated["trained_tokens"] / (700 if system == "trl" else 230)
    )
    assert estimated["trained_tokens"] == 2 * estimated["tokens_per_epoch"] > 0
    assert cli("tune", "status", "case").out.startswith(f"fine_tuned ({system}): prepared")

    started = cli("tune", "start", "case")
    assert started.code == 0, started.err
    assert "succeeded" in started.out
    after = cli("tune", "status", "case", "--json").json[0]
    assert after["state"]["word"] == "succeeded"
    assert Path(after["state"]["model"]).resolve().joinpath("adapter_config.json").is_file()
    # the tokenizer that estimates is the one that trains
    assert after["record"]["tokens"] == pytest.approx(estimated["trained_tokens"], rel=0.1)


def test_what_autotrain_cannot_do_is_refused_before_anything_is_started(
    model: Path, tmp_path: Path, cli: Callable[..., CliResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "empty"))
    for settings in ({"epochs": 1.5}, {"method": "full"}, {"early_stopping": 1}, {"processes": 2}):
        case = write_case(
            tmp_path / "case",
            changes={
                "models": {"tiny": {"provider": "huggingface", "model": str(model)}},
                "baselines": [
                    {"name": "zero_shot", "kind": "zero_shot", "model": "tiny"},
                    {
                        "name": "tuned",
                        "kind": "fine_tuned",
                        "model": "tiny",
                        "tuning": {"system": "autotrain", **settings},
                    },
                ],
            },
        )
        checked = cli("tune", "check", case)
        assert checked.code == 1
        assert "error: unsupported: AutoTrain" in checked.out
        assert cli("tune", "start", case).code != 0
    assert not (tmp_path / "empty").exists()  # no environment was made for it
