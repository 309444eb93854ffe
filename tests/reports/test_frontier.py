"""Who betters whom is said in words, with both figures, and how surely."""

from __future__ import annotations

import pytest

from advisor.records import Decision
from advisor.reports.frontier import Axis, frontier_lines, latency_limit
from tests.reports.decisions import full_decision, hostile_decision, sparse_decision


def with_figures(*rows: tuple[str, float | None, float | None, float | None]) -> Decision:
    """Baselines by (name, quality, USD per 1,000, p95)."""
    full = full_decision()
    template = full.baselines[0]
    baselines = tuple(
        template.model_copy(
            update={
                "name": name,
                "quality": template.quality.model_copy(update={"value": value, "ci95": None}),
                "cost_usd": template.cost_usd.model_copy(update={"per_1k_requests": cost}),
                "latency_s": template.latency_s.model_copy(update={"p95": p95}),
            }
        )
        for name, value, cost, p95 in rows
    )
    return full.model_copy(update={"baselines": baselines, "comparisons": ()})


def test_what_is_bettered_is_said_with_both_figures() -> None:
    decision = with_figures(("classifier", 0.80, 0.01, 0.1), ("few_shot", 0.74, 0.05, 1.2))
    lines = frontier_lines(decision, "per_1k")
    assert (
        "classifier costs less and is better than few_shot ($0.01 against $0.05; 80.0% against 74.0%)."
        in lines
    )
    assert any(
        line.startswith("classifier is faster and is better") for line in frontier_lines(decision, "latency")
    )


def test_a_difference_within_the_noise_is_said_to_be() -> None:
    full = full_decision()
    decision = with_figures(("fine_tuned", 0.91, 0.01, 0.1), ("classifier", 0.88, 0.05, 1.2))
    said = frontier_lines(decision.model_copy(update={"comparisons": full.comparisons}), "per_1k")
    assert any("within the noise" in line for line in said)


def test_as_good_and_cheaper_is_not_called_better() -> None:
    lines = frontier_lines(with_figures(("a", 0.8, 0.01, None), ("b", 0.8, 0.05, None)), "per_1k")
    assert any("a costs less and is as good as b" in line for line in lines)


def test_the_unknown_is_named_and_betters_nobody() -> None:
    lines = frontier_lines(with_figures(("a", 0.8, 0.01, 1.0), ("b", 0.9, None, None)), "per_1k")
    assert lines == ["Cost per 1,000 requests or quality is unknown: b."]


def test_who_is_over_the_latency_limit_is_said() -> None:
    decision = with_figures(("a", 0.8, 0.01, 1.0), ("b", 0.9, 0.02, 3.0))
    facts = decision.facts.model_copy(update={"assumptions": {"constraints": {"latency_p95_s": 2}}})
    limited = decision.model_copy(update={"facts": facts})
    assert latency_limit(limited) == 2.0
    assert frontier_lines(limited, "latency")[-1] == "The case allows 2 s at p95; over it: b (3 s)."


@pytest.mark.parametrize("axis", ["per_1k", "total", "latency"])
def test_nothing_known_says_so_and_hostile_names_stay_in_one_line(axis: Axis) -> None:
    assert all("unknown" in line for line in frontier_lines(sparse_decision(), axis))
    assert all("\n" not in line and "\x1b" not in line for line in frontier_lines(hostile_decision(), axis))
