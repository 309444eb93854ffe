"""The words that every form of the report uses: a decision's figures as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pydantic import JsonValue

from advisor.cases.schema import Constraints, Costs, Effort, Traffic, Value
from advisor.formatting import (
    DASH,
    badge,
    count,
    difference,
    interval,
    json_text,
    p_value,
    percent,
    plural,
    score,
    tokens,
)
from advisor.records import BaselineKind, BaselineSummary, BreakEven, Comparison, Decision, DecisionWord, Flip
from advisor.reports.parameters import parameter_name as parameter_name
from advisor.reports.parameters import parameter_value as parameter_value
from advisor.reports.parameters import value_beyond

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


LIKELY = 0.8
"""Confidence below which a sentence says no more than that something is probable."""


def verdict_sentence(decision: Decision) -> str:
    """What to do now, in one sentence; as sure as the confidence is."""
    recommended = decision.verdict.recommended
    sure = decision.verdict.confidence
    probably = " probably" if sure is not None and sure < LIKELY else ""
    match decision.verdict.decision:
        case "fine_tune":
            start = f"The benefits{probably} outweigh the costs."
            return f"{start} Use {recommended}." if recommended else start
        case "do_not_fine_tune":
            if not recommended:
                return f"The benefits{probably} do not outweigh the costs."
            return f"An alternative{probably} serves you better. Use {recommended}{_short_of_bar(decision)}."
        case "not_yet":
            start = "The evidence does not carry a decision yet."
            return f"{start} Best so far: {recommended}." if recommended else start


def _short_of_bar(decision: Decision) -> str:
    """That the alternative misses the bar, and which tuned model reaches it; nothing where it reaches it too."""
    bar, fraction = decision.facts.bar, is_fraction(decision)
    values = {b.name: b.quality.value for b in decision.baselines}
    own = values.get(decision.verdict.recommended or "")
    if bar is None or own is None or own >= bar:
        return ""
    tuned = next(
        (
            b
            for b in decision.baselines
            if b.kind == "fine_tuned" and b.quality.value is not None and b.quality.value >= bar
        ),
        None,
    )
    said = f", though with {score(own, fraction=fraction)} it does not reach the bar of {score(bar, fraction=fraction)}"
    return (
        said
        if tuned is None
        else f"{said}, as {tuned.name} does ({score(tuned.quality.value, fraction=fraction)})"
    )


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
    if value is not None and value > 0.999:  # of some thousand draws all are not the same as always
        return "over 99.9%"
    if value is not None and value < 0.001:
        return "under 0.1%"
    if value is not None and value >= 0.995:
        return "over 99%"
    return percent(value, digits=0)


def confidence_over(decision: Decision) -> str:
    """What the confidence is over."""
    ranges = " and the ranges of the assumptions" if has_ranges(decision) else ""
    return f"over the choice of examples{ranges}"


def has_ranges(decision: Decision) -> bool:
    """Whether the case gives an assumption as a range."""
    return any(bar.basis == "range" for bar in decision.tornado)


def months(decision: Decision) -> str:
    """The horizon: 1 month, 12 months."""
    return plural(decision.facts.horizon_months, "month")


def settings_origin(decision: Decision) -> str:
    """On which examples settings were chosen, as far as that is known."""
    if decision.provenance.source == "imported":
        return (
            "The results come from elsewhere: how settings were chosen there, and whether a model saw the held-out "
            "items before, is not known here."
        )
    n = plural(decision.facts.n_dev, "dev example")
    if decision.provenance.source == "mixed":
        return (
            f"Of what was measured here, settings were chosen on {n}, never on the held-out items; how they were "
            "chosen for the results that come from elsewhere is not known here."
        )
    return f"Settings were chosen on {n}, split off the training data; never on the held-out items."


def needs_no_tokens(baseline: BaselineSummary) -> bool:
    """Whether it has no prompt and no completion; that is known, and not the same as unknown."""
    return baseline.kind == "classifier" and baseline.tokens.input is None and baseline.tokens.output is None


def tokens_of(baseline: BaselineSummary, value: float | None) -> str:
    """Tokens of a baseline, which may need none."""
    return "none" if needs_no_tokens(baseline) else tokens(value)


def verdict_pair(decision: Decision) -> tuple[str, str] | None:
    """(tuned model, alternative) that the verdict and its reasons compare; None where there are no two."""
    found = decision.noise.difference if decision.noise else None
    return None if found is None else (found.baseline, found.reference)


def warnings(decision: Decision) -> list[str]:
    """What to bear in mind; what is said of several baselines alike is said once."""
    names = [b.name for b in decision.baselines]
    found: dict[str, list[str]] = {}
    for line in decision.warnings:
        name = next((n for n in names if line.startswith(f"{n}: ")), None)
        found.setdefault(line if name is None else line[len(name) :], []).append(name or "")
    return [f"{', '.join(dict.fromkeys(names))}{said}" for said, names in found.items()]


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


def break_evens(decision: Decision) -> list[str]:
    """All of them; what is unknown for the same reason is said once."""
    return list(dict.fromkeys(break_even(b) for b in decision.break_even))


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
    if item.at == item.now:
        # the case gives a range, and that alone keeps the verdict from being this one
        return f"{parameter_name(item.parameter)} (now a range): were it surely {now}, {outcome(item)}."
    return f"{parameter_name(item.parameter)} (now {now}): at {turns_at(item, decision)}, {outcome(item)}."


def turns_at(item: Flip, decision: Decision) -> str:
    """The values at which the verdict turns: 80.8% or less; or 80.1% to 90.0%, where yet another one follows."""
    fraction = is_fraction(decision)
    if item.at is None or item.now is None:
        return parameter_value(item.parameter, item.at, fraction=fraction)
    if item.at == item.now:
        return parameter_value(item.parameter, item.at, fraction=fraction)
    down = item.at < item.now
    value = value_beyond(item.parameter, item.at, down=down, fraction=fraction)
    if item.until is not None:
        end = value_beyond(item.parameter, item.until, down=not down, fraction=fraction)
        return f"{end} to {value}" if down else f"{value} to {end}"
    return f"{value} or {'less' if down else 'more'}"


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


def given(key: str, value: str) -> str:
    """Whether an assumption was declared or is what counts where nothing is said."""
    if value == json_text(None):
        return DASH
    own = _defaults().get(key)
    return "default" if own == value else badge("declared")


@cache
def _defaults() -> dict[str, str]:
    parts = (
        ("traffic", Traffic),
        ("value", Value),
        ("effort", Effort),
        ("costs", Costs),
        ("constraints", Constraints),
    )
    return dict(assumptions({name: part().model_dump(mode="json") for name, part in parts}))


def labels(outputs: Mapping[str, int] | None) -> str:
    """How many labels there are, and how many examples each has."""
    if not outputs:
        return DASH
    fewest, most = min(outputs.values()), max(outputs.values())
    each = f"{count(fewest)} each" if fewest == most else f"{count(fewest)} to {count(most)} each"
    return f"{count(len(outputs))} labels, {each}"
