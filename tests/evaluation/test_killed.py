"""Killed at any moment, a run goes on where it stopped and ends as an undisturbed one."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from tests.conftest import write_case

KILLS = 20
ROOT = Path(__file__).parents[2]

# A run in a process of its own, whose model takes its time and writes down every answer that it has given.
PROGRAM = """
import hashlib, sys, time
from pathlib import Path
import advisor.evaluation.session as session
from advisor import workflow
from tests.conftest import ScriptedModel

case, log = Path(sys.argv[1]), Path(sys.argv[2])

def answer(request):
    time.sleep(0.002)
    digest = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    with log.open("a") as file:
        file.write(digest + "\\n")
    return ("delivery", "payment", "other")[int(digest, 16) % 3]

session.open_model = lambda spec, adapter=None: ScriptedModel(answer)
print(workflow.run(case).decision.model_dump_json(include={"baselines", "comparisons", "verdict"}))
"""


def start(case: Path, log: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(case), str(log)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def without_times(text: str) -> Any:
    """The results without what a clock decides."""
    found = json.loads(text)
    for row in found["baselines"]:
        row["latency_s"] = row["cost_usd"] = row["value_usd_over_horizon"] = None
    found["verdict"]["flips"] = None
    return found


@pytest.mark.slow
def test_killed_twenty_times_it_ends_as_an_undisturbed_run(tmp_path: Path) -> None:
    sizes = {"n_train": 60, "n_held_out": 240}
    calm = start(write_case(tmp_path / "calm", **sizes), tmp_path / "calm.log")
    began = time.monotonic()
    expected, errors = calm.communicate(timeout=120)
    took = time.monotonic() - began
    assert calm.returncode == 0, errors

    case = write_case(tmp_path / "case", **sizes)
    rng = random.Random(11)
    logs = [tmp_path / f"log{k}" for k in range(KILLS + 1)]
    killed = 0
    for log in logs[:KILLS]:
        process = start(case, log)
        try:
            process.wait(timeout=rng.uniform(0.3, 1.0) * took)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
    assert killed, "some of the kills must have hit"
    final = start(case, logs[-1])
    out, errors = final.communicate(timeout=120)
    assert final.returncode == 0, errors
    assert without_times(out) == without_times(expected)

    calm_calls = Counter((tmp_path / "calm.log").read_text().split())
    made = [log.read_text().split() if log.exists() else [] for log in logs]
    times = Counter(call for calls in made for call in calls)
    assert set(times) == set(calm_calls)
    assert set(calm_calls.values()) == {1}
    # Only what was in flight when a process died, at most a batch of 4, can have been asked again.
    in_flight = {call for calls in made for call in calls[-4:]}
    assert {call for call, n in times.items() if n > 1} <= in_flight


def test_every_answer_is_in_the_store_before_the_next_batch(tmp_path: Path, scripted: Any) -> None:
    """A run that dies in a model's hands has kept all answers before, and asks for none of them again."""

    class Died(BaseException):
        """As a kill: no handler of the program sees it coming."""

    case = write_case(tmp_path / "c")
    asked = 0

    def answer(request: Any) -> str:
        nonlocal asked
        asked += 1
        assert request not in model.kept, "a kept answer was asked for again"
        if asked % 9 == 0:
            raise Died
        return "other"

    model = scripted(answer)
    for _ in range(200):
        try:
            outcome = workflow.run(case)
            break
        except Died:
            continue
    else:
        pytest.fail("the run never ended")
    assert outcome.decision.baselines[0].n == 60
    assert len(model.kept) == len({r.model_dump_json() for r in model.calls})
