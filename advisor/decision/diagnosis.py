"""What looks wrong with a tuned model: named, with its share, its likely cause and what to do.

A fault of configuration (padding, end-of-text, chat format, language) passes for a bad model, and nothing follows from
it about tuning: such a finding is an *artefact*. It is one where the fault shows in at least half of the answers, or
holds most of what was lost against the base model. All others say that the model really is so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from advisor.decision import _answer_signals as signals
from advisor.decision.evidence import CaseEvidence
from advisor.formatting import percent
from advisor.records import Finding, ItemResult
from advisor.scoring import RIGHT_FROM
from advisor.statistics.paired import PairedComparison

if TYPE_CHECKING:
    from advisor.decision.summary import Standing

MOST_ITEMS = 2_000
"""Answers that are read, evenly spread over the items; shares of more are known well enough from these."""
WORTH_SAYING = 0.1
"""Share of answers with a fault, from which it is a finding."""
IS_THE_CAUSE = 0.5
"""Share of answers that are wrong with a fault, from which the fault and no other is why."""
OF_THE_LOSS = 0.8
"""Or the share of the items lost against the base that show it, if it is no rare one."""
NOT_RARE = 0.2
SAME_ANSWER = 0.9
BASE_DOES_WELL = 0.2
FORGOTTEN, FORGOTTEN_ITEMS = 0.2, 10
FEW_EXAMPLES = 50
RISEN = 1.02
"""Last loss on dev over the lowest, from which it has risen again."""


@dataclass(frozen=True)
class _Answer:
    """One answer with what is needed to judge it."""

    item: ItemResult
    text: str
    score: float
    base_score: float | None


@dataclass(frozen=True)
class _Fault:
    """A fault that shows in single answers."""

    name: str
    seen: str
    cause: str
    action: str
    shows: Callable[[_Answer], bool]


def diagnose(standing: Standing, base: Standing | None, evidence: CaseEvidence) -> tuple[Finding, ...]:
    """What looks wrong with a tuned baseline, artefacts first.

    Args:
        standing: The tuned baseline.
        base: The same model untuned, asked in the same way; None where it was not measured.
        evidence: The case, and the expected outputs.
    """
    answers = _answers(standing, base)
    base_answers = [] if base is None else _answers(base, None)
    found = [
        finding
        for fault in _faults(evidence)
        if (finding := _of_fault(standing.name, fault, answers, base_answers)) is not None
    ]
    # where answers are empty, being all alike or no label is the same thing said again
    if not any(f.artefact for f in found):
        found += _same_answer(standing, evidence, answers)
        found += _nothing_right(standing, base)
    broken = any(f.artefact for f in found)
    if not broken:
        found += _forgetting(standing, base)
        if base is not None and (standing.value or 0.0) < (base.value or 0.0):
            found += _of_training(standing, evidence)
    return tuple(sorted(found, key=lambda f: not f.artefact))


def artefact_text(found: Sequence[Finding]) -> str | None:
    """Why the model is broken rather than bad, in a clause; None where it is not."""
    return next((f"{f.seen}, as with {f.cause}" for f in found if f.artefact), None)


def worse_than_base(
    tuned: Standing, base: Standing | None, pair: PairedComparison | None, found: Sequence[Finding]
) -> str | None:
    """A warning of a tuned model that lost against itself untuned, with the likely causes; None where it did not."""
    if base is None or pair is None or pair.ci95[1] >= 0:
        return None
    causes = [f"{f.seen} ({f.cause})" for f in found] or [
        "settings of the training (epochs, learning rate), or training data that do not fit the task"
    ]
    return (
        f"{tuned.name} is worse than its own base model ({percent(tuned.value)} against {percent(base.value)} "
        f"of {base.name}). Likely causes: {'; '.join(causes)}."
    )


def _answers(standing: Standing, base: Standing | None) -> list[_Answer]:
    """Answers that are there, in the order of their ids, evenly thinned out where they are many."""
    scores = dict(zip(standing.ids, standing.scores, strict=True))
    theirs = {} if base is None else dict(zip(base.ids, base.scores, strict=True))
    items = standing.measured.items
    there = [k for k, answer in enumerate(items.answers) if answer is not None and items.ids[k] in scores]
    there.sort(key=lambda k: items.ids[k])
    step = -(-len(there) // MOST_ITEMS) or 1
    chosen = [items[k] for k in there[::step]]
    return [_Answer(i, i.answer or "", scores[i.id], theirs.get(i.id)) for i in chosen]


def _faults(evidence: CaseEvidence) -> tuple[_Fault, ...]:
    task, expected = evidence.case.task, evidence.expected

    def has_template(answer: _Answer) -> bool:
        token = signals.template_token(answer.text)
        return token is not None and token.lower() not in str(expected.get(answer.item.id, "")).lower()

    def runs_on(answer: _Answer) -> bool:
        item = answer.item
        if item.finish_reason is not None:
            return item.finish_reason == "length"
        return item.usage.output is not None and item.usage.output >= task.max_output_tokens > 1

    return (
        _Fault(
            "empty_answers", "are empty",
            "a fault of padding or end-of-text tokens, or of the chat format",
            "Ask with the chat template of the training; check that the end-of-text token is not the padding token "
            "and is learned only after an answer.",
            lambda a: not a.text.strip(),
        ),
        _Fault(
            "template_tokens", "hold tokens of a chat template",
            "a chat format in the training that is not the one answers are asked with",
            "Train and ask with the model's own chat template, and let its end-of-turn token end an answer.",
            has_template,
        ),
        _Fault(
            "loops", "repeat themselves",
            "an end-of-text token that was not learned, or a learning rate or number of epochs that is too high",
            "Let the end-of-text token be part of what is learned; lower the learning rate or the epochs.",
            lambda a: signals.is_loop(a.text),
        ),
        _Fault(
            "runs_on", "run into the limit of output tokens",
            "an end-of-text token that was not learned (often masked as padding)",
            "Let the end-of-text token be part of what is learned, and not be the padding token; or raise "
            "task.max_output_tokens if right answers are longer.",
            runs_on,
        ),
        _Fault(
            "language", "are in another script than expected",
            "training data of another language, or weights or a tokenizer that do not belong together",
            "Check the language of the training outputs, and that adapter, base model and tokenizer match.",
            lambda a: a.item.id in expected and signals.other_script(a.text, expected[a.item.id], task),
        ),
        _Fault(
            "format", "are not of the form asked for (a label, or JSON)",
            "training outputs of another form than the case asks for, or answers that do not end where they should",
            "Compare the training outputs with task.labels or task.schema; have the form enforced where the endpoint "
            "can.",
            lambda a: bool(a.text.strip()) and signals.breaks_form(a.text, task),
        ),
    )  # fmt: skip


def _of_fault(
    name: str, fault: _Fault, answers: Sequence[_Answer], base_answers: Sequence[_Answer]
) -> Finding | None:
    """The finding of a fault that shows often, and more often than in the base's answers."""
    showing = [a for a in answers if fault.shows(a)]
    if not answers or len(showing) / len(answers) < WORTH_SAYING:
        return None
    before = sum(map(fault.shows, base_answers)) / len(base_answers) if base_answers else 0.0
    share, wrong = len(showing) / len(answers), sum(map(_is_wrong, showing))
    # what the base does as well is no doing of the tuning, and what is right all the same is no fault
    if share < before + WORTH_SAYING or not wrong:
        return None
    lost, lost_with_it = sum(map(_is_lost, answers)), sum(map(_is_lost, showing))
    is_the_cause = wrong / len(answers) >= IS_THE_CAUSE
    holds_the_loss = lost_with_it >= NOT_RARE * len(answers) and lost_with_it >= OF_THE_LOSS * lost
    artefact = before < share / 2 and (is_the_cause or holds_the_loss)
    return Finding(
        baseline=name,
        name=fault.name,
        seen=f"{len(showing)} of {len(answers)} answers {fault.seen}",
        count=len(showing),
        of=len(answers),
        cause=fault.cause,
        action=fault.action,
        artefact=artefact,
    )


def _is_wrong(answer: _Answer) -> bool:
    return answer.score < RIGHT_FROM or _is_lost(answer)


def _is_lost(answer: _Answer) -> bool:
    return answer.base_score is not None and answer.score < answer.base_score


def _same_answer(standing: Standing, evidence: CaseEvidence, answers: Sequence[_Answer]) -> list[Finding]:
    """One answer to nearly all, where several are expected."""
    if len(answers) < 2:
        return []
    answer, most = Counter(a.text.strip() for a in answers).most_common(1)[0]
    wanted = Counter(str(evidence.expected[a.item.id]) for a in answers if a.item.id in evidence.expected)
    usual = wanted.most_common(1)[0][1] / wanted.total() if wanted else 0.0
    share = most / len(answers)
    if not answer or share < SAME_ANSWER or share < usual + WORTH_SAYING or not wanted:
        return []
    is_label = evidence.case.task.labels is not None and answer in evidence.case.task.labels
    return [
        Finding(
            baseline=standing.name,
            name="same_answer",
            seen=f"{most} of {len(answers)} answers are the same",
            count=most,
            of=len(answers),
            cause="a learning rate that is too high, or training data in which that answer outweighs all others"
            if is_label
            else "inputs that never reached the model in training or in the prompt (truncated, or masked)",
            action="Lower the learning rate, and balance the labels of the training data."
            if is_label
            else "Check one training example token by token: that the input is there, and only the answer is learned.",
            artefact=not is_label,
        )
    ]


def _nothing_right(standing: Standing, base: Standing | None) -> list[Finding]:
    """Exactly zero, where the base does well: no training makes a model so bad."""
    if base is None or standing.value != 0 or (base.value or 0.0) < BASE_DOES_WELL:
        return []
    return [
        Finding(
            baseline=standing.name,
            name="nothing_right",
            seen=f"it scores exactly 0 where its own base scores {percent(base.value)}",
            count=0,
            of=standing.n,
            cause="a fault of padding, end-of-text tokens or chat format",
            action="Read some answers; ask with the chat template of the training, and check padding and end-of-text "
            "tokens.",
            artefact=True,
        )
    ]


def _forgetting(standing: Standing, base: Standing | None) -> list[Finding]:
    """Items that the base has right and the tuned model has not."""
    if base is None:
        return []
    theirs = dict(zip(base.ids, base.scores, strict=True))
    pairs = [(s, theirs[i]) for i, s in zip(standing.ids, standing.scores, strict=True) if i in theirs]
    right = sum(b >= RIGHT_FROM for _, b in pairs)
    lost = sum(b >= RIGHT_FROM > s for s, b in pairs)
    won = sum(s >= RIGHT_FROM > b for s, b in pairs)
    # some items change either way by chance
    if lost <= won or lost < FORGOTTEN_ITEMS or lost / right < FORGOTTEN:
        return []
    return [
        Finding(
            baseline=standing.name,
            name="forgetting",
            seen=f"{lost} of {right} items that its base has right are lost, and {won} others won",
            count=lost,
            of=right,
            cause="forgetting: the training changed more than the task needs",
            action="Fewer epochs, a lower learning rate or rank; mix in examples of what must stay.",
        )
    ]


def _of_training(standing: Standing, evidence: CaseEvidence) -> list[Finding]:
    """What in the training may explain a model that is worse than its base."""
    found: list[tuple[str, str, str, str]] = []
    record = standing.measured.tuning
    if record is not None and record.n_examples < FEW_EXAMPLES:
        found.append(
            (
                "few_examples",
                f"only {record.n_examples} example{'' if record.n_examples == 1 else 's'} to learn from",
                "too few examples for an effect",
                f"Give at least {FEW_EXAMPLES} good examples.",
            )
        )
    if record is not None and len(record.dev_loss) > 1:
        last, lowest = record.dev_loss[-1][1], min(v for _, v in record.dev_loss)
        if last > RISEN * lowest:
            found.append(
                (
                    "over_fitting",
                    f"the loss on dev rose again, from {lowest:.3g} to {last:.3g}",
                    "over-fitting",
                    "Fewer epochs (or early_stopping), or more examples.",
                )
            )
    if evidence.case.use_case.aspect == "knowledge" and not standing.spec.uses_retrieval:
        found.append(
            (
                "knowledge",
                "facts that held-out questions ask for do not stand in the training data",
                "tuning cannot teach them",
                "Retrieve the facts: a rag baseline, or fine_tuned with retrieval.",
            )
        )
    return [
        Finding(baseline=standing.name, name=name, seen=seen, cause=cause, action=action)
        for name, seen, cause, action in found
    ]
