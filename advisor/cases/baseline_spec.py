"""The baselines of a case file: how a question is put, and how a model is tuned for it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from advisor.cases.model_spec import Serving
from advisor.cases.numbers import Part
from advisor.records import BaselineKind


class TuningSpec(Part):
    """How the fine-tuned baseline comes about."""

    system: str
    model: str | None = None
    """`existing` tuning: the tuned model's name, or its adapter folder."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    learning_rate_multiplier: Annotated[float, Field(gt=0)] | None = None
    """Hosted systems: a factor on the rate that the provider chooses."""
    rank: Annotated[int, Field(gt=0)] | None = None
    batch_size: Annotated[int, Field(gt=0)] | None = None
    seed: int = 0
    seeds: tuple[int, ...] = ()
    """Further seeds: the same training again under each, to see how much of the result is luck."""
    learning_curve: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Shares of the training data, e.g. [0.25, 0.5]: the same training on each, to see what more data would bring."""
    suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] | None = None
    """Hosted systems: a part of the tuned model's name; by default the case's name."""
    method: Literal["lora", "qlora", "full"] = "lora"
    """TRL: adapters, adapters on a quantised base (needs a GPU), or all weights."""
    training_tier: Literal["Standard", "GlobalStandard", "Developer"] = "GlobalStandard"
    """Azure: where a training job may run; the developer tier is cheaper and may be interrupted."""
    packing: bool = True
    """TRL: train on packed rows that share the prompt's beginning; off, one row an example."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """TRL: of the weights while training; auto takes bf16 where the hardware has it."""
    gradient_checkpointing: bool = False
    """TRL: less memory for more time."""
    early_stopping: Annotated[int, Field(gt=0)] | None = None
    """TRL: stop after so many epochs without a lower loss on the dev examples."""
    keep_merged: bool = False
    """TRL and AutoTrain: keep the merged model beside the adapter, ready to serve."""
    processes: Annotated[int, Field(gt=0)] = 1
    """TRL: training processes, one a GPU, started through accelerate."""
    keep_deployed: bool = False
    """Azure: leave the deployment standing after the evaluation; it is billed by the hour until it is removed."""

    @model_validator(mode="after")
    def _can_be_repeated(self) -> Self:
        if self.system == "existing" and (self.seeds or self.learning_curve):
            raise ValueError(
                "`existing` tuning cannot be repeated: it takes no `seeds` and no `learning_curve`"
            )
        if len({self.seed, *self.seeds}) <= len(self.seeds):
            raise ValueError(f"`seeds` are further ones: each once, and not {self.seed}, which is `seed`")
        if len(set(self.learning_curve)) < len(self.learning_curve):
            raise ValueError("`learning_curve` names a share twice")
        return self


Counts = Annotated[int, Field(ge=0)] | tuple[Annotated[int, Field(ge=0)], ...]


class BaselineSpec(Part):
    """One alternative that is run over the held-out set."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    kind: BaselineKind
    model: str | None = None
    examples: Counts | None = None
    selection: Literal["nearest", "fixed"] | None = None
    passages: Counts | None = None
    tuning: TuningSpec | None = None
    retrieval: bool = False
    repeats: Annotated[int, Field(ge=1, le=20)] = 1
    """How often each held-out question is asked, where answers are sampled."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Of sampling, for models behind an endpoint; 0 asks for the likeliest answer."""
    search: Literal["lexical", "dense", "hybrid"] = "lexical"
    """How passages are found: by words (BM25), by embeddings, or by both."""
    features: Literal["tfidf", "embeddings"] | None = None
    serving: Serving | None = None
    """Where a classifier runs, if it needs a machine of its own."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "classifier":
            if self.model is not None:
                raise ValueError("a classifier takes no `model`")
            if self.repeats > 1 or self.temperature:
                raise ValueError("`repeats` and `temperature` belong to models whose answers are sampled")
        elif self.model is None:
            raise ValueError(f"a {self.kind} baseline needs `model`, one of the case's models")
        if (self.kind == "fine_tuned") != (self.tuning is not None):
            raise ValueError("`tuning` is needed by fine_tuned baselines, and by no other")
        if self.examples is not None and self.kind != "few_shot":
            raise ValueError("`examples` belongs to few_shot")
        if self.selection is not None and self.kind != "few_shot":
            raise ValueError("`selection` belongs to few_shot")
        if self.passages is not None and not self.uses_retrieval:
            raise ValueError("`passages` belongs to rag, or to fine_tuned with `retrieval: true`")
        if self.retrieval and self.kind not in ("fine_tuned", "rag"):
            raise ValueError("`retrieval` belongs to fine_tuned")
        if self.search != "lexical" and not self.uses_retrieval:
            raise ValueError("`search` belongs to rag, or to fine_tuned with `retrieval: true`")
        if self.features is not None and self.kind != "classifier":
            raise ValueError("`features` belongs to classifier")
        if self.serving is not None and self.kind != "classifier":
            raise ValueError("`serving` belongs to classifier; other baselines are served as their model is")
        return self

    @property
    def uses_retrieval(self) -> bool:
        """Whether passages are put into its prompts."""
        return self.kind == "rag" or self.retrieval
