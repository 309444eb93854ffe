"""Agreement of a judge with people: raw, beyond chance, and by rank."""

from __future__ import annotations

import pytest

from advisor.statistics import agreement


def test_kappa_of_a_textbook_table() -> None:
    # 20 both yes, 15 both no, 5 only the first yes, 10 only the second: po = 0.7, pe = 0.5, kappa = 0.4
    judge = [1.0] * 20 + [0.0] * 15 + [1.0] * 5 + [0.0] * 10
    human = [1.0] * 20 + [0.0] * 15 + [0.0] * 5 + [1.0] * 10
    found = agreement(judge, human, (0.0, 1.0))
    assert (found.n, found.raw) == (50, 0.7)
    assert found.kappa == pytest.approx(0.4)
    assert found.weighted_kappa == pytest.approx(0.4)  # two levels: every miss is the same
    assert found.bias == pytest.approx(-0.1)


def test_near_misses_cost_the_weighted_kappa_little() -> None:
    human = [0.0, 0.25, 0.5, 0.75, 1.0] * 4
    near = [min(1.0, h + 0.25) for h in human]
    found = agreement(near, human, (0.0, 0.25, 0.5, 0.75, 1.0))
    assert found.kappa is not None
    assert found.weighted_kappa is not None
    assert found.kappa < 0.1
    assert found.weighted_kappa > 0.7
    assert found.correlation == pytest.approx(0.973, abs=0.01)
    assert found.bias > 0


def test_what_cannot_be_told_is_none() -> None:
    found = agreement([1.0, 1.0], [1.0, 1.0], (0.0, 1.0))
    assert (found.raw, found.kappa, found.correlation) == (1.0, None, None)


def test_people_may_score_between_the_levels() -> None:
    assert agreement([0.5, 1.0], [0.55, 0.9], (0.0, 0.5, 1.0)).raw == 1.0
