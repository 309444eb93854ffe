"""What would turn the verdict: where another one begins, where it ends, and what a range hides."""

from __future__ import annotations

from advisor.cases.numbers import Range
from advisor.cases.schema import Case
from advisor.decision.decide import decide
from advisor.records import Flip
from tests.decision.evidence import hits, make_case, make_evidence

NAMES = ("few_shot", "fine_tuned")
RIGHT = {"few_shot": hits(0.60, 1000, shift=3), "fine_tuned": hits(0.70, 1000)}
NO_BAR = {"metric": "accuracy", "min_gain": 0.02}


def flips(case: Case, right: dict[str, list[float]] = RIGHT) -> dict[str, Flip]:
    return {f.parameter: f for f in decide(make_evidence(case, right)).verdict.flips}


def test_a_range_that_hides_the_verdict_of_its_likely_value_says_so() -> None:
    wide = Range(low=0.01, likely=0.35, high=0.5).model_dump()
    case = make_case(NAMES, value={"correct_usd": wide}, quality=NO_BAR)
    assert decide(make_evidence(case, RIGHT)).verdict.decision == "not_yet"
    flip = flips(case)["value.correct_usd"]
    assert (flip.now, flip.at, flip.decision) == (0.35, 0.35, "fine_tune")
    sure = make_case(NAMES, value={"correct_usd": 0.35}, quality=NO_BAR)
    assert decide(make_evidence(sure, RIGHT)).verdict.decision == "fine_tune"


def test_a_flip_ends_where_yet_another_verdict_begins() -> None:
    right = {"few_shot": hits(0.80, 1000, shift=3), "fine_tuned": hits(0.90, 1000)}

    def decision(bar: float) -> str:
        case = make_case(NAMES, quality={"metric": "accuracy", "bar": bar, "min_gain": 0.02})
        return decide(make_evidence(case, right), sensitivity=False).verdict.decision

    # above few-shot's 80 % only the tuned model reaches the bar, and above its 90 % none does
    flip = flips(make_case(NAMES, quality={"metric": "accuracy", "bar": 0.7, "min_gain": 0.02}), right)[
        "quality.bar"
    ]
    assert (flip.decision, flip.recommended) == ("fine_tune", "fine_tuned")
    assert flip.at is not None and 0.80 < flip.at < 0.801
    assert flip.until is not None and 0.899 < flip.until <= 0.90 + 1e-6
    assert [decision(b) for b in (0.8, flip.at, flip.until, 0.91)] == [
        "do_not_fine_tune", "fine_tune", "fine_tune", "not_yet",
    ]  # fmt: skip


def test_a_flip_that_holds_to_the_end_has_none() -> None:
    quality = {"metric": "accuracy", "bar": 0.85, "min_gain": 0.02}
    flip = flips(make_case(NAMES, value={"correct_usd": 0.35}, quality=quality))["quality.bar"]
    assert (flip.decision, flip.until) == ("fine_tune", None)


def test_the_only_worth_is_not_moved_to_nothing() -> None:
    for value in ({"correct_usd": 0.35}, {"wrong_usd": -0.35}):
        flip = flips(make_case(NAMES, value=value, quality=NO_BAR))[f"value.{next(iter(value))}"]
        assert flip.at and (flip.until is None or abs(flip.until) > 0.01)


def test_every_hour_that_can_turn_the_verdict_is_moved() -> None:
    case = make_case(NAMES, value={"correct_usd": 0.35}, quality=NO_BAR)
    assert {"effort.data_hours", "effort.evaluation_hours", "effort.refinement_hours"} <= set(flips(case))
