"""A published study as a real case: its summary figures laid out over placeholder items.

A study publishes one figure per alternative, not what happened to each item. The advisor works on items, so every
figure is laid out over n placeholder items, deterministically:

- right or wrong: exactly round(n · score) items are right;
- graded: the quantiles of a Beta distribution with that mean. Its spread over the items is hardly ever published;
  a standard deviation of 0.25 is assumed, or four fifths of the largest one that the mean allows.

Which items two alternatives share is not published either. They are laid out as if independent: two alternatives
with shares p and q of right items have p·q of them in common. Real models mostly fail on the same hard items, which
makes paired intervals narrower, so independence is the careful choice. `pairing="shared"` is the other end: all
alternatives order the items alike.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict
from scipy.stats import beta

from advisor.records import BaselineKind, DecisionWord

FOLDER = Path(__file__).parent / "studies"
ASSUMED_N = 100
"""Items where a study does not say how many it had."""
MAX_N = 2_000
"""More items than this are not laid out: fewer are the careful choice."""
MIN_GAIN = 0.02
N_TRAIN = 100
GRADED_SD = 0.25
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)
Pairing = Literal["independent", "shared"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """Where figures of a study can be read."""

    url: str
    where: str
    """What stands there, and in which place."""


class Alternative(_Part):
    """One way that the study tried, with its published figure."""

    name: str
    kind: BaselineKind
    model: str
    score: float
    setting: str = ""
    retrieval: bool = False
    usd_per_hour: float | None = None
    usd_per_request: float | None = None


class StudyCase(_Part):
    """One comparison of a study: one model, data set or amount of data."""

    name: str
    n: int | None
    """Items of the test set; None where the study does not say."""
    alternatives: tuple[Alternative, ...]
    conclusion: DecisionWord | None = None
    """Where the authors conclude otherwise for this comparison than for the study."""


class Study(_Part):
    """A published comparison of fine-tuning with something else."""

    id: str
    title: str
    citation: str
    sources: tuple[Source, ...]
    task: str
    metric: str
    """As the study calls it."""
    graded: bool
    """Whether an item's score can lie between 0 and 1."""
    conclusion: DecisionWord
    """The authors' conclusion; `not_yet` where they compare tuning with nothing, or withdrew the figure."""
    in_our_words: str
    costs: str | None = None
    requests: float | None = None
    """Requests over the horizon that the study's costs are for; None: costs play no part."""
    notes: tuple[str, ...] = ()
    cases: tuple[StudyCase, ...]

    def concluded(self, case: StudyCase) -> DecisionWord:
        """What the authors conclude of one comparison."""
        return case.conclusion or self.conclusion


def read_studies(folder: Path = FOLDER) -> tuple[Study, ...]:
    """All studies, by file name."""
    return tuple(
        Study.model_validate({"id": p.stem, **yaml.safe_load(p.read_text(encoding="utf-8"))})
        for p in sorted(folder.glob("*.yaml"))
    )


def items_of(case: StudyCase) -> int:
    """How many items a comparison is laid out over."""
    return min(case.n or ASSUMED_N, MAX_N)


def lay_out(scores: Mapping[str, float], n: int, *, graded: bool, pairing: Pairing) -> dict[str, list[float]]:
    """Scores of n items for each alternative, from their means.

    Items are ordered by the fractional part of i·√p, with another prime p for each alternative: a Kronecker sequence,
    which fills the unit square evenly, so that any two orders are as good as independent.
    """
    laid_out = {}
    for position, (name, mean) in enumerate(scores.items()):
        prime = _PRIMES[0 if pairing == "shared" else position]
        order = np.argsort(np.arange(1, n + 1) * math.sqrt(prime) % 1.0, kind="stable")
        ranked = _graded(mean, n) if graded else np.arange(n) < round(n * mean)
        values = np.empty(n)
        values[order] = ranked
        laid_out[name] = [float(v) for v in values]
    return laid_out


def _graded(mean: float, n: int) -> Any:
    """Scores in descending order with this mean and the assumed spread."""
    if mean in (0.0, 1.0):
        return np.full(n, mean)
    sd = min(GRADED_SD, 0.8 * math.sqrt(mean * (1 - mean)))
    size = mean * (1 - mean) / sd**2 - 1
    values = beta.ppf((np.arange(n, 0, -1) - 0.5) / n, mean * size, (1 - mean) * size)
    return np.clip(values + (mean - values.mean()), 0.0, 1.0)


def write_case(folder: Path, study: Study, case: StudyCase, *, n: int, pairing: Pairing) -> Path:
    """Writes the case folder of one comparison; returns the file of its results, to be imported."""
    folder.mkdir(parents=True)
    (folder / "case.yaml").write_text(
        yaml.safe_dump(_case(study, case), sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    _write_lines(folder / "train.jsonl", [_placeholder("train", i) for i in range(N_TRAIN)])
    _write_lines(folder / "held_out.jsonl", [_placeholder("held_out", i) for i in range(n)])
    if any(_retrieves(a) for a in case.alternatives):
        (folder / "documents").mkdir()
        (folder / "documents" / "placeholder.md").write_text("Placeholder of the study's documents.\n")
    scores = lay_out({a.name: a.score for a in case.alternatives}, n, graded=study.graded, pairing=pairing)
    paid = {a.name: a.usd_per_request for a in case.alternatives}
    lines = [
        {
            "baseline": name,
            "id": _item_id("held_out", i),
            "score": score,
            "input_tokens": 100,
            "output_tokens": 10,
        }
        | ({} if paid[name] is None else {"cost_usd": paid[name]})
        for name, values in scores.items()
        for i, score in enumerate(values)
    ]
    results = folder / "published.jsonl"
    _write_lines(results, lines)
    return results


def _case(study: Study, case: StudyCase) -> dict[str, Any]:
    """`case.yaml` with the same neutral assumptions for all studies: no bar, no traffic, no effort.

    Where a study gives no costs, all alternatives cost the same by the token: then quality alone decides, as it did
    for its authors.
    """
    documents = any(_retrieves(a) for a in case.alternatives)
    horizon = 12
    return {
        "schema_version": 1,
        "name": re.sub(r"[^A-Za-z0-9_.-]+", "_", f"{study.id}-{case.name}")[:64],
        "title": f"{study.title} ({case.name})",
        "use_case": {"description": study.task, "aspect": "knowledge" if documents else "accuracy"},
        "task": {"kind": "generation" if study.graded else "question_answering", "instructions": study.task},
        "quality": {"metric": "token_f1" if study.graded else "exact_match", "min_gain": MIN_GAIN},
        "data": {"documents": "documents"} if documents else {},
        "models": {f"m{i}": _model(a) for i, a in enumerate(case.alternatives)},
        "baselines": [_baseline(a, f"m{_first(case, a)}") for a in case.alternatives],
        "traffic": {"requests_per_month": (study.requests or 0.0) / horizon, "horizon_months": horizon},
        "effort": {"data_hours": 0, "evaluation_hours": 0, "refinement_hours": 0, "hourly_rate_usd": 0},
    }


def _first(case: StudyCase, alternative: Alternative) -> int:
    """The position of the first alternative of the same model and price: baselines of one model share its entry."""
    return next(i for i, a in enumerate(case.alternatives) if _model(a) == _model(alternative))


def _model(alternative: Alternative) -> dict[str, Any]:
    model: dict[str, Any] = {
        "provider": "openai_compatible",
        "model": alternative.model,
        "base_url": "http://127.0.0.1:9/v1",  # nothing is ever asked
    }
    if alternative.usd_per_hour is not None:
        return {**model, "serving": {"usd_per_hour": alternative.usd_per_hour}}
    if alternative.usd_per_request is not None:
        return model  # the cost comes with the results
    return {**model, "prices": {"input": 1.0, "output": 1.0}}


def _baseline(alternative: Alternative, model: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": alternative.name, "kind": alternative.kind, "model": model}
    if alternative.kind == "fine_tuned":
        spec["tuning"] = {"system": "existing", "model": alternative.model}
        spec["retrieval"] = alternative.retrieval
    return spec


def _retrieves(alternative: Alternative) -> bool:
    return alternative.retrieval or alternative.kind == "rag"


def _placeholder(split: str, number: int) -> dict[str, str]:
    """An item without content: a made-up word of its own, so that the audit does not call all items duplicates."""
    digest = hashlib.sha256(f"{split} {number}".encode()).digest()
    word = "".join(chr(ord("a") + byte % 26) for byte in digest[:12])
    return {"id": _item_id(split, number), "input": word, "output": word}


def _item_id(split: str, number: int) -> str:
    return f"placeholder_{split}_{number}"


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
