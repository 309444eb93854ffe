"""Decisions to tell, invented: one with all there can be, one nearly empty, one with hostile text everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from advisor.cases.schema import QUESTION_IDS
from advisor.records import (
    AtDouble,
    BaselineNoise,
    BaselineOdds,
    BaselineSummary,
    BreakEven,
    CaseFacts,
    Comparison,
    Cost,
    CostsOverTime,
    Decision,
    DifferenceNoise,
    ElsewhereResult,
    Evidence,
    Extensibility,
    Finding,
    Flip,
    Information,
    Latency,
    LearningCurve,
    LearningPoint,
    LearningStep,
    MapPoint,
    MoreExamples,
    Noise,
    Payback,
    PowerLaw,
    PromptParts,
    Provenance,
    Purchase,
    Quality,
    Question,
    ReadinessItem,
    RetrievalQuality,
    SeedQuality,
    SeedSpread,
    SettingTrial,
    Slice,
    Tokens,
    TornadoBar,
    TuningRecord,
    Uncertainty,
    Verdict,
    VersionChange,
    VersionShare,
    WithoutDuplicates,
)

HOSTILE = (
    "<script>alert(1)</script></style><b>\"onload=x' javascript:1 \x1b[31mred\x1b[0m \u202eevil\u202c \x00 "
    "[bold]markup[/bold] | `code` **x** {{ 7*7 }} ![i](http://evil.example/p.png) & </svg>"
)

_QUESTIONS = {
    "use_case": (
        "Use case",
        "What is the use case, and which aspect of the current pre-trained model should improve?",
        "yes",
        "Route messages of customers to one of eight teams; accuracy should reach 85%. Without examples the "
        "model gets 31.5% right.",
        "Another aspect, or a bar that an alternative reaches already.",
    ),
    "alternatives.prompting": (
        "Alternatives",
        "Was prompt engineering tried (few-shot prompting with relevant examples), and how good were the answers?",
        "yes",
        "Five nearest examples in each prompt give 74.0%, 11 points short of the bar, and cost 310 tokens a request.",
        "A larger context window, or examples chosen better on the dev split.",
    ),
    "alternatives.rag": (
        "Alternatives",
        "Was retrieval-augmented generation tried (prompts extended with search results from the user's data), "
        "and how good were the answers?",
        "yes",
        "Four passages in each prompt give 66.5%; the right document was among them for 81% of the items.",
        "Documents that hold the answers, or a search that finds them more often.",
    ),
    "costs.tunability": (
        "Costs",
        "Is the pre-trained model available for fine-tuning (to this organisation, today, and for how long)?",
        "yes",
        "The weights are open and on this machine; nobody can withdraw them.",
        "A hosted model instead, whose provider sets a closing date.",
    ),
    "costs.effort": (
        "Costs",
        "What does it take to prepare training data, and to evaluate and refine the model?",
        "yes",
        "40 hours of work at $80 an hour at first, and 16 hours for each of two retrainings a year.",
        "A different hourly rate, or labels that exist already.",
    ),
    "costs.compute": (
        "Costs",
        "What does it take to run the fine-tuning jobs, and to host the tuned model?",
        "yes",
        "One job of 3 min 12 s on this machine ($0.0027), and the same server as before.",
        "A model that needs a GPU, or a provider that bills a tuned deployment by the hour.",
    ),
    "costs.data": (
        "Costs",
        "Are there enough good examples for fine-tuning to have an effect?",
        "yes",
        "480 training examples, at least 41 a label; the learning curve is still rising at 480.",
        "Fewer than about 120 examples: the curve crosses few-shot prompting there.",
    ),
    "benefits.quality": (
        "Benefits",
        "Did the fine-tuned model beat the baselines?",
        "yes",
        "91.0% against 74.0% for few-shot prompting: +17.0 points (95% interval +10.4 to +23.6).",
        "A gain under 2 points on a larger held-out set.",
    ),
    "benefits.cost": (
        "Benefits",
        "Does it use fewer tokens, because prompts get simpler?",
        "yes",
        "112 tokens a request instead of 422: the examples are no longer in the prompt.",
        "Cached input so cheap that examples in the prompt cost next to nothing.",
    ),
    "benefits.extensibility": (
        "Benefits",
        "Can the base model be reused for new domains?",
        "unclear",
        "An adapter of 9 MB per domain can share one base model; no second domain was tried.",
        "A second domain, tuned and measured.",
    ),
}


def full_decision() -> Decision:
    """A verdict for tuning, with five baselines; the classifier's costs are unknown."""
    return Decision(
        case="support_intents",
        run="run-20261123-1",
        generated_at=datetime(2026, 11, 23, 20, 30, tzinfo=UTC),
        verdict=Verdict(
            decision="fine_tune",
            recommended="fine_tuned",
            confidence=0.93,
            reasons=(
                "fine_tuned answers 91.0% of the held-out messages rightly; the bar is 85%, and no alternative "
                "reaches it.",
                "It beats few_shot by 17.0 points (95% interval 10.4 to 23.6), well over the smallest gain worth "
                "having (2 points).",
                "It needs 112 tokens a request instead of 422, and pays its one-off cost of $3,200 back in value, "
                "not in tokens.",
            ),
            missing=(),
            flips=(
                Flip(
                    parameter="traffic.requests_per_month",
                    now=50_000,
                    at=5_480,
                    decision="do_not_fine_tune",
                    recommended="few_shot",
                ),
                Flip(
                    parameter="value.correct_usd",
                    now=0.05,
                    at=0.0031,
                    decision="do_not_fine_tune",
                    recommended="few_shot",
                ),
                Flip(
                    parameter="effort.hourly_rate_usd",
                    now=80,
                    at=None,
                    decision="fine_tune",
                    recommended="fine_tuned",
                ),
            ),
        ),
        baselines=_baselines(),
        comparisons=(
            _comparison("fine_tuned", "few_shot", 0.170, (0.104, 0.236), 1e-6, 4e-6, (39, 5)),
            _comparison("fine_tuned", "rag", 0.245, (0.172, 0.318), 1e-9, 5e-9, (56, 7)),
            _comparison("fine_tuned", "classifier", 0.025, (-0.021, 0.071), 0.36, 0.72, (14, 9)),
            _comparison("few_shot", "rag", 0.075, (0.002, 0.148), 0.043, 0.129, (33, 18)),
            _comparison("rag", "zero_shot", 0.350, (0.271, 0.429), 1e-12, 6e-12, None),
        ),
        break_even=(
            BreakEven(
                baseline="fine_tuned",
                against="few_shot",
                requests_per_month=182_000,
                within_capacity=True,
                text="From 182,000 requests a month on, fine_tuned is cheaper than few_shot over 12 months.",
            ),
            BreakEven(baseline="fine_tuned", against="rag", requests_per_month=95_400, within_capacity=True),
            BreakEven(
                baseline="fine_tuned", against="zero_shot", requests_per_month=None, within_capacity=None
            ),
        ),
        questions=tuple(_question(q) for q in QUESTION_IDS),
        readiness=(
            ReadinessItem(
                item="A pre-trained model to tune",
                status="ready",
                text="SmolLM2-135M, Apache-2.0, on this machine.",
            ),
            ReadinessItem(
                item="A data set to tune it with", status="ready", text="480 examples, no leak found."
            ),
            ReadinessItem(
                item="A training environment to run the job",
                status="partly",
                text="This machine's processor is enough for a model of this size; there is no GPU.",
            ),
            ReadinessItem(
                item="A hosting environment to deploy the result",
                status="missing",
                text="No server is named for the tuned model.",
            ),
        ),
        warnings=(
            "3 held-out items also stand in the training data; without them fine_tuned scores 90.9%.",
            "Prices of 2026-08-11 are older than 90 days.",
        ),
        facts=CaseFacts(
            title="Route support messages",
            use_case="Messages of customers are routed to the team that can help. Today a person reads each one.",
            aspect="accuracy",
            task_kind="classification",
            instructions="Which team should get this message?\nAnswer with the team's name.",
            metric="accuracy",
            bar=0.85,
            min_gain=0.02,
            n_train=480,
            n_dev=120,
            n_held_out=200,
            n_documents=24,
            requests_per_month=50_000,
            horizon_months=12,
            assumptions={
                "traffic": {"monthly_growth": 0.0, "requests_per_month": 50_000},
                "value": {"correct_usd": 0.05, "wrong_usd": -0.2},
                "effort": {
                    "data_hours": 24,
                    "evaluation_hours": {"low": 6, "likely": 8, "high": 16},
                    "hourly_rate_usd": 80,
                    "refinement_hours": None,
                },
                "models.small.serving.usd_per_hour": 0.05,
            },
        ),
        provenance=Provenance(
            advisor_version="0.1.0",
            recorded_at="2026-11-23T19:58:00Z",
            hardware="2 processor cores, 24 GiB memory, no GPU",
            software={"python": "3.11.9", "torch": "2.13.0", "transformers": "5.23.0"},
            source="measured here",
            held_out_looks=1,
        ),
        costs_over_time=CostsOverTime(
            discount_rate=0.08,
            paybacks=(
                Payback(baseline="fine_tuned", against="few_shot", month=3, worth_included=True),
                Payback(baseline="fine_tuned", against="rag", month=None, worth_included=True),
            ),
            measuring_usd=1.35,
            measuring_is="estimated",
        ),
        noise=_noise(),
        slices=_slices(),
        diagnosis=(
            Finding(
                baseline="fine_tuned",
                name="runs_on",
                seen="24 of 200 answers run into the limit of output tokens",
                count=24,
                of=200,
                cause="an end-of-text token that was not learned",
                action="Let the end-of-text token be part of what is learned.",
            ),
        ),
        **_further(),
        **_uncertain(),
    )


def undecided_decision() -> Decision:
    """The full decision with a verdict of “not yet” that comes with a shopping list."""
    shopping = (
        Purchase(
            what="held_out_examples",
            text="About 200 more held-out items.",
            amount=200,
            cost_usd=800.0004,
            worth_usd=4210.9,
        ),
        Purchase(what="held_out_examples", text="At least 12 more held-out items.", amount=12),
        Purchase(what="baseline", text="Few-shot prompting: add a few_shot baseline, and run it."),
    )
    verdict = Verdict(
        decision="not_yet",
        recommended=None,
        confidence=None,
        reasons=("Whether tuning pays lies within the noise of this held-out set.",),
        missing=(*(p.text for p in shopping), "Something that has no price."),
        shopping_list=shopping,
        meanwhile="classifier",
    )
    return full_decision().model_copy(update={"verdict": verdict})


def sparse_decision() -> Decision:
    """One baseline, nothing known of it: the least that a decision can hold."""
    full = full_decision()
    return full.model_copy(
        update={
            "run": None,
            "verdict": Verdict(
                decision="not_yet",
                recommended=None,
                confidence=None,
                reasons=("Nothing was measured yet.",),
                missing=("Results of at least one alternative.",),
            ),
            "baselines": (
                BaselineSummary(
                    name="zero_shot",
                    kind="zero_shot",
                    model="small",
                    n=0,
                    failed=0,
                    quality=Quality(metric="accuracy", value=None, ci95=None),
                    tokens=Tokens(input=None, cached_input=None, output=None),
                    latency_s=Latency(p50=None, p95=None),
                    cost_usd=Cost(per_1k_requests=None, one_off=None, per_month=None, over_horizon=None),
                ),
            ),
            "comparisons": (),
            "break_even": (),
            "questions": tuple(
                q.model_copy(update={"answer": "unclear", "evidence": ()}) for q in full.questions
            ),
            "readiness": (),
            "costs_over_time": None,
            "warnings": (),
            "noise": None,
            "slices": (),
            "diagnosis": (),
            "facts": full.facts.model_copy(update={"bar": None, "assumptions": {}}),
            "provenance": Provenance(advisor_version="0.1.0"),
            **dict.fromkeys(_further()),
            "uncertainty": None,
            "tornado": (),
            "verdict_map": (),
        }
    )


def hostile_decision(text: str = HOSTILE, of: Decision | None = None) -> Decision:
    """The full decision, or another one, with `text` in every free string field and key."""
    document = (of or full_decision()).to_dict()
    codes = {"decision", "answer", "kind", "status", "flag", "dimension", "what", "outcome", "basis"}
    kept = {"schema_version", "generated_at", "source", "id", "measuring_is", "cost_kind", *codes}
    return Decision.model_validate(_poisoned(document, text, kept))


def _poisoned(value: Any, text: str, kept: set[str]) -> Any:
    if isinstance(value, str):
        return f"{value} {text}"
    if isinstance(value, list):
        return [_poisoned(v, text, kept) for v in value]
    if isinstance(value, dict):
        free = ("setting", "settings", "assumptions", "software", "others", "parts")
        return {
            k: v
            if k in kept
            else {f"{key} {text}": _poisoned(x, text, kept) for key, x in v.items()}
            if k in free and isinstance(v, dict) and "instructions" not in v
            else _poisoned(v, text, kept)
            for k, v in value.items()
        }
    return value


def _uncertain() -> dict[str, Any]:
    """Odds, tornado and map; a right answer is worth 0.25 USD more than a wrong one."""

    def odds(name: str, p: float, net: float, regret: float) -> BaselineOdds:
        return BaselineOdds(
            name=name,
            p_best=p,
            net_benefit_usd=net,
            net_benefit_ci95=(net - 6000, net + 6000),
            regret_usd=regret,
        )

    def bar(key: str, ends: tuple[float, float], gains: tuple[float, float], basis: str) -> TornadoBar:
        return TornadoBar(
            parameter=key,
            low=ends[0],
            high=ends[1],
            basis=basis,  # type: ignore[arg-type]
            gain_at_low=gains[0],
            gain_at_high=gains[1],
            gain_now=20_218.0,
        )

    return {
        "uncertainty": Uncertainty(
            draws=2048,
            odds=(
                odds("fine_tuned", 0.953, 9_902, 64.5),
                odds("few_shot", 0.047, -10_316, 20_282),
                odds("rag", 0.0, -22_654, 32_620),
                odds("zero_shot", 0.0, -72_488, 82_454),
                odds("classifier", 0.0, -80_000, 89_966),
            ),
            perfect_information_usd=64.5,
            information=(
                Information(what="value.wrong_usd", worth_usd=60.2),
                Information(what="held-out sampling", worth_usd=3.1),
            ),
            more_examples=(
                MoreExamples(examples=200, cost_usd=800.0, cost_kind="estimated", worth_usd=12.0),
            ),
        ),
        "tornado": (
            bar("value.wrong_usd", (-0.4, -0.1), (36_000, 12_000), "assumed"),
            bar("traffic.requests_per_month", (20_000, 90_000), (6_000, 41_000), "range"),
            bar("quality difference", (0.104, 0.236), (-1_200, 30_000), "interval"),
            bar("models.small.prices.cached_input", (0.02, 0.08), (20_000, 20_400), "assumed"),
        ),
        "verdict_map": tuple(
            MapPoint(
                requests_per_month=50_000 * 10 ** (i / 4 - 1),
                usd_per_right_answer=0.25 * 10 ** (j / 4 - 1),
                decision="do_not_fine_tune" if i + j < 5 else "not_yet" if i + j < 7 else "fine_tune",
                recommended="few_shot" if i + j < 5 else None if i + j < 7 else "fine_tuned",
            )
            for i in range(9)
            for j in range(9)
        ),
    }


def _noise() -> Noise:
    return Noise(
        baselines=(
            BaselineNoise(
                baseline="fine_tuned",
                n=200,
                examples_se=0.019,
                answers_se=0.004,
                answers_per_item=3,
                trainings=(0.91, 0.895, 0.9),
                trainings_sd=0.0076,
                trainings_sd_ci95=(0.004, 0.048),
                text="fine_tuned: choice of 200 items: standard error 1.9 points.",
            ),
        ),
        difference=DifferenceNoise(
            baseline="fine_tuned",
            reference="few_shot",
            difference=0.17,
            ci95=(0.104, 0.236),
            sampling_se=0.034,
            trainings_se=0.005,
            total_se=0.0344,
            total_ci95=(0.102, 0.238),
            turns=False,
            text="fine_tuned against few_shot: +17.0 points, +10.4 to +23.6 by the choice of items.",
        ),
        without_duplicates=WithoutDuplicates(
            baseline="fine_tuned",
            reference="few_shot",
            left_out=3,
            n=197,
            difference=0.17,
            ci95=(0.104, 0.236),
            difference_without=0.168,
            ci95_without=(0.101, 0.235),
            turns=False,
            text="3 of 200 held-out items have a near duplicate in the training data.",
        ),
        versions=(
            VersionChange(
                baseline="few_shot",
                versions=(
                    VersionShare(version="m-1 (fp_a)", n=150, share=0.75, quality=0.74),
                    VersionShare(version="m-1 (fp_b)", n=50, share=0.25, quality=0.74),
                ),
                difference=0.0,
                test="Fisher exact",
                p_value=1.0,
                differs=False,
                text="few_shot was answered by 2 versions of its model.",
            ),
        ),
    )


def _slices() -> tuple[Slice, ...]:
    return (
        Slice(
            dimension="label",
            value="delivery",
            n=80,
            quality={"fine_tuned": 0.95, "few_shot": 0.7},
            difference=0.25,
            ci95=(0.14, 0.36),
            p_value=1e-5,
            adjusted_p_value=2e-5,
            flag="better",
        ),
        Slice(dimension="label", value="other", n=7, quality={"fine_tuned": 0.8}, flag="too_small"),
    )


def _baselines() -> tuple[BaselineSummary, ...]:
    return (
        BaselineSummary(
            name="zero_shot",
            kind="zero_shot",
            model="small",
            n=200,
            failed=0,
            quality=Quality(metric="accuracy", value=0.315, ci95=(0.254, 0.383), others={"macro_f1": 0.291}),
            **_request(112, 61, 3.2),
            latency_s=Latency(p50=0.11, p95=0.19),
            cost_usd=_cost(0.73, 0.0, 36.5),
            value_usd_over_horizon=-72_488,
        ),
        BaselineSummary(
            name="few_shot",
            kind="few_shot",
            model="small",
            n=200,
            failed=0,
            quality=Quality(metric="accuracy", value=0.74, ci95=(0.675, 0.796), others={"macro_f1": 0.722}),
            **_request(422, 61, 3.1, examples=310),
            latency_s=Latency(p50=0.38, p95=0.61),
            cost_usd=_cost(1.46, 640.0, 73.0),
            setting={"examples": 5, "selection": "nearest"},
            trials=(
                SettingTrial(setting={"examples": 1}, metric="accuracy", value=0.608, n=120),
                SettingTrial(setting={"examples": 3}, metric="accuracy", value=0.692, n=120),
                SettingTrial(setting={"examples": 5}, metric="accuracy", value=0.733, n=120),
            ),
            value_usd_over_horizon=-10_316,
        ),
        BaselineSummary(
            name="rag",
            kind="rag",
            model="small",
            n=200,
            failed=2,
            quality=Quality(metric="accuracy", value=0.665, ci95=(0.597, 0.727), others={"macro_f1": 0.65}),
            **_request(861, 61, 3.4, passages=749),
            latency_s=Latency(p50=0.71, p95=1.34),
            cost_usd=_cost(8.76, 640.0, 438.0),
            setting={"passages": 4},
            trials=(
                SettingTrial(setting={"passages": 2}, metric="accuracy", value=0.642, n=120),
                SettingTrial(setting={"passages": 4}, metric="accuracy", value=0.658, n=120),
            ),
            retrieval=RetrievalQuality(recall=0.81, mean_reciprocal_rank=0.7, n=200, passages=4),
            value_usd_over_horizon=-22_654,
        ),
        BaselineSummary(
            name="fine_tuned",
            kind="fine_tuned",
            model="small",
            n=200,
            failed=0,
            quality=Quality(
                metric="accuracy",
                value=0.91,
                ci95=(0.862, 0.942),
                without_leaked=0.909,
                others={"macro_f1": 0.905},
            ),
            **_request(112, 61, 3.1),
            latency_s=Latency(p50=0.11, p95=0.2),
            cost_usd=Cost(
                per_1k_requests=0.73,
                one_off=3200.0,
                per_month=143.2,
                over_horizon=4918.4,
                per_1k_at_traffic=2.86,
                capacity_per_month=41_000_000,
                parts={
                    "data": 1920.0,
                    "evaluation": 640.0,
                    "refinement": 640.0,
                    "training": 0.0027,
                    "serving": 438.0,
                    "retraining": 1280.4,
                },
                notes=("Training time is priced at the serving machine's rate.",),
            ),
            setting={"epochs": 3},
            trials=(SettingTrial(setting={"epochs": 3}, metric="accuracy", value=0.9, n=120),),
            tuning=TuningRecord(
                system="trl",
                base_model="small",
                model_version="adapter-1f3a",
                n_examples=480,
                epochs=3.0,
                tokens=160_420,
                duration_s=192.4,
                cost_usd=0.0027,
                loss=tuple((s, 2.6 * 0.985**s + 0.12 + 0.04 * (s % 3)) for s in range(2, 181, 2)),
                dev_loss=((60, 0.98), (120, 0.47), (180, 0.31)),
                trainable_parameters=4_884_480,
                settings={"learning_rate": 5e-4, "rank": 16, "batch_size": 8},
                hardware="2 processor cores",
            ),
            value_usd_over_horizon=9_902,
        ),
        BaselineSummary(
            name="classifier",
            kind="classifier",
            model=None,
            n=200,
            failed=0,
            quality=Quality(metric="accuracy", value=0.885, ci95=(0.833, 0.922), others={"macro_f1": 0.88}),
            tokens=Tokens(input=None, cached_input=None, output=None),
            latency_s=Latency(p50=0.0006, p95=0.0009, n=200),
            cost_usd=Cost(
                per_1k_requests=None,
                one_off=None,
                per_month=None,
                over_horizon=None,
                notes=("No machine is named for it.",),
            ),
            setting={"features": "tfidf"},
        ),
    )


def _further() -> dict[str, Any]:
    """What further trainings and another case said."""
    return {
        "learning_curve": LearningCurve(
            baseline="fine_tuned",
            metric="accuracy",
            n_items=200,
            points=(
                LearningPoint(n_examples=0, what="untuned", value=0.315, ci95=(0.254, 0.382)),
                LearningPoint(n_examples=90, what="part", value=0.74, ci95=(0.675, 0.797)),
                LearningPoint(n_examples=180, what="part", value=0.86, ci95=(0.805, 0.902)),
                LearningPoint(n_examples=360, what="whole", value=0.91, ci95=(0.862, 0.942)),
            ),
            steps=(
                LearningStep(from_examples=0, to_examples=90, difference=0.425, ci95=(0.35, 0.5)),
                LearningStep(from_examples=90, to_examples=180, difference=0.12, ci95=(0.06, 0.18)),
                LearningStep(from_examples=180, to_examples=360, difference=0.05, ci95=(0.0, 0.1)),
            ),
            fit=PowerLaw(ceiling=0.945, scale=59.0, rate=1.26),
            at_double=AtDouble(
                n_examples=720,
                value=0.93,
                ci95=(0.88, 0.962),
                gain=0.02,
                gain_ci95=(0.0, 0.052),
                p_min_gain=0.46,
                labelling_usd=960.0,
                training_usd=0.0054,
                price_usd=960.0054,
            ),
            training_sd=0.012,
            text="Twice the data (720 examples) would give about 93.0%: perhaps worth having.",
        ),
        "seed_spread": SeedSpread(
            baseline="fine_tuned",
            reference="few_shot",
            runs=(
                SeedQuality(seed=0, value=0.91, difference=0.17, ci95=(0.104, 0.236)),
                SeedQuality(seed=1, value=0.893, difference=0.153, ci95=(0.087, 0.219)),
            ),
            mean=0.9015,
            sd=0.012,
            text="fine_tuned trained under 2 seeds: 89.3% to 91.0%.",
        ),
        "extensibility": Extensibility(
            baseline="fine_tuned",
            here=0.595,
            here_ci95=(0.52, 0.66),
            cases=(
                ElsewhereResult(
                    case="policy_questions",
                    metric="token_f1",
                    n=60,
                    tuned=0.11,
                    base=0.32,
                    difference=-0.21,
                    ci95=(-0.31, -0.12),
                    p_value=0.0004,
                    min_gain=0.05,
                    outcome="lost",
                    text="On policy_questions the tuned model has 11.0%, its base 32.0%; a loss is shown.",
                ),
            ),
            answer="no",
            text="The tuned model itself lost elsewhere: policy_questions (-21.0 points).",
        ),
    }


def _request(
    prompt: float, cached: float, output: float, *, examples: float = 0, passages: float = 0
) -> dict[str, Tokens | PromptParts]:
    """The fields on a request's tokens: 61 of them are instructions."""
    question = prompt - 61 - examples - passages
    return {
        "tokens": Tokens(input=prompt, cached_input=cached, output=output),
        "prompt_parts": PromptParts(instructions=61, examples=examples, passages=passages, question=question),
    }


def _cost(per_1k: float, one_off: float, per_month: float) -> Cost:
    return Cost(
        per_1k_requests=per_1k,
        one_off=one_off,
        per_month=per_month,
        over_horizon=one_off + 12 * per_month,
        per_1k_at_traffic=per_1k,
        capacity_per_month=41_000_000,
    )


def _comparison(
    baseline: str,
    reference: str,
    gain: float,
    ci95: tuple[float, float],
    p: float,
    adjusted: float,
    discordant: tuple[int, int] | None,
) -> Comparison:
    return Comparison(
        baseline=baseline,
        reference=reference,
        n=198 if "rag" in (baseline, reference) else 200,
        difference=gain,
        ci95=ci95,
        test="McNemar (exact)" if discordant else "paired permutation",
        p_value=p,
        adjusted_p_value=adjusted,
        discordant=discordant,
        detectable_difference=0.07,
    )


def _question(question_id: str) -> Question:
    section, question, answer, summary, would_change = _QUESTIONS[question_id]
    return Question(
        id=question_id,
        section=section,
        question=question,
        answer=answer,  # type: ignore[arg-type]
        summary=summary,
        evidence=(
            Evidence(kind="measured", text="200 held-out items, each answered once by each baseline."),
            Evidence(
                kind="estimated", text="Costs from measured throughput and a declared price by the hour."
            ),
            Evidence(kind="declared", text="“We tried prompts by hand for two weeks.”"),
        ),
        would_change=would_change,
    )
