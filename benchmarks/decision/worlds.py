"""Made-up decisions whose truth is known: qualities, tokens, prices, volumes and lives, drawn widely.

A world knows the true quality of each baseline and what it truly costs; the costs are written out here month by month,
in plain loops and apart from the package, so that they check it too. What the advisor gets to see is a held-out set of
limited size, the user's likely values, and ranges where the user is not sure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr

from advisor.cases.schema import Case
from advisor.catalogue.lifecycle import ServiceEnd
from advisor.decision.evidence import CaseEvidence, DataFacts
from advisor.records import ItemTable, Measured, Provenance, TuningRecord

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAYS_PER_MONTH = 365 / 12
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """One baseline as it truly is."""

    name: str
    kind: str
    quality: float
    tokens: tuple[float, float, float]
    """Input, the part of it that is reused, output; per request."""
    latency_s: float
    surrogate: float
    """A second metric, of which some tools take the average with the first."""


@dataclass(frozen=True)
class World:
    """A decision with its truth."""

    arms: tuple[Arm, ...]
    graded: bool
    agreement: float
    """Correlation of the difficulty of an item for different baselines."""
    n: int
    seed: int
    volume: float
    growth: float
    horizon: int
    correct_usd: float
    wrong_usd: float
    likely_volume: float
    """What the user believes; the truth lies within the range below."""
    volume_range: tuple[float, float] | None
    rates: tuple[float, float, float]
    """USD per million tokens: input, reused input, output."""
    tuned_rates: tuple[float, float, float] | None
    """None: the tuned model runs on a machine paid by the hour."""
    machine_usd_per_hour: float
    machine_s: float
    hours: tuple[float, float, float]
    hourly_rate: float
    retrains: float
    training_usd: float
    life_months: float | None
    label_minutes: float
    discount: float
    n_train: int

    def net_benefit(self, arm: Arm) -> float:
        """The true present value of its answers less its costs."""
        tuned = arm.kind == "fine_tuned"
        data, evaluation, refinement = (h * self.hourly_rate for h in self.hours)
        total = 0.0
        if tuned:
            total -= data + evaluation + refinement + self.training_usd
        elif arm.kind == "classifier":
            total -= data
        done = 0
        for month in range(1, self.horizon + 1):
            requests = self.volume * (1 + self.growth) ** (month - 1)
            paid = self._serving(arm, requests)
            if tuned:
                due = math.floor(self.retrains * month / 12 + 1e-9)
                paid += (due - done) * (self.training_usd + evaluation)
                done = due
                if self.life_months is not None and month == math.ceil(self.life_months):
                    paid += self.training_usd + evaluation + refinement
            earned = requests * (arm.quality * self.correct_usd + (1 - arm.quality) * self.wrong_usd)
            total += (earned - paid) / (1 + self.discount) ** (month / 12)
        return total

    def _serving(self, arm: Arm, requests: float) -> float:
        if arm.kind == "classifier":
            return requests * 0.001 / 3600 * self.machine_usd_per_hour
        rates = self.rates if arm.kind != "fine_tuned" else self.tuned_rates
        if rates is None:
            capacity = 730 * 3600 / self.machine_s
            return max(1.0, math.ceil(requests / capacity - 1e-9)) * 730 * self.machine_usd_per_hour
        read, reused, written = arm.tokens
        return requests * ((read - reused) * rates[0] + reused * rates[1] + written * rates[2]) / 1e6

    def evidence(self, n: int) -> CaseEvidence:
        """What is seen of the world with n held-out items; more items are more of the same, not other ones."""
        scores = {a.name: s for a, s in zip(self.arms, self._scores(n), strict=True)}
        case = self.case()
        measured = tuple(self._measured(case, a, scores[a.name]) for a in self.arms)
        ends = {}
        if self.life_months is not None:
            day = NOW.date() + timedelta(days=round(self.life_months * DAYS_PER_MONTH))
            end = ServiceEnd(date=day, reason="made up", source="made up", read_on=None)
            ends = {a.name: end for a in self.arms if a.kind == "fine_tuned"}
        return CaseEvidence(
            case=case,
            data=DataFacts(n_learn=self.n_train, n_dev=0, n_held_out=n, n_documents=1, leaked=frozenset()),
            measured=measured,
            run="made up",
            now=NOW,
            provenance=Provenance(advisor_version="0"),
            ends=ends,
        )

    def case(self) -> Case:
        """The case file of the world."""
        specs: list[dict[str, Any]] = []
        for arm in self.arms:
            spec: dict[str, Any] = {"name": arm.name, "kind": arm.kind}
            if arm.kind == "classifier":
                spec["serving"] = {"usd_per_hour": self.machine_usd_per_hour, "always_on": False}
            else:
                spec["model"] = "tuned" if arm.kind == "fine_tuned" else "base"
            if arm.kind == "fine_tuned":
                spec["tuning"] = {"system": "trl"}
            specs.append(spec)
        volume: Any = self.likely_volume
        if self.volume_range is not None:
            volume = {"low": self.volume_range[0], "likely": self.likely_volume, "high": self.volume_range[1]}
        serving = {
            "usd_per_hour": self.machine_usd_per_hour,
            "always_on": True,
            "requests_per_s": 1 / self.machine_s,
        }
        tuned = _prices(self.tuned_rates) if self.tuned_rates else {"serving": serving}
        remote = {"provider": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}
        return Case.model_validate(
            {
                "schema_version": 1,
                "name": "made_up",
                "use_case": {"description": "A made-up decision.", "aspect": "accuracy"},
                "task": {"kind": "classification", "instructions": "x", "labels": ["a", "b"]},
                "quality": {"metric": "accuracy" if not self.graded else "token_f1", "min_gain": 0.0},
                "data": {"documents": "documents/"} if any(a.kind == "rag" for a in self.arms) else {},
                "models": {
                    "base": {**remote, "model": "base", **_prices(self.rates)},
                    "tuned": {**remote, "model": "tuned", **tuned},
                },
                "baselines": specs,
                "traffic": {
                    "requests_per_month": volume,
                    "monthly_growth": self.growth,
                    "horizon_months": self.horizon,
                },
                "value": {"correct_usd": self.correct_usd, "wrong_usd": self.wrong_usd},
                "effort": {
                    "data_hours": self.hours[0],
                    "evaluation_hours": self.hours[1],
                    "refinement_hours": self.hours[2],
                    "hourly_rate_usd": self.hourly_rate,
                    "retrains_per_year": self.retrains,
                    "label_minutes_per_example": self.label_minutes,
                },
                "costs": {"discount_rate": self.discount},
            }
        )

    def _scores(self, n: int) -> list[Floats]:
        # a stream each, so that n items are the first n of more
        shared = np.random.default_rng([self.seed, 0]).standard_normal(n)
        rows = []
        for k, arm in enumerate(self.arms, start=1):
            own = np.random.default_rng([self.seed, k]).standard_normal(n)
            level = ndtr(math.sqrt(self.agreement) * shared + math.sqrt(1 - self.agreement) * own)
            if self.graded:
                rows.append(betaincinv(arm.quality * 2, (1 - arm.quality) * 2, level))
            else:
                rows.append((level < arm.quality).astype(float))
        return rows

    def _measured(self, case: Case, arm: Arm, scores: Floats) -> Measured:
        read, reused, written = (round(t) for t in arm.tokens)
        usage = {"input": read, "cached_input": reused, "output": written}
        items = ItemTable.of_rows(
            {
                "id": f"h{k}",
                "scores": {case.quality.metric: float(s)},
                "usage": usage,
                "latency_s": arm.latency_s,
                "compute_s": 0.001,
            }
            for k, s in enumerate(scores)
        )
        tuning = TuningRecord(
            system="trl", base_model="base", model_version="tuned", n_examples=self.n_train, epochs=3,
            tokens=100_000, duration_s=600, cost_usd=self.training_usd,
        )  # fmt: skip
        tuned = arm.kind == "fine_tuned"
        return Measured(
            name=arm.name,
            kind=arm.kind,
            model=None if arm.kind == "classifier" else "tuned" if tuned else "base",
            items=items,
            tuning=tuning if tuned else None,
            uses_retrieval=arm.kind == "rag",
        )


def draw(seed: int) -> World:
    """A world, by its number."""
    rng = np.random.default_rng([20261124, seed])
    kinds = ["zero_shot", "few_shot"]
    kinds += ["rag"] if rng.random() < 0.5 else []
    kinds += ["classifier"] if rng.random() < 0.4 else []
    kinds += ["fine_tuned"] * int(rng.integers(1, 3))
    zero = float(rng.uniform(0.2, 0.9))
    arms = []
    for k, kind in enumerate(kinds):
        above = {"zero_shot": 0.0, "few_shot": 0.05, "rag": 0.08, "classifier": 0.0, "fine_tuned": 0.12}[kind]
        spread = 0.0 if kind == "zero_shot" else 0.12
        quality = float(np.clip(zero + above + spread * rng.standard_normal(), 0.02, 0.99))
        read = {
            "zero_shot": rng.uniform(80, 800), "few_shot": rng.uniform(300, 4000), "rag": rng.uniform(600, 6000),
            "classifier": 0.0, "fine_tuned": rng.uniform(50, 500),
        }[kind]  # fmt: skip
        reused = round(read) * rng.uniform(0, 0.7) if kind != "fine_tuned" else 0.0
        surrogate = float(np.clip(quality + 0.08 * rng.standard_normal(), 0, 1))
        tokens = (float(round(read)), float(round(reused)), float(round(rng.uniform(3, 300))))
        arms.append(Arm(f"{kind}_{k}", kind, quality, tokens, float(rng.lognormal(-0.5, 0.6)), surrogate))
    likely = float(10 ** rng.uniform(3, 6.3))
    given = None
    volume = likely
    if rng.random() < 0.4:
        given = (likely * float(rng.uniform(0.2, 0.9)), likely * float(rng.uniform(1.1, 5)))
        volume = float(rng.triangular(given[0], likely, given[1]))
    price = float(10 ** rng.uniform(-1.3, 0.5))
    rates = (price, price * float(rng.uniform(0.1, 0.5)), price * float(rng.uniform(2, 8)))
    factor = float(rng.uniform(1, 2))
    correct = float(10 ** rng.uniform(-3, 0))
    return World(
        arms=tuple(arms),
        graded=bool(rng.random() < 0.2),
        agreement=float(rng.uniform(0.2, 0.8)),
        n=int(rng.choice([50, 100, 200, 500, 1000])),
        seed=seed,
        volume=volume,
        growth=float(rng.uniform(-0.02, 0.08)),
        horizon=int(rng.integers(6, 37)),
        correct_usd=correct,
        wrong_usd=-correct * float(rng.uniform(0, 1.5)),
        likely_volume=likely,
        volume_range=given,
        rates=rates,
        tuned_rates=(price * factor, rates[1] * factor, rates[2] * factor) if rng.random() < 0.5 else None,
        machine_usd_per_hour=float(10 ** rng.uniform(-0.7, 0.5)),
        machine_s=float(10 ** rng.uniform(-2, 0)),
        hours=(float(rng.uniform(8, 200)), float(rng.uniform(4, 40)), float(rng.uniform(4, 80))),
        hourly_rate=float(rng.uniform(30, 150)),
        retrains=float(rng.choice([0, 1, 2, 4])),
        training_usd=float(10 ** rng.uniform(0.7, 3.5)),
        life_months=float(rng.uniform(3, 40)) if rng.random() < 0.4 else None,
        label_minutes=float(rng.uniform(0.5, 8)),
        discount=float(rng.choice([0.0, 0.05, 0.1])),
        n_train=int(rng.integers(100, 3000)),
    )


def _prices(rates: tuple[float, float, float]) -> dict[str, Any]:
    return {"prices": {"input": rates[0], "cached_input": rates[1], "output": rates[2]}}
