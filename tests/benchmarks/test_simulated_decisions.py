"""The advice in made-up decisions whose truth is known: small versions of the benchmarks."""

from __future__ import annotations

import pytest

from advisor.decision.stakes import stakes
from advisor.decision.summary import accounts_of, summarise_findings
from advisor.economics.drivers import drivers_of, with_values
from benchmarks.decision import families, regret
from benchmarks.decision.regret import draw


@pytest.mark.parametrize("seed", range(25))
def test_the_package_and_plain_loops_agree_on_what_every_choice_is_worth(seed: int) -> None:
    world = draw(seed)
    evidence = world.evidence(50)
    drivers = with_values(drivers_of(evidence.case), {"traffic.requests_per_month": world.volume})
    money = stakes(accounts_of(evidence, summarise_findings(evidence)), drivers)
    for arm in world.arms:
        found = money.net_benefit(arm.name, arm.quality)
        assert found == pytest.approx(world.net_benefit(arm), rel=1e-6, abs=1e-6), arm


@pytest.mark.slow
def test_following_the_advice_pays_more_than_every_simple_rule() -> None:
    found = regret.simulate(120)["rules"]
    shares = {rule: row["net_benefit_share_of_oracle"] for rule, row in found.items()}
    assert shares["advisor"] >= 0.97
    rules = set(shares) - {"oracle", "advisor", "highest net benefit, no statistics"}
    assert len(rules) == 5
    assert all(shares["advisor"] > shares[rule] for rule in rules)


@pytest.mark.slow
@pytest.mark.parametrize("family", [(1, 1), (7, 1), (3, 3), (1, 7)])
def test_tuning_is_seldom_called_better_when_nothing_differs(family: tuple[int, int]) -> None:
    # 80 worlds of a rate of 5 % give at most 8 with 98 %
    assert max(families.count(family, 100, 80).values()) <= 8 / 80
