"""The tutorials for systems of this machine do what they say: their commands are run, as a reader would."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from advisor.errors import MissingExtraError, TuningError
from tests.docs.blocks import shell_blocks

PAGES = Path(__file__).parents[2] / "docs" / "tutorials"
LONGEST_S = 600.0

pytestmark = [pytest.mark.slow, pytest.mark.local]


def follow(page: str, folder: Path) -> list[str]:
    """Runs a page's commands in order; returns what each block said."""
    pytest.importorskip("trl")
    environment = {
        **{k: v for k, v in os.environ.items() if k != "ADVISOR_STORE"},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    }
    said = []
    for block in shell_blocks(PAGES / page):
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=LONGEST_S,
                check=False,
            )
            output.seek(0)
            said.append(output.read())
        assert done.returncode == 0, f"{block}\n{said[-1]}"
    return said


def test_trl(tmp_path: Path) -> None:
    data, training, evaluation, result = follow("trl.md", tmp_path)
    assert "fine_tuned (trl):\n  Nothing to complain of." in data
    assert "81 examples; 19,383 tokens × 1 epochs" in training
    assert "fine_tuned (trl): succeeded" in training
    assert "10 held-out items carry no verdict" in evaluation
    assert "zero_shot · held-out: 10/10" in evaluation
    assert "training" not in evaluation.split("╭", 1)[0]  # it is not trained again
    for name in ("adapter_model.safetensors", "model.safetensors", "README.md", "tokenizer.json"):
        assert name in result


def test_autotrain(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    from advisor.tuning._autotrain_runner import environment

    try:
        environment()
    except (MissingExtraError, TuningError) as error:
        pytest.skip(f"AutoTrain cannot be installed here: {error.message}")
    checked, training, written, evaluation = follow("autotrain.md", tmp_path)
    assert "warning: not_maintained: AutoTrain Advanced is no longer maintained" in checked
    assert "32 examples; 7,646 tokens × 1 epochs" in training
    assert training.count("fine_tuned (autotrain): succeeded") == 2  # start and status
    assert "task: llm-sft" in written
    assert "config.yml" in written and "adapter_model.safetensors" in written
    assert "10 held-out items carry no verdict" in evaluation
    assert "zero_shot · held-out: 10/10" in evaluation
