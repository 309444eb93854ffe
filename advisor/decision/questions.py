"""The ten questions of the lesson on fine-tuning, answered from the evidence.

Each answer says what it rests on (measured, estimated, declared) and what would change it. What the user has
declared is shown as such and never overrides a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

from advisor.cases.schema import Case, likely
from advisor.decision.evidence import CaseEvidence
from advisor.decision.summary import Findings, Standing
from advisor.decision.verdict import Judgement, Option
from advisor.economics.costs import CostModel, total
from advisor.formatting import count, interval, number, percent, seconds, usd
from advisor.records import AnswerWord, BreakEven, Evidence, EvidenceKind, Question

ASPECTS = {
    "accuracy": "how often it is right",
    "format": "whether its answers have the wanted form",
    "knowledge": "what it knows",
    "tone": "how it speaks",
    "latency": "how fast it answers",
    "cost": "what it costs",
}


@dataclass(frozen=True)
class Situation:
    """What the questions are answered from."""

    evidence: CaseEvidence
    findings: Findings
    costs: dict[str, CostModel]
    options: tuple[Option, ...]
    judgement: Judgement
    break_even: tuple[BreakEven, ...]

    @property
    def case(self) -> Case:
        """The case."""
        return self.evidence.case

    def of_kind(self, *kinds: str) -> list[Standing]:
        """The measured baselines of some kinds, the best first."""
        found = [s for s in self.findings.standings if s.spec.kind in kinds and s.value is not None]
        return sorted(found, key=lambda s: (-(s.value or 0.0), s.name))

    @property
    def tuned(self) -> Standing | None:
        """The tuned model that the verdict speaks of, or the best one."""
        found = self.of_kind("fine_tuned")
        return next((s for s in found if s.name == self.judgement.challenger), found[0] if found else None)

    @property
    def alternative(self) -> Standing | None:
        """The alternative that the verdict speaks of, or the best one."""
        found = self.of_kind("zero_shot", "few_shot", "rag", "classifier")
        return next((s for s in found if s.name == self.judgement.champion), found[0] if found else None)


def answer_questions(situation: Situation) -> tuple[Question, ...]:
    """The ten questions, in the lesson's order."""
    questions = (
        _use_case(situation),
        _prompting(situation),
        _rag(situation),
        _tunability(situation),
        _effort(situation),
        _compute(situation),
        _data(situation),
        _quality(situation),
        _cost(situation),
        _extensibility(situation),
    )
    declared = situation.case.declared
    return tuple(
        q.model_copy(update={"evidence": (*q.evidence, Evidence(kind="declared", text=declared[q.id]))})
        if q.id in declared
        else q
        for q in questions
    )


def _use_case(s: Situation) -> Question:
    base = next(iter(s.of_kind("zero_shot")), None)
    bar = s.case.quality.bar
    evidence = [_said("declared", f"{s.case.use_case.description.strip()} To improve: {s.case.use_case.aspect}.")]
    answer: AnswerWord = "unclear"
    summary = f"The aspect to improve is {s.case.use_case.aspect} ({ASPECTS[s.case.use_case.aspect]}); "
    if base is None:
        summary += "how good the model is without help was not measured."
    else:
        evidence.append(_said("measured", _standing_text(s, base)))
        if bar is None:
            answer = "yes"
            summary += f"untuned and without examples the model has {_score(s, base)}; the case sets no bar."
        elif (base.value or 0.0) >= bar:
            answer = "no"
            summary += f"but the model reaches the bar of {percent(bar)} as it is: {_score(s, base)}."
        else:
            answer = "yes"
            summary += f"as it is, the model has {_score(s, base)}, below the bar of {percent(bar)}."
    return _question(
        "use_case",
        "Use case",
        "What is the use case, and which aspect of the current pre-trained model should improve?",
        answer,
        summary,
        evidence,
        "A stronger base model, or another bar; a measured zero-shot baseline where there is none.",
    )


def _prompting(s: Situation) -> Question:
    found = s.of_kind("few_shot", "zero_shot")
    few = next((x for x in found if x.spec.kind == "few_shot"), None)
    evidence = [_said("measured", _standing_text(s, x)) for x in found]
    for x in found:
        if len(x.measured.trials) > 1:
            tried = ", ".join(f"{_setting_text(t.setting)}: {percent(t.value)}" for t in x.measured.trials)
            evidence.append(_said("measured", f"{x.name}, chosen on the {x.measured.trials[0].n} dev items: {tried}."))
    if few is None:
        summary = "Few-shot prompting was not tried." if not found else (
            f"Only zero-shot prompting was tried ({_score(s, found[0])}); few-shot prompting was not."
        )
        answer: AnswerWord = "no"
    else:
        summary = f"Yes: few-shot prompting has {_score(s, few)}{_against_bar(s, few)}."
        answer = "yes"
        limit = _example_limit_text(s, few)
        if limit:
            evidence.append(_said("estimated", limit))
    return _question(
        "alternatives.prompting",
        "Alternatives",
        "Was prompt engineering tried (few-shot prompting with relevant examples), and how good were the answers?",
        answer,
        summary,
        evidence,
        "Better instructions, other examples, or more of them.",
    )


def _rag(s: Situation) -> Question:
    found = s.of_kind("rag")
    evidence = [_said("measured", _standing_text(s, x)) for x in found]
    for x in found:
        quality = x.measured.retrieval
        if quality is not None:
            evidence.append(
                _said(
                    "measured",
                    f"{x.name}: the relevant document is among the {quality.passages} passages shown for "
                    f"{percent(quality.recall)} of {quality.n} questions.",
                )
            )
    if found:
        answer: AnswerWord = "yes"
        summary = f"Yes: retrieval has {_score(s, found[0])}{_against_bar(s, found[0])}."
    elif s.case.data.documents is None:
        answer = "no"
        summary = "It cannot apply: the case has no documents to retrieve from. This is not held against the case."
        evidence.append(_said("declared", "The case names no documents."))
    else:
        answer = "no"
        summary = "There are documents, but retrieval was not tried."
    return _question(
        "alternatives.rag",
        "Alternatives",
        "Was retrieval-augmented generation tried (prompts extended with search results from the user's data), "
        "and how good were the answers?",
        answer,
        summary,
        evidence,
        "Documents that hold the answers, and a search that finds them.",
    )


def _tunability(s: Situation) -> Question:
    specs = [b for b in s.case.baselines if b.kind == "fine_tuned" and b.model is not None]
    evidence, answer = [], "unclear"
    for name in dict.fromkeys(str(b.model) for b in specs):
        model = s.case.models[name]
        if model.provider in ("embedded", "huggingface"):
            answer = "yes"
            evidence.append(
                _said("estimated", f"{model.model} has open weights: it can be tuned at any time, and none can withdraw it.")
            )
        else:
            evidence.append(
                _said("estimated", f"{model.model} is tuned by its provider ({model.provider}), on the provider's terms.")
            )
    if any(x.measured.tuning is not None for x in s.of_kind("fine_tuned")):
        answer = "yes"
        evidence.append(_said("measured", "A tuning job of this model ended well."))
    summary = {
        "yes": "Yes: the model can be tuned.",
        "unclear": "Whether the model can be tuned is not known."
        if specs
        else "The case has no fine-tuned baseline, so no model to tune is named.",
    }[answer]
    return _question(
        "costs.tunability",
        "Costs",
        "Is the pre-trained model available for fine-tuning (to this organisation, today, and for how long)?",
        "yes" if answer == "yes" else "unclear",
        summary,
        evidence,
        "The provider's announcements; for open weights, only a change of licence for future versions.",
    )


def _effort(s: Situation) -> Question:
    effort = s.case.effort
    tuned = s.tuned
    cost = s.costs.get(tuned.name) if tuned else None
    hours = {name: getattr(effort, f"{name}_hours") for name in ("data", "evaluation", "refinement")}
    evidence = [
        _said("declared", f"{name.capitalize()}: {number(likely(h))} hours.") for name, h in hours.items() if h is not None
    ]
    if effort.hourly_rate_usd is not None:
        evidence.append(_said("declared", f"An hour costs {usd(likely(effort.hourly_rate_usd))}."))
    if likely(effort.retrains_per_year):
        evidence.append(_said("declared", f"{number(likely(effort.retrains_per_year))} retrainings a year."))
    labour = None if cost is None else total([cost.one_off.get(k) for k in ("data", "evaluation", "refinement")])
    if labour is None:
        missing = [f"effort.{n}_hours" for n, h in hours.items() if h is None]
        missing += ["effort.hourly_rate_usd"] if effort.hourly_rate_usd is None else []
        summary = (
            f"Not known: {', '.join(missing)} is not given."
            if missing
            else "Not known: no fine-tuned baseline was measured."
        )
        answer: AnswerWord = "unclear"
    else:
        n = s.evidence.data.n_learn + s.evidence.data.n_dev
        summary = f"{usd(labour)} of people's time, once, for {count(n)} training examples, their evaluation and refinement."
        answer = "yes"
    return _question(
        "costs.effort",
        "Costs",
        "What does it take to prepare training data, and to evaluate and refine the model?",
        answer,
        summary,
        evidence,
        "Other hours or another rate; examples that are there anyway cost nothing more.",
    )


def _compute(s: Situation) -> Question:
    tuned = s.tuned
    evidence: list[Evidence] = []
    answer: AnswerWord = "unclear"
    if tuned is None:
        summary = "No fine-tuned baseline was measured."
    else:
        record, model = tuned.measured.tuning, s.costs[tuned.name]
        parts = []
        if record is not None:
            hardware = f" on {record.hardware}" if record.hardware else ""
            evidence.append(
                _said(
                    "measured",
                    f"Training took {seconds(record.duration_s)}{hardware}: {count(record.n_examples)} examples, "
                    f"{number(record.epochs)} epochs, {count(record.tokens)} tokens.",
                )
            )
        training = model.one_off.get("training")
        if training is not None:
            parts.append(f"training costs {usd(training)}")
            evidence.append(_said("estimated", f"Training: {usd(training)}, from measured time or tokens and the price."))
        volume = likely(s.case.traffic.requests_per_month)
        serving = model.serving_usd(volume)
        if serving is not None:
            parts.append(f"hosting {usd(serving)} a month")
            evidence.append(_said("estimated", f"Hosting: {usd(serving)} a month at {count(volume)} requests."))
        if model.capacity_per_month is not None:
            evidence.append(
                _said("measured", f"One machine carries about {count(model.capacity_per_month)} requests a month.")
            )
        answer = "yes" if len(parts) == 2 else "unclear"
        summary = (
            f"{' and '.join(parts).capitalize()}." if parts else "What training and hosting cost is not known."
        )
    return _question(
        "costs.compute",
        "Costs",
        "What does it take to run the fine-tuning jobs, and to host the tuned model?",
        answer,
        summary,
        evidence,
        "Other machine prices, other volumes, a machine that runs only when needed.",
    )


def _data(s: Situation) -> Question:
    data = s.evidence.data
    n = data.n_learn + data.n_dev
    kind = s.case.task.kind
    evidence = [
        _said("measured", f"{count(n)} training examples ({count(data.n_dev)} of them the dev split), "
                          f"{count(data.n_held_out)} held-out items."),
    ]  # fmt: skip
    if s.case.task.labels:
        evidence.append(_said("measured", f"{number(n / len(s.case.task.labels))} training examples a label."))
    evidence += [_said("measured", f) for f in data.findings]
    tuned = s.tuned
    base = _base_of(s, tuned)
    pair = s.findings.pair(tuned.name, base.name) if tuned and base else None
    answer: AnswerWord = "unclear"
    if pair is None or tuned is None or base is None:
        summary = f"{count(n)} examples: whether they are enough shows only when a model is tuned on them."
        if n < 50:
            summary = f"{count(n)} examples are few: gains are usual from 50 to 100 on."
            evidence.append(_said("estimated", "Providers advise to start with 50 examples; gains are usual from 50 to 100 on."))
    elif pair.ci95[0] > 0:
        answer = "yes"
        summary = (
            f"Yes: {count(n)} examples lift the model by {pair.difference * 100:+.1f} points "
            f"over itself untuned ({percent(base.value)} to {percent(tuned.value)})."
        )
        evidence.append(_said("measured", f"{tuned.name} against {base.name}: {_interval_text(pair.ci95)}."))
    else:
        answer = "no"
        summary = f"No: tuning on {count(n)} examples does not surely lift the model over itself untuned."
        evidence.append(_said("measured", f"{tuned.name} against {base.name}: {_interval_text(pair.ci95)}."))
    return _question(
        "costs.data",
        "Costs",
        "Are there enough good examples for fine-tuning to have an effect?",
        answer,
        summary,
        evidence,
        "More examples, cleaner ones" + (", or documents to retrieve from." if kind == "question_answering" else "."),
    )


def _quality(s: Situation) -> Question:
    tuned, alternative = s.tuned, s.alternative
    evidence = [_said("measured", _standing_text(s, x)) for x in s.of_kind("fine_tuned")]
    answer: AnswerWord = "unclear"
    pair = s.findings.pair(tuned.name, alternative.name) if tuned and alternative else None
    if tuned is None or alternative is None or pair is None:
        summary = "Not known: a tuned model and an alternative must both be measured on the same items."
    else:
        evidence.append(_said("measured", _standing_text(s, alternative)))
        evidence.append(
            _said(
                "measured",
                f"{tuned.name} less {alternative.name}: {pair.difference * 100:+.1f} points, {_interval_text(pair.ci95)}, "
                f"{pair.test}, p = {pair.p_value:.3g}, n = {pair.n}.",
            )
        )
        if pair.ci95[0] > 0 and pair.p_value < 0.05:
            answer, word = "yes", "Yes"
        elif pair.ci95[1] < 0 or pair.ci95[1] < s.case.quality.min_gain:
            answer, word = "no", "No"
        else:
            word = "The held-out set cannot tell"
        summary = (
            f"{word}: {tuned.name} has {_score(s, tuned)}, the best alternative ({alternative.name}) {_score(s, alternative)}."
        )
        clean = tuned.quality.without_leaked
        if clean is not None:
            evidence.append(_said("measured", f"{tuned.name} without leaked items: {percent(clean)}."))
    return _question(
        "benefits.quality",
        "Benefits",
        "Did the fine-tuned model beat the baselines?",
        answer,
        summary,
        evidence,
        "More held-out items (a difference that now lies within the noise), or another base model.",
    )


def _cost(s: Situation) -> Question:
    tuned = s.tuned
    prompting = next(iter(s.of_kind("few_shot", "rag")), None) or next(iter(s.of_kind("zero_shot")), None)
    evidence: list[Evidence] = []
    answer: AnswerWord = "unclear"
    summary = "Not known: a tuned model and a prompted one must both be measured."
    if tuned is not None and prompting is not None:
        mine, theirs = _tokens(tuned), _tokens(prompting)
        if mine is None or theirs is None:
            summary = "Not known: the tokens of one of them are not known."
        else:
            answer = "yes" if mine < theirs else "no"
            change = f"{percent(abs(1 - mine / theirs), digits=0)} {'fewer' if mine < theirs else 'more'}" if theirs else ""
            summary = (
                f"{'Yes' if answer == 'yes' else 'No'}: {number(mine)} tokens a request against {number(theirs)} "
                f"of {prompting.name} ({change})."
            )
            for x in (tuned, prompting):
                t = x.tokens
                evidence.append(
                    _said(
                        "measured",
                        f"{x.name}: {number(t.input)} tokens in (of which {number(t.cached_input)} reused), "
                        f"{number(t.output)} out.",
                    )
                )
    evidence += [_said("estimated", b.text) for b in s.break_even if tuned is not None and b.baseline == tuned.name]
    return _question(
        "benefits.cost",
        "Benefits",
        "Does it use fewer tokens, because prompts get simpler?",
        answer,
        summary,
        evidence,
        "Longer or shorter prompts; prices for reused (cached) tokens; a machine paid by the hour makes tokens matter less.",
    )


def _extensibility(s: Situation) -> Question:
    tuned = s.tuned
    evidence: list[Evidence] = []
    summary = "Not measured: no second domain was evaluated."
    if tuned is not None and tuned.measured.tuning is not None and tuned.spec.tuning is not None:
        if tuned.spec.tuning.system in ("trl", "autotrain"):
            record = tuned.measured.tuning
            evidence.append(
                _said(
                    "estimated",
                    "The base model stays as it is: tuning made an adapter"
                    + (f" of {count(record.trainable_parameters)} parameters" if record.trainable_parameters else "")
                    + ", and another domain can have one of its own on the same base.",
                )
            )
            summary = "Likely: the base model is unchanged and takes an adapter for each domain; what tuning loses elsewhere was not measured."
    return _question(
        "benefits.extensibility",
        "Benefits",
        "Can the base model be reused for new domains?",
        "unclear",
        summary,
        evidence,
        "A second case, on which the tuned and the base model are both measured.",
    )


def _example_limit_text(s: Situation, few: Standing) -> str | None:
    """The two limits of few-shot prompting: how many examples fit, and that each is paid for in every request."""
    parts = few.tokens.parts
    k = few.measured.setting.get("examples")
    if parts is None or not isinstance(k, int) or k == 0 or not parts.examples:
        return None
    share = parts.examples / max(1.0, few.tokens.input or 0.0)
    each = parts.examples / k
    return (
        f"The {k} examples take {number(parts.examples)} tokens of every request ({percent(share, digits=0)} of the prompt, "
        f"about {number(each)} each), and are paid for again in each one."
    )


def _base_of(s: Situation, tuned: Standing | None) -> Standing | None:
    if tuned is None:
        return None
    return next((x for x in s.of_kind("zero_shot") if x.spec.model == tuned.spec.model), None)


def _tokens(x: Standing) -> float | None:
    return None if x.tokens.input is None or x.tokens.output is None else x.tokens.input + x.tokens.output


def _score(s: Situation, x: Standing) -> str:
    return f"{s.case.quality.metric} {percent(x.value)}"


def _against_bar(s: Situation, x: Standing) -> str:
    bar = s.case.quality.bar
    if bar is None:
        return ""
    return f", {'at or above' if (x.value or 0.0) >= bar else 'below'} the bar of {percent(bar)}"


def _standing_text(s: Situation, x: Standing) -> str:
    text = f"{x.name}: {_score(s, x)} (95% interval {interval(x.quality.ci95, fraction=True)}, n = {x.n})"
    return text + (f", with {_setting_text(x.measured.setting)}." if x.measured.setting else ".")


def _interval_text(ends: tuple[float, float]) -> str:
    return f"95% interval {interval(ends, fraction=True, signed=True)}"


def _setting_text(setting: dict[str, object]) -> str:
    return ", ".join(f"{v} {k}" if isinstance(v, int) else f"{k} = {v}" for k, v in setting.items()) or "no setting"


def _said(kind: EvidenceKind, text: str) -> Evidence:
    return Evidence(kind=kind, text=text)


def _question(
    id: str,
    section: str,
    question: str,
    answer: AnswerWord,
    summary: str,
    evidence: list[Evidence],
    would_change: str,
) -> Question:
    return Question(
        id=id,
        section=section,
        question=question,
        answer=answer,
        summary=summary,
        evidence=tuple(evidence),
        would_change=would_change,
    )
