"""The words that every form of the report uses: a decision's figures as sentences."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from advisor.formatting import (
    DASH,
    count,
    difference,
    interval,
    json_text,
    number,
    p_value,
    percent,
    score,
    usd,
)
from advisor.records import BaselineKind, BaselineSummary, BreakEven, Comparison, Decision, DecisionWord, Flip

SIGNIFICANCE = 0.05

VERDICTS: Mapping[DecisionWord, str] = {
    "fine_tune": "Fine-tune",
    "do_not_fine_tune": "Do not fine-tune",
    "not_yet": "Not yet",
}
KINDS: Mapping[BaselineKind, str] = {
    "zero_shot": "instructions only",
    "few_shot": "examples in the prompt",
    "rag": "retrieved passages in the prompt",
    "fine_tuned": "tuned model",
    "classifier": "no language model",
}
STATUSES = {"ready": "ready", "partly": "partly there", "missing": "missing", "not_needed": "not needed"}
ANSWERS = {"yes": "Yes", "no": "No", "unclear": "Unclear"}


def is_fraction(decision: Decision) -> bool:
    """Whether the metric runs from 0 to 1, as far as its values show, and is thus told in per cent."""
    values = [b.quality.value for b in decision.baselines] + [decision.facts.bar]
    return all(0 <= v <= 1 for v in values if v is not None)


def score_with_interval(baseline: BaselineSummary, *, fraction: bool) -> str:
    """A baseline's score with its interval: 91.0% (86.2–94.2%)."""
    value, ci95 = score(baseline.quality.value, fraction=fraction), baseline.quality.ci95
    return value if ci95 is None else f"{value} ({interval(ci95, fraction=fraction)})"


def verdict_word(word: str) -> str:
    """A decision as a manager would say it; a word not known is shown as it is."""
    return {str(k): v for k, v in VERDICTS.items()}.get(word, word)


def verdict_sentence(decision: Decision) -> str:
    """What to do now, in one sentence."""
    recommended = decision.verdict.recommended
    match decision.verdict.decision:
        case "fine_tune":
            return (
                f"The benefits outweigh the costs. Use {recommended}."
                if recommended
                else "The benefits outweigh the costs."
            )
        case "do_not_fine_tune":
            return (
                f"An alternative serves you better. Use {recommended}."
                if recommended
                else "The benefits do not outweigh the costs."
            )
        case "not_yet":
            start = "The evidence does not carry a decision yet."
            return f"{start} Best so far: {recommended}." if recommended else start


def stopped_early(decision: Decision) -> str | None:
    """That the run ended before the held-out set did, and what that means for its figures; None where it did not."""
    ended = decision.stopped_early
    if ended is None:
        return None
    return (
        f"Stopped early: {count(ended.asked)} of {count(ended.of)} held-out items were asked, in random order. "
        f"{ended.reason} Intervals and p-values are such that hold however often one looks, so they are wider "
        "than those of a full run."
    )


def confidence(value: float | None) -> str:
    """How sure the recommendation is."""
    if value is not None and 0.995 <= value < 1:
        return "over 99%"
    return percent(value, digits=0)


def confidence_over(decision: Decision) -> str:
    """What the confidence is over."""
    ranges = any(bar.basis == "range" for bar in decision.tornado)
    return "over the choice of examples" + (" and the ranges of the assumptions" if ranges else "")


def reading(comparison: Comparison, decision: Decision) -> str:
    """What a paired comparison says, in plain words."""
    fraction = is_fraction(decision)
    c, low, high = comparison, *comparison.ci95
    detectable = (
        ""
        if c.detectable_difference is None
        else f" With {count(c.n)} items, a true difference of "
        f"{difference(c.detectable_difference, fraction=fraction).lstrip('+')} "
        "would be shown four times in five."
    )
    if c.adjusted_p_value >= SIGNIFICANCE:
        if low > 0 or high < 0:
            leader = c.baseline if c.difference > 0 else c.reference
            return f"Leans towards {leader}, but not beyond doubt, as several comparisons were made."
        return f"No difference was shown, which is not the same as none.{detectable}"
    better, worse = (c.baseline, c.reference) if c.difference > 0 else (c.reference, c.baseline)
    smallest, largest = sorted((abs(low), abs(high)))
    gain = decision.facts.min_gain
    if smallest >= gain:
        size = "by more than the smallest gain worth having"
    elif largest < gain:
        size = "but by less than the smallest gain worth having"
    else:
        size = "though perhaps by less than the smallest gain worth having"
    return f"{better} is better than {worse}, {size} ({difference(gain, fraction=fraction).lstrip('+')})."


def discordant(comparison: Comparison) -> str:
    """How many items only one of the two got right."""
    if comparison.discordant is None:
        return "graded scores"
    only, other = comparison.discordant
    return f"{count(only)} : {count(other)}"


def p_values(comparison: Comparison) -> str:
    """The p-value, and what is left of it after correction for several comparisons."""
    return f"{p_value(comparison.p_value)}; {p_value(comparison.adjusted_p_value)} adjusted"


def comparison_interval(comparison: Comparison, decision: Decision) -> str:
    """The difference and its interval: +17.0 points (+10.4 to +23.6)."""
    fraction = is_fraction(decision)
    ends = interval(comparison.ci95, fraction=fraction, signed=True, unit=False)
    return f"{difference(comparison.difference, fraction=fraction)} ({ends})"


def break_even(item: BreakEven) -> str:
    """From which volume on a baseline is cheaper than another."""
    if item.text:
        return item.text
    if item.requests_per_month is None:
        return f"{item.baseline} never gets cheaper than {item.against}, or a cost is unknown."
    capacity = {
        True: " One server carries that.",
        False: " That is more than one server carries.",
        None: "",
    }[item.within_capacity]
    volume = count(item.requests_per_month)
    return f"{item.baseline} is cheaper than {item.against} from {volume} requests a month on.{capacity}"


_PARAMETERS = {
    "quality difference": "Measured difference in quality",
    "held-out sampling": "Which items were held out",
    "traffic.requests_per_month": "Requests per month",
    "traffic.monthly_growth": "Growth of requests per month",
    "traffic.peak_factor": "Busiest hour against the mean one",
    "traffic.batch_share": "Share of requests that can wait",
    "traffic.horizon_months": "Months that are counted",
    "value.correct_usd": "Worth of a right answer",
    "value.wrong_usd": "Worth of a wrong answer",
    "quality.bar": "Quality bar",
    "quality.min_gain": "Smallest gain worth having",
    "effort.data_hours": "Hours for training data",
    "effort.evaluation_hours": "Hours for evaluation",
    "effort.refinement_hours": "Hours for refinement",
    "effort.hourly_rate_usd": "Price of an hour of work",
    "effort.retrains_per_year": "Retrainings per year",
    "effort.label_minutes_per_example": "Minutes to label an example",
    "effort.moving_hours": "Hours to move to another model",
    "costs.discount_rate": "Discount rate per year",
    "costs.retrieval_usd_per_month": "Storage and search of documents per month",
    "costs.retrieval_indexing_usd": "Indexing of documents, once",
    "costs.evaluation_usd": "What measuring cost",
    "constraints.latency_p95_s": "Longest latency allowed (p95)",
    "constraints.must_stay_local": "Data must stay on own machines",
}


_TOKENS = {"input": "input", "cached_input": "cached input", "output": "output"}


def parameter_name(parameter: str) -> str:
    """An input of the case in words; one that is not known is shown by its key."""
    head, _, rest = parameter.partition(".")
    if head == "models" and rest.endswith(".serving.usd_per_hour"):
        return f"Price of an hour of {rest.removesuffix('.serving.usd_per_hour')}'s machine"
    if head == "models" and rest.endswith(".serving.requests_per_s"):
        return f"Requests a second of {rest.removesuffix('.serving.requests_per_s')}'s machine"
    if head == "models" and rest.endswith(".serving.always_on"):
        return f"{rest.removesuffix('.serving.always_on')}'s machine runs all the time"
    model, prices, kind = rest.rpartition(".prices.")
    if head == "models" and prices and kind in _TOKENS:
        return f"Price of a million {_TOKENS[kind]} tokens of {model}"
    return _PARAMETERS.get(parameter, parameter)


def parameter_value(parameter: str, value: float | None, *, fraction: bool) -> str:
    """An input's value in its unit, which its name tells."""
    name = parameter.rsplit(".", 1)[-1]
    if "usd" in name or ".prices." in parameter:
        return usd(value)
    if name == "quality difference":
        return difference(value, fraction=fraction)
    if name in ("monthly_growth", "batch_share", "discount_rate"):
        return percent(value)
    if name == "bar":
        return score(value, fraction=fraction)
    if name == "min_gain":
        return difference(value, fraction=fraction).lstrip("+")
    return count(value) if value is not None and value >= 100 else number(value)


def outcome(item: Flip) -> str:
    """What the verdict turns to."""
    word = verdict_word(item.decision)
    return f"{word} ({item.recommended})" if item.recommended else word


def flip(item: Flip, decision: Decision) -> str:
    """At which value of an input the verdict turns, and to what."""
    fraction = is_fraction(decision)
    now = parameter_value(item.parameter, item.now, fraction=fraction)
    if item.at is None:
        return f"{parameter_name(item.parameter)} (now {now}): no value turns the verdict."
    at = parameter_value(item.parameter, item.at, fraction=fraction)
    side = "" if item.now is None else " or less" if item.at < item.now else " or more"
    return f"{parameter_name(item.parameter)} (now {now}): at {at}{side}, {outcome(item)}."


def assumptions(values: Mapping[str, JsonValue], prefix: str = "") -> list[tuple[str, str]]:
    """(name, value) of every assumption, nested names joined by dots; a range stays one value."""
    found: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and set(value) == {"low", "likely", "high"}:
            low, likely, high = (json_text(value[k]) for k in ("low", "likely", "high"))
            found.append((name, f"{likely} (between {low} and {high})"))
        elif isinstance(value, dict) and value:
            found += assumptions(value, f"{name}.")
        else:
            found.append((name, json_text(value)))
    return found


CONFIDENCE = (
    "The probability that tuning, or not tuning, is the right side: over re-drawings of the held-out items and, where "
    "assumptions are given as ranges, over those."
)

METHOD: tuple[tuple[str, str], ...] = (
    (
        "Measured, estimated, declared",
        "Measured: observed on this case's held-out items. Estimated: computed from measured figures, prices "
        "and declared effort. Declared: said by whoever wrote the case, and not checked.",
    ),
    (
        "Quality",
        "Mean score over the held-out items, which, where they were measured here, no model saw as an example and no "
        "setting was chosen on. "
        "An item that failed for good scores 0. The 95% interval says where the score may lie for other items"
        " of the same kind: Wilson's, for graded answers and for related items (groups) with the number of right or "
        "wrong ones that they are worth; for metrics that only a whole set has, a bootstrap of the set.",
    ),
    (
        "Paired comparison",
        "Both baselines answered the same items, so their scores are compared item by item. The p-value says "
        "how often chance alone shows at least such a difference; adjusted, it takes account of how many "
        "comparisons were made (Holm). The detectable difference is the smallest true one that so many items "
        "show four times in five.",
    ),
    (
        "Tokens",
        "Mean per request. Cached input is the part of the prompt whose computation was reused.",
    ),
    (
        "Latency",
        "Time until an answer was there: the median, and what 95% of requests stay below.",
    ),
    (
        "Cost per 1,000 requests",
        "Tokens at the model's prices; for a machine paid by the hour, its time at full use. What it costs at"
        " this case's volume, with idle hours and retraining, stands below it.",
    ),
    (
        "One-off cost",
        "Work on data, evaluation and refinement at the declared hourly rate, and the training itself.",
    ),
    (
        "Cost per month",
        "Serving in the first month, and a twelfth of a year's retraining.",
    ),
    (
        "Cost over the horizon",
        "All of it: one-off, serving month by month with growth, retraining.",
    ),
    (
        "Net value",
        "What right and wrong answers are worth, as declared, less all costs over the horizon.",
    ),
    (
        "Break-even",
        "The monthly volume from which the dearer start is paid back within the horizon.",
    ),
    (
        "Confidence",
        CONFIDENCE,
    ),
)
"""Each number's definition."""


def labels(outputs: Mapping[str, int] | None) -> str:
    """How many labels there are, and how many examples each has."""
    if not outputs:
        return DASH
    fewest, most = min(outputs.values()), max(outputs.values())
    each = f"{count(fewest)} each" if fewest == most else f"{count(fewest)} to {count(most)} each"
    return f"{count(len(outputs))} labels, {each}"
