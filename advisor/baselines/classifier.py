"""The baseline without a language model: features and logistic regression.

The honest answer to "should we fine-tune?" is sometimes "neither". It answers the same requests through the
same protocol as a chat model, so that it is measured, stored and resumed in the same way.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from advisor.baselines.base import Ask, Material, Setting
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.schema import Example
from advisor.models.base import ChatModel
from advisor.prompts import build_request
from advisor.records import ChatRequest, Completion, Failure, Message, Usage

# Inverse regularisation strengths; chosen on the dev split
STRENGTHS = (1.0, 10.0, 100.0)
_BATCH = 64


class Classifier:
    """TF-IDF or embeddings with logistic regression, learned from the training examples."""

    def __init__(self, spec: BaselineSpec, material: Material) -> None:
        self.spec = spec
        self.material = material
        self._models: dict[str, ClassifierModel] = {}

    def settings(self) -> tuple[Setting, ...]:
        """How strongly it is regularised."""
        return tuple({"C": c} for c in STRENGTHS)

    def ask(self, item: Example, setting: Setting) -> Ask:
        """The bare question; the classifier reads its last message only."""
        return Ask(build_request(self.material.task, item))

    def answerer(self, setting: Setting) -> ChatModel | None:
        """The classifier itself."""
        name = json.dumps(setting, sort_keys=True)
        if name not in self._models:
            features = self.spec.features or "tfidf"
            self._models[name] = ClassifierModel(self.material.learn, features, float(str(setting["C"])))
        return self._models[name]


class ClassifierModel:
    """A fitted classifier that answers as a chat model does. It is fitted when first asked."""

    provider = "classifier"
    context_window = None

    def __init__(self, learn: Sequence[Example], features: str, strength: float) -> None:
        self._learn = learn
        self._features = features
        self._strength = strength
        self._predict: Callable[[Sequence[str]], tuple[list[str], Any, list[str]]] | None = None
        content = [features, strength, [(e.input_text, e.output) for e in learn]]
        digest = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
        self.version = f"classifier-{features}@{digest[:16]}"

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Zero: it knows no tokens."""
        return 0

    def count_text_tokens(self, text: str) -> int:
        """Zero: it knows no tokens."""
        return 0

    def batches(self, requests: Sequence[ChatRequest]) -> list[list[int]]:
        """In the given order."""
        return [list(range(i, min(i + _BATCH, len(requests)))) for i in range(0, len(requests), _BATCH)]

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[list[tuple[int, Completion | Failure]]]:
        """The most probable label of each request's last message."""
        if self._predict is None:
            self._predict = self._fit()
        started = time.perf_counter()
        labels, probabilities, classes = self._predict([r.messages[-1].content for r in requests])
        elapsed = time.perf_counter() - started
        yield [
            (
                i,
                Completion(
                    text=label,
                    usage=Usage(),
                    latency_s=elapsed,
                    compute_s=elapsed / len(requests),
                    finish_reason="stop",
                    model_version=self.version,
                    label_scores=dict(zip(classes, map(float, probabilities[i]), strict=True)),
                ),
            )
            for i, label in enumerate(labels)
        ]

    def close(self) -> None:
        """Nothing is held."""

    def _fit(self) -> Callable[[Sequence[str]], tuple[list[str], Any, list[str]]]:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline, make_union
        from sklearn.preprocessing import FunctionTransformer

        texts = [e.input_text for e in self._learn]
        labels = [str(e.output) for e in self._learn]
        if len(set(labels)) == 1:
            only = labels[0]
            return lambda asked: ([only] * len(asked), [[1.0]] * len(asked), [only])
        if self._features == "embeddings":
            from advisor.retrieval.dense import load_embedder

            features: Any = FunctionTransformer(load_embedder())
        else:
            features = make_union(
                TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
                TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
            )
        # balanced, because a rare label counts as much to whoever is sent the wrong way
        model = make_pipeline(
            features,
            LogisticRegression(C=self._strength, max_iter=2000, class_weight="balanced", random_state=0),
        )
        model.fit(texts, labels)
        classes = [str(c) for c in model.classes_]

        def predict(asked: Sequence[str]) -> tuple[list[str], Any, list[str]]:
            probabilities = model.predict_proba(list(asked))
            return [classes[i] for i in probabilities.argmax(axis=1)], probabilities, classes

        return predict
