"""The lesson's ten questions as a form shows them: what each means, what is measured, and what only people know."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.cases.schema import Case
from advisor.records import BaselineKind


@dataclass(frozen=True)
class AboutQuestion:
    """What somebody who fills in a case should know about one question."""

    id: str
    section: str
    question: str
    meaning: str
    measured: str
    """What is measured or computed for it, and by what."""
    declare: str
    """What only people can say."""
    example: str
    """Of a declaration in one's own words."""
    kinds: tuple[BaselineKind, ...] = ()
    """The baselines that answer it; none where no baseline does."""

    def answered_by(self, case: Case) -> tuple[str, ...]:
        """The names of the case's baselines that answer it."""
        return tuple(b.name for b in case.baselines if b.kind in self.kinds)


ABOUT_QUESTIONS = (
    AboutQuestion(
        "use_case",
        "Use case",
        "What is the use case, and which aspect of the current pre-trained model should improve?",
        "Tuning changes how a model does one task. Without a task and an aspect to improve, nothing can be better.",
        "How good the untuned model is today, on your held-out examples.",
        "What the task is for, and whether accuracy, format, knowledge, tone, latency or cost should improve.",
        "Two clerks retype 9,000 orders a month. The wording is easy; it is the format that the model gets wrong.",
        ("zero_shot",),
    ),
    AboutQuestion(
        "alternatives.prompting",
        "Alternatives",
        "Was prompt engineering tried (few-shot prompting with relevant examples), and how good were the answers?",
        "Examples in the prompt are the cheapest way to better answers. Each is paid for in every request.",
        "Quality and tokens of prompts without and with examples; how many examples is chosen on a dev split.",
        "What was tried already, and by whom.",
        "We tried five prompts in spring; answers had the right content, but not our house style.",
        ("zero_shot", "few_shot"),
    ),
    AboutQuestion(
        "alternatives.rag",
        "Alternatives",
        "Was retrieval-augmented generation tried (prompts extended with search results from the user's data), and how "
        "good were the answers?",
        "Facts that change, or that no model can know, are better looked up than learned.",
        "Quality of prompts with the passages that a search finds in your documents, and how often it is right.",
        "Whether there are documents that hold the answers, and what keeping them searchable costs.",
        "The handbook holds all answers and changes every quarter.",
        ("rag",),
    ),
    AboutQuestion(
        "costs.tunability",
        "Costs",
        "Is the pre-trained model available for fine-tuning (to this organisation, today, and for how long)?",
        "Not every model may be tuned, by everybody, for ever. A tuned model ends with its base model.",
        "Nothing is measured: the dated catalogue says what may be tuned, and until when.",
        "Your organisation's standing with the provider, and agreements that you have.",
        "We have a contract until 2028 and have tuned a model there before.",
        ("fine_tuned",),
    ),
    AboutQuestion(
        "costs.effort",
        "Costs",
        "What does it take to prepare training data, and to evaluate and refine the model?",
        "People's hours are often the largest cost, and they come again with each retraining.",
        "Nothing is measured: hours and rates are yours, and costs are computed from them.",
        "Hours for data, evaluation and refinement, the price of an hour, and retrainings a year.",
        "An intern labels 60 messages an hour; a lead checks a tenth of them.",
    ),
    AboutQuestion(
        "costs.compute",
        "Costs",
        "What does it take to run the fine-tuning jobs, and to host the tuned model?",
        "Training is paid once, hosting every hour: at low traffic hosting decides.",
        "Tokens and time of training and answering; prices come from the catalogue or the case.",
        "Requests a month and how they grow, the busiest hour, and what a machine costs.",
        "We have a server that is idle at night.",
        ("fine_tuned",),
    ),
    AboutQuestion(
        "costs.data",
        "Costs",
        "Are there enough good examples for fine-tuning to have an effect?",
        "Tuning on few, or on contradictory, examples brings nothing, or makes a model worse.",
        "Number of examples, near duplicates, contradictions and labels; a learning curve where the case asks for one.",
        "How many more examples there are, and what labelling one takes.",
        "There are 4,000 more in the archive, not labelled yet.",
        ("fine_tuned",),
    ),
    AboutQuestion(
        "benefits.quality",
        "Benefits",
        "Did the fine-tuned model beat the baselines?",
        "Only a difference that is larger than chance, and than the smallest gain worth having, counts.",
        "Quality of the tuned model against every other, on the same held-out examples, with intervals.",
        "What is good enough, the smallest gain worth having, and what a right and a wrong answer are worth.",
        "A wrong queue costs a minute of reading and passing on.",
        ("fine_tuned", "few_shot", "zero_shot", "rag", "classifier"),
    ),
    AboutQuestion(
        "benefits.cost",
        "Benefits",
        "Does it use fewer tokens, because prompts get simpler?",
        "What a model has learned need not be said in each prompt.",
        "Tokens of each baseline's prompts and answers, and from how many requests on tuning is cheaper.",
        "Requests a month, and how far ahead you plan.",
        "Traffic doubles in autumn, when the second shop opens.",
        ("fine_tuned", "few_shot", "rag"),
    ),
    AboutQuestion(
        "benefits.extensibility",
        "Benefits",
        "Can the base model be reused for new domains?",
        "A tuned model is better at one thing, and may be worse at others.",
        "Tuned and base model on the held-out sets of other cases, where `extensibility` names some.",
        "Which domains come next.",
        "Next year the same model should sort the mail of the second brand.",
        ("fine_tuned",),
    ),
)
"""In the lesson's order."""
