"""The ten questions of the lesson on fine-tuning, answered from the evidence.

Each answer says what it rests on (measured, estimated, declared) and what would change it. What the user has
declared is shown as such and never overrides a measurement.
"""

from __future__ import annotations

from advisor.decision.questions import alternatives, benefits, costs
from advisor.decision.questions.situation import Situation
from advisor.records import Evidence, Question

__all__ = ["Situation", "answer_questions"]


def answer_questions(situation: Situation) -> tuple[Question, ...]:
    """The ten questions, in the lesson's order."""
    questions = (
        alternatives.use_case(situation),
        alternatives.prompting(situation),
        alternatives.rag(situation),
        costs.tunability(situation),
        costs.effort(situation),
        costs.compute(situation),
        costs.data(situation),
        benefits.quality(situation),
        benefits.cost(situation),
        benefits.extensibility(situation),
    )
    declared = situation.case.declared
    return tuple(
        q.model_copy(update={"evidence": (*q.evidence, Evidence(kind="declared", text=declared[q.id]))})
        if q.id in declared
        else q
        for q in questions
    )
