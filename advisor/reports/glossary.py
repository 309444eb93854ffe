"""What each figure is, from which data it comes, and how sure it is: the help of the pages, and one page of the docs.

`python -m advisor.reports.glossary` writes the page.
"""

from __future__ import annotations

from advisor.records import Record

__all__ = ["TERMS", "Term", "explained", "render_glossary", "term"]


class Term(Record):
    """A figure or a word of the field."""

    id: str
    name: str
    what: str
    source: str = ""
    """From which data it comes; empty for a word that is no figure."""
    sure: str = ""
    """How sure it is."""
    group: str


_VERDICT, _QUALITY, _COST, _REQUEST, _WORDS = (
    "The verdict",
    "Quality",
    "Costs and value",
    "Tokens and latency",
    "Words of the field",
)


def _t(group: str, id: str, name: str, what: str, source: str = "", sure: str = "") -> Term:
    return Term(id=id, name=name, what=what, source=source, sure=sure, group=group)


TERMS: tuple[Term, ...] = (
    _t(
        _VERDICT, "verdict", "Verdict",
        "Fine-tune, do not fine-tune, or not yet: the evidence does not carry a decision.",
        "The best tuned model against the best alternative, by what answers are worth less what they cost; where no "
        "worth is declared, by the quality bar and costs.",
        "A fine-tune needs more evidence than a do-not: it is harder to take back. See confidence.",
    ),
    _t(
        _VERDICT, "confidence", "Confidence",
        "The probability that tuning, or not tuning, is the right side.",
        "Re-drawings of the held-out items and, where assumptions are given as ranges, draws from those.",
        "Estimated. It knows nothing of assumptions that are wrong without being given as ranges.",
    ),
    _t(
        _VERDICT, "stake", "Value at stake",
        "What the choice between tuning and the best alternative gains or loses over the horizon.",
        "Expected net benefits of both, or, where answers have no declared worth, the difference of costs.",
        "Estimated from measured quality, from prices, and from declared traffic and worth.",
    ),
    _t(
        _VERDICT, "age", "Age of the evidence",
        "Days since the results were recorded.",
        "The run that measured them, or the file they were imported from.",
        "Prices and models change: after 90 days prices are called stale.",
    ),
    _t(
        _VERDICT, "missing", "What is missing",
        "What would let the decision be taken, with its cost and what having it is worth.",
        "The rule that gives the verdict, asked what it lacks.",
        "Costs and worths are estimated; what has none is unknown, not free.",
    ),
    _t(
        _VERDICT, "flips", "What would turn the verdict",
        "The nearest value of an assumption at which another verdict comes out.",
        "The same rule, applied to other values of one assumption at a time, all else as it is.",
        "Exact for the rule; two assumptions that move together are not searched.",
    ),
    _t(
        _VERDICT, "tornado", "What moves the gain",
        "The gain of tuning with one assumption at its low and at its high value, the widest first.",
        "The case's range where it gives one, else half and double of what it says; for quality its 95% interval.",
        "Estimated; what is hollow in the chart was assumed, not declared.",
    ),
    _t(
        _VERDICT, "map", "Verdict map",
        "The verdict at other volumes and at other worths of a right answer.",
        "The same rule and the same measurements, at 81 combinations.",
        "Estimated. The outlined cell is the case as it is.",
    ),
    _t(
        _VERDICT, "odds", "Probability of being the best",
        "How often a baseline comes out as the best.",
        "Draws over the noise of the held-out set and the ranges of the assumptions.",
        "Estimated, by a Monte Carlo simulation with a fixed seed.",
    ),
    _t(
        _QUALITY, "quality", "Quality",
        "Mean score over the held-out items, by the case's metric. An item that failed for good scores 0.",
        "Answers to the held-out set, which no model saw as an example and no setting was chosen on.",
        "Measured. The 95% interval says where the score may lie for other items of the same kind.",
    ),
    _t(
        _QUALITY, "bar", "Quality bar",
        "The score that is good enough.",
        "The case (quality.bar).",
        "Declared, and not checked.",
    ),
    _t(
        _QUALITY, "min_gain", "Smallest gain worth having",
        "A difference in quality below it is of no use to anybody.",
        "The case (quality.min_gain).",
        "Declared, and not checked.",
    ),
    _t(
        _QUALITY, "comparison", "Paired comparison",
        "The difference of two baselines on the items that both answered.",
        "McNemar's test for right or wrong answers, a permutation test for graded ones; p-values adjusted after Holm.",
        "Measured. No difference shown is not the same as none: the detectable difference says what could be seen.",
    ),
    _t(
        _COST, "per_1k", "Cost per 1,000 requests",
        "Tokens at the model's prices; for a machine paid by the hour, its time at full use.",
        "Measured tokens or throughput, and the price of the catalogue or of the case.",
        "Estimated. Idle hours are not in it, but in the cost per month.",
    ),
    _t(
        _COST, "one_off", "One-off cost",
        "Work on data, evaluation and refinement, and the training itself.",
        "Declared hours at the declared rate; the tuning job as it was billed or timed.",
        "Estimated.",
    ),
    _t(
        _COST, "per_month", "Cost per month",
        "Serving in the first month, idle hours included, and a twelfth of a year's retraining.",
        "Measured tokens or throughput, prices, declared traffic.",
        "Estimated.",
    ),
    _t(
        _COST, "over_horizon", "Cost over the horizon",
        "All of it: one-off, serving month by month with growth, retraining.",
        "Measured tokens or throughput, prices, declared traffic and effort.",
        "Estimated. What measuring cost is not in it: that is spent whatever is decided.",
    ),
    _t(
        _COST, "npv", "Present value",
        "The same money, with what is paid later weighed less by the discount rate.",
        "Costs month by month, and costs.discount_rate of the case.",
        "Estimated.",
    ),
    _t(
        _COST, "net_benefit", "Net benefit",
        "What right and wrong answers are worth, less all costs over the horizon.",
        "Measured quality, declared worth and traffic, estimated costs.",
        "Estimated; its interval covers the noise of the held-out set and the ranges of the assumptions.",
    ),
    _t(
        _COST, "break_even", "Break-even",
        "The monthly volume, or the month, from which the dearer start is paid back.",
        "Costs of two baselines over the horizon.",
        "Estimated. It looks at costs alone, not at the worth of better answers.",
    ),
    _t(
        _COST, "price", "Price",
        "What a provider asks for a million tokens, or for an hour.",
        "A dated catalogue that comes with the product; prices in the case take its place.",
        "As of its day. One older than 90 days is stale: look it up again before you rely on it.",
    ),
    _t(
        _REQUEST, "tokens", "Tokens per request",
        "Mean tokens of a prompt and of its answer, by what they are for.",
        "Reported by the model with each answer.",
        "Measured.",
    ),
    _t(
        _REQUEST, "cached", "Cached input",
        "The part of a prompt whose computation was reused, because an earlier prompt began the same.",
        "Reported by the model with each answer.",
        "Measured in the evaluation; real traffic may reuse more or less.",
    ),
    _t(
        _REQUEST, "latency", "Latency p50 and p95",
        "Time until an answer was there: the median, and what 95% of requests stay below.",
        "Timed on the requests of the evaluation, when they were answered.",
        "Measured here, on this hardware and network; of a model in this process, one request at a time.",
    ),
    _t(
        _REQUEST, "frontier", "Frontier",
        "The baselines that no other one betters both in quality and in what it is set against (Pareto).",
        "Mean quality against cost or latency.",
        "By the measured means: a neighbour within the noise may be as good.",
    ),
    _t(
        _WORDS, "baseline", "Baseline",
        "One alternative that is run over the held-out set: zero-shot, few-shot, RAG, a fine-tuned model, a "
        "classifier.",
    ),
    _t(_WORDS, "zero_shot", "Zero-shot", "A language model gets instructions and the question, and no example."),
    _t(
        _WORDS, "few_shot", "Few-shot",
        "A few solved examples stand in each prompt, the nearest to the question or always the same ones.",
    ),
    _t(
        _WORDS, "rag", "Retrieval-augmented generation (RAG)",
        "Passages found in the user's documents stand in each prompt.",
    ),
    _t(
        _WORDS, "fine_tuned", "Fine-tuned model",
        "A pre-trained model whose weights were trained further on the case's examples.",
    ),
    _t(_WORDS, "classifier", "Classifier", "Logistic regression on features of the text, without a language model."),
    _t(
        _WORDS, "held_out", "Held-out set",
        "Examples kept apart for the evaluation alone. A look at it under another configuration is counted.",
    ),
    _t(_WORDS, "dev", "Dev split", "A part of the training data on which settings are chosen."),
    _t(
        _WORDS, "kinds", "Measured, estimated, declared, unknown",
        "Measured: observed on this case's held-out items. Estimated: computed from measured figures, prices and "
        "declared effort. Declared: said by whoever wrote the case, and not checked. Unknown: not known, which is "
        "not zero.",
    ),
    _t(_WORDS, "interval", "95% interval", "Drawn anew, such an interval holds the true value 19 times in 20."),
    _t(_WORDS, "horizon", "Horizon", "The months over which costs and benefits are counted."),
)  # fmt: skip
"""Every term, in the order of the page."""
_BY_ID = {t.id: t for t in TERMS}


def term(id: str) -> Term:
    """A term by its id.

    Raises:
        KeyError: There is none.
    """
    return _BY_ID[id]


def explained(id: str) -> str:
    """A term in a few lines of Markdown: what it is, from which data, how sure."""
    t = term(id)
    lines = [f"**{t.name}.** {t.what}"]
    lines += [f"*From:* {t.source}"] if t.source else []
    lines += [f"*How sure:* {t.sure}"] if t.sure else []
    return "\n\n".join(lines)


def render_glossary() -> str:
    """The page of the docs."""
    lines = ["# Glossary", ""]
    lines += [
        "What each figure is, from which data it comes, and how sure it is. The app says the same beside"
    ]
    lines += ["each figure. This page is written by `python -m advisor.reports.glossary > docs/glossary.md`."]
    for group in dict.fromkeys(t.group for t in TERMS):
        lines += ["", f"## {group}"]
        for t in (t for t in TERMS if t.group == group):
            lines += ["", f"**{t.name}**<br>" if t.source else f"**{t.name}**: {t.what}"]
            if t.source:
                lines += [f"{t.what}<br>", f"From: {t.source}<br>", f"How sure: {t.sure}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(render_glossary(), end="")
