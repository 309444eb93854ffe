"""What tuning takes: a model that may be tuned, people, machines, examples."""

from __future__ import annotations

from advisor.cases.numbers import likely
from advisor.decision.questions.situation import (
    Situation,
    answered,
    interval_text,
    said,
)
from advisor.economics.capacity import capacity_of
from advisor.economics.costs import total
from advisor.economics.drivers import drivers_of
from advisor.economics.serving import month_usd
from advisor.formatting import count, difference, number, percent, seconds, usd
from advisor.records import AnswerWord, Evidence, Question


def tunability(s: Situation) -> Question:
    """Whether the model can be tuned."""
    specs = [b for b in s.case.baselines if b.kind == "fine_tuned" and b.model is not None]
    evidence: list[Evidence] = []
    answers: list[AnswerWord] = []
    for name in dict.fromkeys(str(b.model) for b in specs):
        model, found = s.case.models[name], s.evidence.tunability.get(name)
        if found is not None:
            answers.append(found.answer)
            source = (
                f" Source: {found.source}{f', read {found.read_on}' if found.read_on else ''}."
                if found.source
                else ""
            )
            evidence.append(said("estimated", f"{model.base_model or model.model}: {found.reason}{source}"))
        if model.organisation is not None:
            word = model.organisation.replace("_", " ")
            evidence.append(said("declared", f"The organisation's standing with {model.provider}: {word}."))
    for spec in specs:
        end = s.evidence.ends.get(spec.name)
        if end is not None:
            evidence.append(said("estimated", f"{spec.name}: {end.reason} Source: {end.source}."))
    tuned_here = any(x.measured.tuning is not None for x in s.of_kind("fine_tuned"))
    if tuned_here:
        evidence.append(said("measured", "A tuning job of this model ended well."))
    answer: AnswerWord = "unclear"
    if "yes" in answers or (tuned_here and "no" not in answers):
        answer = "yes"
    elif answers and set(answers) == {"no"}:
        answer = "no"
    untils = [t.until for t in s.evidence.tunability.values() if t.until is not None and t.answer == "yes"]
    until = f" The last day on which a job can start is {min(untils)}." if untils else ""
    summary = {
        "yes": f"Yes: the model can be tuned.{until}",
        "no": "No: no model of this case can be tuned today.",
        "unclear": "Whether the model can be tuned is not known."
        if specs
        else "The case has no fine-tuned baseline, so no model to tune is named.",
    }[answer]
    return answered(
        "costs.tunability",
        "Costs",
        "Is the pre-trained model available for fine-tuning (to this organisation, today, and for how long)?",
        answer,
        summary,
        evidence,
        "The provider's announcements, and your organisation's standing with it (`organisation` of the model); for "
        "open weights, only a change of licence for future versions.",
    )


def effort(s: Situation) -> Question:
    """What people's time costs."""
    effort = s.case.effort
    tuned = s.tuned
    cost = s.cost(tuned.name) if tuned else None
    hours = {name: getattr(effort, f"{name}_hours") for name in ("data", "evaluation", "refinement")}
    evidence = [
        said("declared", f"{name.capitalize()}: {number(likely(h))} hours.")
        for name, h in hours.items()
        if h is not None
    ]
    if effort.hourly_rate_usd is not None:
        evidence.append(said("declared", f"An hour costs {usd(likely(effort.hourly_rate_usd))}."))
    if likely(effort.retrains_per_year):
        evidence.append(said("declared", f"{number(likely(effort.retrains_per_year))} retrainings a year."))
    labour = (
        None if cost is None else total([cost.parts.get(k) for k in ("data", "evaluation", "refinement")])
    )
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
        summary = (
            f"{usd(labour)} of people's time, once, for {count(n)} training examples, "
            "their evaluation and refinement."
        )
        answer = "yes"
    return answered(
        "costs.effort",
        "Costs",
        "What does it take to prepare training data, and to evaluate and refine the model?",
        answer,
        summary,
        evidence,
        "Other hours or another rate; examples that are there anyway cost nothing more.",
    )


def compute(s: Situation) -> Question:
    """What training and hosting cost."""
    tuned = s.tuned
    evidence: list[Evidence] = []
    answer: AnswerWord = "unclear"
    if tuned is None:
        summary = "No fine-tuned baseline was measured."
    else:
        record, model, cost = tuned.measured.tuning, s.costs[tuned.name], s.cost(tuned.name)
        parts = []
        if record is not None:
            hardware = f" on {record.hardware}" if record.hardware else ""
            evidence.append(
                said(
                    "measured",
                    f"Training took {seconds(record.duration_s)}{hardware}: {count(record.n_examples)} examples, "
                    f"{number(record.epochs)} epochs, {count(record.tokens)} tokens.",
                )
            )
        training = cost.parts.get("training")
        if tuned.spec.tuning is not None and tuned.spec.tuning.system == "existing":
            parts.append("its training was done already")
        elif training is not None:
            parts.append(f"training costs {usd(training)}")
            evidence.append(
                said("estimated", f"Training: {usd(training)}, from measured time or tokens and the price.")
            )
        volume = likely(s.case.traffic.requests_per_month)
        serving = month_usd(model, drivers_of(s.case), volume)
        if serving is not None:
            hosted = model.by_the_month
            parts.append(f"{'hosting' if hosted else 'its answers cost'} {usd(serving)} a month")
            by = "by the token" if model.billing == "tokens" else "by the time that they take"
            what = "Hosting" if hosted else f"Answers, priced {by}"
            evidence.append(said("estimated", f"{what}: {usd(serving)} a month at {count(volume)} requests."))
        if tuned.measured.load is not None:
            evidence.append(said("measured", capacity_of(s.case, tuned.spec, tuned.measured.load).text))
        elif cost.capacity_per_month is not None:
            serving_spec = s.case.models[str(tuned.spec.model)].serving
            declared = serving_spec is not None and serving_spec.requests_per_s is not None
            evidence.append(
                said(
                    "declared" if declared else "measured",
                    f"One machine carries about {count(cost.capacity_per_month)} requests a month.",
                )
            )
        answer = "yes" if len(parts) == 2 else "unclear"
        summary = (
            f"{' and '.join(parts).capitalize()}."
            if parts
            else "What training and hosting cost is not known."
        )
    return answered(
        "costs.compute",
        "Costs",
        "What does it take to run the fine-tuning jobs, and to host the tuned model?",
        answer,
        summary,
        evidence,
        "Other machine prices, other volumes, a machine that runs only when needed.",
    )


def data(s: Situation) -> Question:
    """Whether the examples have an effect."""
    data = s.evidence.data
    n = data.n_learn + data.n_dev
    kind = s.case.task.kind
    evidence = [
        said("measured", f"{count(n)} training examples ({count(data.n_dev)} of them the dev split), "
                          f"{count(data.n_held_out)} held-out items."),
    ]  # fmt: skip
    if s.case.task.labels:
        evidence.append(said("measured", f"{number(n / len(s.case.task.labels))} training examples a label."))
    evidence += [said("measured", f) for f in data.findings]
    tuned = s.tuned
    base = s.findings.base_of(tuned) if tuned else None
    pair = s.findings.pair(tuned.name, base.name) if tuned and base else None
    answer: AnswerWord = "unclear"
    if pair is None or tuned is None or base is None:
        summary = f"{count(n)} examples: whether they are enough shows only when a model is tuned on them."
        if n < 50:
            summary = f"{count(n)} examples are few: gains are usual from 50 to 100 on."
            evidence.append(
                said(
                    "estimated",
                    "Providers advise to start with 50 examples; gains are usual from 50 to 100 on.",
                )
            )
    elif pair.ci95[0] > 0:
        answer = "yes"
        summary = (
            f"Yes: {count(n)} examples lift the model by {difference(pair.difference, fraction=True)} "
            f"over itself untuned ({base.name}, {percent(base.value)} to {percent(tuned.value)})."
        )
        evidence.append(said("measured", f"{tuned.name} against {base.name}: {interval_text(pair.ci95)}."))
    else:
        answer = "no"
        summary = f"No: tuning on {count(n)} examples does not surely lift the model over itself untuned."
        if pair.ci95[1] < 0:
            summary = (
                f"No: tuned on {count(n)} examples the model is worse than itself untuned, by "
                f"{difference(pair.difference, fraction=True)} ({base.name}, {percent(base.value)} to "
                f"{percent(tuned.value)})."
            )
        evidence.append(said("measured", f"{tuned.name} against {base.name}: {interval_text(pair.ci95)}."))
    curve = s.learning
    if curve is not None:
        values = ", ".join(f"{percent(p.value)} at {count(p.n_examples)}" for p in curve.points)
        evidence.append(said("measured", f"{curve.metric} by training examples: {values}."))
        evidence.append(said("estimated" if curve.at_double else "measured", curve.text))
        if curve.at_double is not None:
            summary += f" {curve.text}"
    return answered(
        "costs.data",
        "Costs",
        "Are there enough good examples for fine-tuning to have an effect?",
        answer,
        summary,
        evidence,
        "More examples, cleaner ones"
        + (", or documents to retrieve from." if kind == "question_answering" else ".")
        + (
            " What twice the data would bring is measured with `tuning.learning_curve: [0.25, 0.5]` and priced with "
            "`effort.label_minutes_per_example`."
            if curve is None and tuned is not None
            else ""
        ),
    )
