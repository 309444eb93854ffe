"""The use case, and what was tried instead of tuning."""

from __future__ import annotations

from advisor.decision.questions.situation import (
    Situation,
    against_bar,
    answered,
    said,
    score_text,
    setting_text,
    standing_text,
)
from advisor.decision.summary import Standing
from advisor.formatting import number, percent
from advisor.records import AnswerWord, Question

ASPECTS = {
    "accuracy": "how often it is right",
    "format": "whether its answers have the wanted form",
    "knowledge": "what it knows",
    "tone": "how it speaks",
    "latency": "how fast it answers",
    "cost": "what it costs",
}


def use_case(s: Situation) -> Question:
    """What it is for, and whether the model falls short of it."""
    base = next(iter(s.of_kind("zero_shot")), None)
    bar = s.case.quality.bar
    evidence = [
        said("declared", f"{s.case.use_case.description.strip()} To improve: {s.case.use_case.aspect}.")
    ]
    answer: AnswerWord = "unclear"
    summary = f"The aspect to improve is {s.case.use_case.aspect} ({ASPECTS[s.case.use_case.aspect]}); "
    if base is None:
        summary += "how good the model is without help was not measured."
    else:
        evidence.append(said("measured", standing_text(s, base)))
        if bar is None:
            answer = "yes"
            summary += (
                f"untuned and without examples the model has {score_text(s, base)}; the case sets no bar."
            )
        elif (base.value or 0.0) >= bar:
            answer = "no"
            summary += f"but the model reaches the bar of {percent(bar)} as it is: {score_text(s, base)}."
        else:
            answer = "yes"
            summary += f"as it is, the model has {score_text(s, base)}, below the bar of {percent(bar)}."
    return answered(
        "use_case",
        "Use case",
        "What is the use case, and which aspect of the current pre-trained model should improve?",
        answer,
        summary,
        evidence,
        "A stronger base model, or another bar."
        if base is not None
        else "A measured zero-shot baseline; a stronger base model, or another bar.",
    )


def prompting(s: Situation) -> Question:
    """Whether prompts with examples were tried, and how good they were."""
    found = s.of_kind("few_shot", "zero_shot")
    few = next((x for x in found if x.spec.kind == "few_shot"), None)
    evidence = [said("measured", standing_text(s, x)) for x in found]
    for x in found:
        if len(x.measured.trials) > 1:
            tried = ", ".join(f"{setting_text(t.setting)}: {percent(t.value)}" for t in x.measured.trials)
            evidence.append(
                said("measured", f"{x.name}, chosen on the {x.measured.trials[0].n} dev items: {tried}.")
            )
    if few is None:
        summary = (
            "Few-shot prompting was not tried."
            if not found
            else (
                f"Only zero-shot prompting was tried ({score_text(s, found[0])}); few-shot prompting was not."
            )
        )
        answer: AnswerWord = "no"
    else:
        summary = f"Yes: few-shot prompting has {score_text(s, few)}{against_bar(s, few)}."
        answer = "yes"
        limit = _example_limit_text(s, few)
        if limit:
            evidence.append(said("estimated", limit))
    return answered(
        "alternatives.prompting",
        "Alternatives",
        "Was prompt engineering tried (few-shot prompting with relevant examples), and how good were the answers?",
        answer,
        summary,
        evidence,
        "Better instructions, other examples, or more of them.",
    )


def rag(s: Situation) -> Question:
    """Whether retrieval was tried, and how good it was."""
    found = s.of_kind("rag")
    evidence = [said("measured", standing_text(s, x)) for x in found]
    for x in found:
        quality = x.measured.retrieval
        if quality is not None:
            evidence.append(
                said(
                    "measured",
                    f"{x.name}: the relevant document is among the {quality.passages} passages shown for "
                    f"{percent(quality.recall)} of {quality.n} questions.",
                )
            )
    if found:
        answer: AnswerWord = "yes"
        summary = f"Yes: retrieval has {score_text(s, found[0])}{against_bar(s, found[0])}."
    elif s.case.data.documents is None:
        answer = "no"
        summary = (
            "It cannot apply: the case has no documents to retrieve from. This is not held against the case."
        )
        evidence.append(said("declared", "The case names no documents."))
    else:
        answer = "no"
        summary = "There are documents, but retrieval was not tried."
    return answered(
        "alternatives.rag",
        "Alternatives",
        "Was retrieval-augmented generation tried (prompts extended with search results from the user's data), "
        "and how good were the answers?",
        answer,
        summary,
        evidence,
        "Documents that hold the answers, and a search that finds them.",
    )


def _example_limit_text(s: Situation, few: Standing) -> str | None:
    """The two limits of few-shot prompting: how many examples fit, and that each is paid for in every request."""
    parts = few.measured.prompt_parts
    k = few.measured.setting.get("examples")
    if parts is None or not isinstance(k, int) or k == 0 or not parts.examples:
        return None
    share = parts.examples / max(1.0, few.tokens.input or 0.0)
    each = parts.examples / k
    return (
        f"The {k} examples take {number(parts.examples)} tokens of every request "
        f"({percent(share, digits=0)} of the prompt, about {number(each)} each), and are paid for again in each one."
    )
