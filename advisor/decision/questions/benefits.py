"""What tuning brings: quality, fewer tokens, a base for other domains."""

from __future__ import annotations

from advisor.decision.questions.situation import (
    Situation,
    answered,
    interval_text,
    said,
    score_text,
    standing_text,
    tokens_per_request,
)
from advisor.formatting import count, difference, number, p_value, percent
from advisor.records import AnswerWord, Evidence, Question


def quality(s: Situation) -> Question:
    """Whether the tuned model beats the best alternative."""
    tuned = s.tuned
    # the best in quality, which need not be the one that the verdict compares with
    best = s.findings.best_untuned
    alternative = s.findings.standing(best) if best else None
    evidence = [said("measured", standing_text(s, x)) for x in s.of_kind("fine_tuned")]
    answer: AnswerWord = "unclear"
    pair = s.findings.pair(tuned.name, alternative.name) if tuned and alternative else None
    if tuned is None or alternative is None or pair is None:
        summary = "Not known: a tuned model and an alternative must both be measured on the same items."
    else:
        evidence.append(said("measured", standing_text(s, alternative)))
        adjusted = s.findings.adjusted(tuned.name, alternative.name)
        family = "" if adjusted == pair.p_value else f" ({p_value(adjusted)}, adjusted for all comparisons)"
        evidence.append(
            said(
                "measured",
                f"{tuned.name} less {alternative.name}: {difference(pair.difference, fraction=True)}, "
                f"{interval_text(pair.ci95)}, {pair.test}, p = {p_value(pair.p_value)}{family}, n = {count(pair.n)}.",
            )
        )
        if pair.ci95[0] > 0 and adjusted < 0.05:
            answer, word = "yes", "Yes"
        elif pair.ci95[1] < 0 or pair.ci95[1] < s.case.quality.min_gain:
            answer, word = "no", "No"
        else:
            word = "The held-out set cannot tell"
        summary = (
            f"{word}: {tuned.name} has {score_text(s, tuned)}, "
            f"the best alternative ({alternative.name}) {score_text(s, alternative)}."
        )
        if pair.n < max(tuned.n, alternative.n):
            summary += (
                f" On the {count(pair.n)} items that both answered the difference is "
                f"{difference(pair.difference, fraction=True)}."
            )
        if s.seeds is not None:
            evidence.append(said("measured", s.seeds.text))
        clean = tuned.quality.without_leaked
        if clean is not None:
            evidence.append(said("measured", f"{tuned.name} without leaked items: {percent(clean)}."))
    return answered(
        "benefits.quality",
        "Benefits",
        "Did the fine-tuned model beat the baselines?",
        answer,
        summary,
        evidence,
        "More held-out items, as the difference lies within the noise, or another base model."
        if pair is not None and answer == "unclear"
        else "Another base model, other training data, or a better prompt.",
    )


def cost(s: Situation) -> Question:
    """Whether it needs fewer tokens."""
    tuned = s.tuned
    prompting = next(iter(s.of_kind("few_shot", "rag")), None) or next(iter(s.of_kind("zero_shot")), None)
    evidence: list[Evidence] = []
    answer: AnswerWord = "unclear"
    summary = "Not known: a tuned model and a prompted one must both be measured."
    if tuned is not None and prompting is not None:
        mine, theirs = tokens_per_request(tuned), tokens_per_request(prompting)
        if mine is None or theirs is None:
            summary = "Not known: the tokens of one of them are not known."
        else:
            answer = "yes" if mine < theirs else "no"
            change = (
                f"{percent(abs(1 - mine / theirs), digits=0)} {'fewer' if mine < theirs else 'more'}"
                if theirs
                else ""
            )
            summary = (
                f"{'Yes' if answer == 'yes' else 'No'}: {number(mine)} tokens a request against {number(theirs)} "
                f"of {prompting.name} ({change})."
            )
            ours, others = tuned.tokens.input, prompting.tokens.input
            if answer == "yes" and ours is not None and others is not None and ours >= others:
                summary += " Its prompts are no shorter; its answers are."
            for x in (tuned, prompting):
                t = x.tokens
                reused = "" if t.cached_input is None else f" (of which {number(t.cached_input)} reused)"
                evidence.append(
                    said(
                        "measured",
                        f"{x.name}: {number(t.input)} tokens in{reused}, {number(t.output)} out.",
                    )
                )
    evidence += [
        said("estimated", b.text) for b in s.break_even if tuned is not None and b.baseline == tuned.name
    ]
    return answered(
        "benefits.cost",
        "Benefits",
        "Does it use fewer tokens, because prompts get simpler?",
        answer,
        summary,
        evidence,
        "Longer or shorter prompts; prices for reused (cached) tokens; a machine paid by the hour, where tokens matter "
        "less.",
    )


def extensibility(s: Situation) -> Question:
    """Whether the base model serves other domains."""
    tuned = s.tuned
    evidence: list[Evidence] = []
    answer: AnswerWord = "unclear"
    summary = "Not measured: no second domain was evaluated."
    record = tuned.measured.tuning if tuned else None
    adapter = (
        record is not None
        and record.system in ("trl", "autotrain")
        and record.settings.get("method") != "full"
    )
    if record is not None and adapter:
        size = f" of {count(record.trainable_parameters)} parameters" if record.trainable_parameters else ""
        evidence.append(
            said(
                "estimated",
                f"The base model stays as it is: tuning made an adapter{size}, and another domain can have one of its "
                "own on the same base.",
            )
        )
        summary = (
            "Likely: the base model is unchanged and takes an adapter for each domain; what tuning loses elsewhere "
            "was not measured."
        )
    if s.elsewhere is not None:
        answer, word = (
            s.elsewhere.answer,
            {"yes": "Yes", "no": "No", "unclear": "Unclear"}[s.elsewhere.answer],
        )
        summary = f"{word}. {s.elsewhere.text}"
        if adapter:
            summary += " The base model is unchanged in any case, and takes an adapter for each domain."
        evidence += [said("measured", case.text) for case in s.elsewhere.cases]
    return answered(
        "benefits.extensibility",
        "Benefits",
        "Can the base model be reused for new domains?",
        answer,
        summary,
        evidence,
        "More held-out items of the other cases, or training data that hold some of their tasks."
        if s.elsewhere is not None
        else "A second case, on which the tuned and the base model are both measured (the key `extensibility`).",
    )
