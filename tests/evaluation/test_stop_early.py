"""A run that may stop early: fewer calls on a clear case, the same verdict, and the rest is paid later, once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from advisor.cases.schema import Example
from advisor.errors import UsageError
from advisor.evaluation.looks import FIRST_LOOK, INTERRUPTED, asking_order, next_look, parts
from advisor.testing import ContractServer
from advisor.workflow.rehearsal import keys
from tests.conftest import WORDS, ScriptedModel, write_case
from tests.hosted_case import SYSTEMS, hosted_case, n_of, shorten, standing

N = 300
BASELINES = [
    {"name": "zero_shot", "kind": "zero_shot", "model": "small"},
    {"name": "few_shot", "kind": "few_shot", "model": "small", "examples": 2},
    {
        "name": "fine_tuned",
        "kind": "fine_tuned",
        "model": "small",
        "tuning": {"system": "existing", "model": "tuned"},
    },
]


def label_of(text: str) -> str:
    return next(label for label, words in WORDS.items() if text.split()[0] in words)


def answers(share: float, salt: str) -> Callable[[Any], str]:
    """Right for a share of the messages, the same ones each time."""

    def answer(request: Any) -> str:
        text = request.messages[-1].content
        drawn = int(hashlib.sha256(f"{salt}{text}".encode()).hexdigest(), 16) % 1000 / 1000
        right = label_of(text)
        return right if drawn < share else {"other": "payment"}.get(right, "other")

    return answer


class Models:
    """The case's model and its tuned variant, scripted."""

    def __init__(self, base: float, tuned: float) -> None:
        self.base = ScriptedModel(answers(base, "base"), version="base@1", batch=8)
        self.tuned = ScriptedModel(answers(tuned, "tuned"), version="tuned@1", batch=8)
        self.opened = 0

    def open(self, spec: Any, adapter: str | None = None) -> ScriptedModel:
        self.opened += adapter is not None
        return self.base if adapter is None else self.tuned

    @property
    def calls(self) -> list[str]:
        """The message of each call, with who was asked."""
        return [
            f"{m.version} {len(c.messages)} {c.messages[-1].content} {c.repeat}"
            for m in (self.base, self.tuned)
            for c in m.calls
        ]


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], Models]:
    def use(base: float, tuned: float) -> Models:
        found = Models(base, tuned)
        for module in ("advisor.evaluation.session", "advisor.evaluation.plan", "advisor.evaluation.tuned"):
            monkeypatch.setattr(f"{module}.open_model", found.open)
        return found

    return use


def case_at(folder: Path, n: int = N, **changes: Any) -> Path:
    quality = {"metric": "accuracy", "min_gain": 0.02}
    return write_case(folder, n_held_out=n, changes={"baselines": BASELINES, "quality": quality, **changes})


@pytest.mark.parametrize(
    ("base", "tuned", "decision"), [(0.5, 0.95, "fine_tune"), (0.9, 0.5, "do_not_fine_tune")]
)
def test_a_clear_case_stops_early_with_the_verdict_of_a_full_run(
    tmp_path: Path, models: Any, base: float, tuned: float, decision: str
) -> None:
    found = models(base, tuned)
    early = workflow.run(case_at(tmp_path / "early"), stop_early=True)
    paid = len(found.calls)
    assert early.decision.verdict.decision == decision
    ended = early.decision.stopped_early
    assert ended is not None
    assert (ended.of, ended.asked < N / 2) == (N, True)
    assert {b.n for b in early.decision.baselines} == {ended.asked}
    assert early.calls_made == paid
    assert found.opened == 1, "a tuned model is loaded once, not at every look"

    full = workflow.run(case_at(tmp_path / "full"))
    assert full.decision.verdict.decision == decision
    assert full.decision.stopped_early is None
    assert paid < 0.5 * full.calls_made


def test_the_rest_is_asked_later_and_nothing_is_paid_twice(tmp_path: Path, models: Any) -> None:
    found = models(0.5, 0.95)
    case = case_at(tmp_path / "c")
    early = workflow.run(case, stop_early=True)
    again = workflow.run(case, stop_early=True)
    assert again.calls_made == 0
    assert again.decision.stopped_early == early.decision.stopped_early
    assert again.decision.baselines == early.decision.baselines

    full = workflow.run(case)
    assert {b.n for b in full.decision.baselines} == {N}
    assert full.decision.stopped_early is None
    assert {c.test for c in full.decision.comparisons} == {"exact McNemar"}
    assert len(set(found.calls)) == len(found.calls), "no call was made twice"

    other = models(0.5, 0.95)
    undisturbed = workflow.run(case_at(tmp_path / "other"))
    assert full.decision.comparisons == undisturbed.decision.comparisons
    assert sorted(found.calls) == sorted(other.calls)
    assert workflow.run(case, stop_early=True).decision.stopped_early is None, "all is there already"


def test_what_stopped_early_has_intervals_that_hold_at_any_time(tmp_path: Path, models: Any) -> None:
    """They are wider than those of as many items that were fixed beforehand, and say what they are."""
    models(0.5, 0.95)
    early = workflow.run(case_at(tmp_path / "early"), stop_early=True).decision
    assert early.stopped_early is not None
    assert {c.test for c in early.comparisons} == {"betting, valid at any time"}
    from advisor.statistics.intervals import proportion_interval

    for row in early.baselines:
        assert row.quality.value is not None
        assert row.quality.ci95 is not None
        low, high = proportion_interval(round(row.quality.value * row.n), row.n)
        assert row.quality.ci95[0] < low < high < row.quality.ci95[1]
    assert early.verdict.confidence is not None
    assert early.verdict.confidence <= 0.95


def test_an_open_verdict_asks_all_and_is_that_of_a_full_run(tmp_path: Path, models: Any) -> None:
    models(0.7, 0.72)
    early = workflow.run(case_at(tmp_path / "early", 120), stop_early=True).decision
    full = workflow.run(case_at(tmp_path / "full", 120)).decision
    assert early.stopped_early is None
    assert {b.n for b in early.baselines} == {120}
    assert (early.verdict, early.comparisons) == (full.verdict, full.comparisons)


def test_a_bar_within_reach_of_noise_keeps_the_run_going(tmp_path: Path, models: Any) -> None:
    """The tuned model is clearly better, but whether an alternative reaches the bar already is not settled."""
    models(0.8, 0.99)
    near = case_at(tmp_path / "near", 200, quality={"metric": "accuracy", "bar": 0.8, "min_gain": 0.02})
    far = case_at(tmp_path / "far", 200, quality={"metric": "accuracy", "bar": 0.5, "min_gain": 0.02})
    assert workflow.run(near, stop_early=True).decision.stopped_early is None
    ended = workflow.run(far, stop_early=True).decision
    assert ended.stopped_early is not None
    assert ended.verdict.decision == "do_not_fine_tune", "both reach it, and tuning costs more"


@pytest.mark.parametrize("at", [1, 37, 100, 141])
def test_killed_it_goes_on_in_the_same_order_and_ends_alike(tmp_path: Path, models: Any, at: int) -> None:
    class Died(BaseException):
        """As a kill: no handler of the program sees it coming."""

    calm = models(0.55, 0.9)
    expected = workflow.run(case_at(tmp_path / "calm"), stop_early=True).decision
    found = models(0.55, 0.9)
    right = found.tuned.answer

    def dies(request: Any) -> str:
        if len(found.tuned.calls) == at:
            found.tuned.answer = right
            raise Died
        return str(right(request))

    found.tuned.answer = dies
    case = case_at(tmp_path / "c")
    if at < sum("tuned" in c for c in calm.calls):
        with pytest.raises(Died):
            workflow.run(case, stop_early=True)
    ended = workflow.run(case, stop_early=True).decision
    assert ended.stopped_early == expected.stopped_early
    assert ended.comparisons == expected.comparisons
    assert set(found.calls) == set(calm.calls)


def test_what_an_interrupted_run_leaves_says_so(tmp_path: Path, models: Any) -> None:
    """Or its results would pass for those of a number of items that was fixed beforehand."""
    found = models(0.7, 0.75)
    right = found.base.answer

    def stops(request: Any) -> str:
        if len(found.base.calls) > 200:
            raise KeyboardInterrupt
        return str(right(request))

    found.base.answer = stops
    case = case_at(tmp_path / "c")
    with pytest.raises(KeyboardInterrupt):
        workflow.run(case, stop_early=True)
    left = workflow.decide(case)
    assert left.stopped_early is not None
    assert left.stopped_early.reason == INTERRUPTED
    assert {c.test for c in left.comparisons} == {"betting, valid at any time"}
    found.base.answer = right
    assert workflow.run(case).decision.stopped_early is None


def test_the_budget_may_end_it_between_two_looks(tmp_path: Path, models: Any) -> None:
    found = models(0.7, 0.75)
    priced = {"small": {"provider": "x", "model": "m", "prices": {"input": 10.0, "output": 10.0}}}
    case = case_at(tmp_path / "c", models=priced)
    outcome = workflow.run(case, stop_early=True, budget_usd=0.15)
    assert outcome.exit_code == 4
    assert 0 < outcome.spent_usd <= 0.15
    assert outcome.decision.stopped_early is not None
    assert len(found.calls) == outcome.calls_made


@pytest.mark.parametrize(
    ("options", "metric", "word"),
    [
        ({"use_batches": True}, "accuracy", "--batch"),
        ({"limit": 10}, "accuracy", "--limit"),
        ({}, "macro_f1", "macro_f1"),
    ],
)
def test_what_cannot_be_combined_is_said(
    tmp_path: Path, models: Any, options: dict[str, Any], metric: str, word: str
) -> None:
    found = models(0.5, 0.9)
    case = case_at(tmp_path / "c", quality={"metric": metric})
    with pytest.raises(UsageError, match=word):
        workflow.run(case, stop_early=True, **options)
    assert found.calls == []


def test_every_form_of_the_report_says_where_it_stopped(tmp_path: Path, models: Any, cli: Any) -> None:
    models(0.5, 0.95)
    case = case_at(tmp_path / "c")
    ran = cli("run", case, "--stop-early")
    ended = workflow.decide(case).stopped_early
    assert ended is not None
    asked = ended.asked
    text = f"{asked} of {N} held-out items"
    assert text in " ".join(ran.out.replace("│", " ").split())
    assert "to ask the rest: advisor run" in ran.err
    assert not any("was measured on" in w for w in workflow.decide(case).warnings)
    for form in ("md", "html"):
        path = workflow.report(case, format=form, output=tmp_path / "reports")
        assert text in " ".join(path.read_text(encoding="utf-8").split())
    assert cli("decide", case, "--json").json["stopped_early"]["asked"] == asked
    assert cli("run", "--help").out.count("--stop-early") == 1


def test_exported_results_still_say_that_they_stopped_early(tmp_path: Path, models: Any, cli: Any) -> None:
    models(0.5, 0.95)
    case = case_at(tmp_path / "c")
    measured = workflow.run(case, stop_early=True).decision
    assert cli("export", case).code == 0
    copy = case_at(tmp_path / "copy")
    for name in ("results.jsonl", "results.about.json"):
        (copy / name).write_bytes((case / name).read_bytes())
    recorded = workflow.decide(copy)
    assert recorded.stopped_early == measured.stopped_early
    assert recorded.comparisons == measured.comparisons


def examples(n: int, group: int = 1) -> list[Example]:
    return [
        Example(id=f"h{i}", input="x", output="y", group=f"g{i // group}" if group > 1 else None)
        for i in range(n)
    ]


def test_the_order_is_not_the_files_and_does_not_depend_on_it() -> None:
    held_out = examples(400)
    order = [e.id for unit in asking_order(held_out, 0) for e in unit]
    assert sorted(order) == sorted(e.id for e in held_out)
    assert order != [e.id for e in held_out]
    assert order == [e.id for unit in asking_order(held_out[::-1], 0) for e in unit]
    assert order != [e.id for unit in asking_order(held_out, 1) for e in unit]
    # a sorted file: each half of it has its share in the first part
    first = next(iter(parts(held_out, 0)))
    assert 8 <= sum(int(e.id[1:]) < 200 for e in first) <= 22


def test_parts_grow_hold_one_another_and_keep_groups_whole() -> None:
    held_out = examples(500, group=7)
    found = list(parts(held_out, 3))
    assert found[-1] == tuple(held_out)
    assert len(found[0]) >= FIRST_LOOK
    position = {e.id: i for i, e in enumerate(held_out)}
    for before, after in pairwise(found):
        assert set(before) < set(after)
        assert [position[e.id] for e in after] == sorted(position[e.id] for e in after)
    for part in found:
        groups = {e.group for e in part}
        assert all(e in part for e in held_out if e.group in groups)
    assert len(found) < 15
    assert list(parts(examples(20), 0)) == [tuple(examples(20))], "too few to look at twice"
    assert (next_look(30), next_look(400)) == (50, 500)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractServer]:
    shorten(monkeypatch)
    with ContractServer(training_s=0.05, provisioning_s=0.02) as running, keys(running):
        yield running


@pytest.mark.parametrize("system", SYSTEMS)
def test_over_a_real_socket_it_asks_less_and_the_full_run_pays_the_rest(
    tmp_path: Path, server: ContractServer, system: str
) -> None:
    """A hosted tuned model that learned its task, against a base model that guesses."""
    quality = {"metric": "accuracy", "min_gain": 0.02}
    tuned = {"name": "fine_tuned", "kind": "fine_tuned", "model": "m", "tuning": {"system": system}}
    baselines = [
        {"name": "zero_shot", "kind": "zero_shot", "model": "m"},
        {"name": "few_shot", "kind": "few_shot", "model": "m", "examples": 1, "selection": "fixed"},
        tuned,
    ]
    changes = {"quality": quality, "baselines": baselines}
    n = 150
    case = hosted_case(tmp_path / "c", server, system, n_train=60, n_held_out=n, changes=changes)
    early = workflow.run(case, stop_early=True)
    ended = early.decision.stopped_early
    assert ended is not None
    assert ended.asked < n / 2
    assert early.calls_made == 3 * ended.asked
    assert standing(server) == [], "a deployment is removed once the run ends"
    deployed = [r for r in server.requests if r.method == "PUT" and "deployments" in r.path]
    assert len(deployed) == (1 if system == "azure_openai" else 0), "one deployment for all looks"

    full = workflow.run(case)
    assert full.decision.verdict.decision == early.decision.verdict.decision
    assert full.calls_made == 3 * (n - ended.asked)
    # a deployment that is not ready yet is asked once more
    assert n_of(server, "chat") <= 3 * n + 2
    assert len(server.jobs) == 1
    assert server.violations == []
