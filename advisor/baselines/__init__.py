"""How a question is put: zero-shot, few-shot, retrieval-augmented, fine-tuned, classifier."""

from __future__ import annotations

from advisor.baselines.base import Ask, Baseline, Material, Setting, prompt_parts
from advisor.baselines.classifier import Classifier
from advisor.baselines.prompting import FewShot, Retrieval, ZeroShot
from advisor.cases.baseline_spec import BaselineSpec

__all__ = ["Ask", "Baseline", "Material", "Setting", "build_baseline", "prompt_parts"]

_KINDS: dict[str, type[ZeroShot] | type[Classifier]] = {
    "zero_shot": ZeroShot,
    "few_shot": FewShot,
    "rag": Retrieval,
    "fine_tuned": ZeroShot,  # a tuned model is asked as it was trained: with the bare question
    "classifier": Classifier,
}


def build_baseline(spec: BaselineSpec, material: Material) -> Baseline:
    """The way of asking that a case's baseline stands for."""
    kind = Retrieval if spec.uses_retrieval else _KINDS[spec.kind]
    return kind(spec, material)
