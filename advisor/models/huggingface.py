"""Models that answer in this process: a Hugging Face hub name or a local folder."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.cases.model_spec import ModelSpec
from advisor.errors import MissingExtraError, ModelError
from advisor.models import _openmp  # noqa: F401 (before torch)
from advisor.records import ChatRequest, Completion, Failure, Message, Usage

try:
    import torch
    from transformers import AutoConfig

    from advisor.models import _hardware, _weights
    from advisor.models._chat_format import ChatFormat, common_length
    from advisor.models._decoding import Answer, GrammarCompiler, decode_greedily
    from advisor.models._prefix_cache import PrefixCache, row_cache
    from advisor.models._ranking import LabelTree, build_tree, label_log_likelihoods
except ImportError as error:  # torch and its family are an extra
    raise MissingExtraError("A model in this process", "local") from error

ROWS_PER_BATCH = 16
TOKENS_PER_BATCH = 24_576
"""Rows times longest prompt; bounds the memory of keys and values."""


class HuggingFaceProvider:
    """Opens a hub name or a local folder."""

    def open(self, spec: ModelSpec, *, adapter: str | None = None) -> LocalChatModel:
        """The model, with its adapter where one is given; its weights are loaded at the first question.

        Raises:
            ModelError: The name, folder or adapter cannot be had.
        """
        folder = Path(spec.model).expanduser()
        if folder.is_dir():
            version = _weights.folder_version(folder)
            return LocalChatModel("huggingface", str(folder), version, adapter=adapter)
        try:
            revision = AutoConfig.from_pretrained(spec.model)._commit_hash
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(
                f"The model {spec.model!r} is neither a folder nor to be had from the hub: {reason}",
                hint="Check the name; without a network, give a folder that holds the model.",
            ) from error
        return LocalChatModel(
            "huggingface",
            spec.model,
            f"{spec.model}@{(revision or 'main')[:12]}",
            adapter=adapter,
            revision=revision,
        )


@dataclass(frozen=True)
class _Prompt:
    """A request with its prompt's tokens."""

    request: ChatRequest
    tokens: list[int]


class LocalChatModel:
    """A chat model in this process; see `advisor.models.base.ChatModel`.

    Batches are composed by length among requests that share their leading messages, whose keys and values are
    computed once. Answers are greedy; labels are ranked by log-likelihood; JSON is held to its schema.
    """

    def __init__(
        self,
        provider: str,
        source: str,
        base_version: str,
        *,
        adapter: str | None = None,
        revision: str | None = None,
        local_only: bool = False,
        before_loading: Callable[[], None] | None = None,
    ) -> None:
        """Opens the tokenizer, not the weights.

        Args:
            provider: The provider's name, as the case spells it.
            source: Folder or hub name.
            base_version: What tells these weights from any other.
            adapter: Folder of a PEFT adapter, or of a whole tuned model.
            revision: The hub's commit.
            local_only: Never ask the hub.
            before_loading: Called just before the weights are read, e.g. to verify them.

        Raises:
            ModelError: Tokenizer or adapter cannot be had.
        """
        if adapter is not None and _weights.is_whole_model(Path(adapter).expanduser()):
            source, adapter = str(Path(adapter).expanduser()), None
            base_version, before_loading = _weights.folder_version(Path(source)), None
        self._provider, self._source, self._revision = provider, source, revision
        self._adapter = None if adapter is None else Path(adapter).expanduser()
        self._local_only = local_only or Path(source).is_dir()
        self._before_loading = before_loading
        self._version = (
            base_version if self._adapter is None else _weights.adapter_version(self._adapter, base_version)
        )
        self._hardware = _hardware.detect()
        self._chat = ChatFormat(_weights.load_tokenizer(source, local_only=self._local_only), name=source)
        self._config = AutoConfig.from_pretrained(source, local_files_only=self._local_only).get_text_config()
        self._loaded: _Loaded | None = None

    @property
    def provider(self) -> str:
        """The provider's name, as the case spells it."""
        return self._provider

    @property
    def version(self) -> str:
        """Name and hash of the weights; with an adapter, `<base>+<hash>`."""
        return self._version

    @property
    def hardware(self) -> str:
        """What it computes on, for reports."""
        return self._hardware.name

    @property
    def context_window(self) -> int | None:
        """Tokens of prompt and answer together; a sliding attention window counts as the limit."""
        limits = [getattr(self._config, "max_position_embeddings", None)]
        if "sliding_attention" in (getattr(self._config, "layer_types", None) or ()):
            limits.append(getattr(self._config, "sliding_window", None))
        known = [int(x) for x in limits if x]
        return min(known) if known else None

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, with what the chat template adds, up to where the answer begins."""
        return len(self._chat.prompt(messages))

    def count_text_tokens(self, text: str) -> int:
        """Tokens of a bare text."""
        return len(self._chat.text(text))

    def batches(self, requests: Sequence[ChatRequest]) -> list[list[int]]:
        """Which requests are answered together, as positions in `requests`, in the order of answering."""
        return self._compose([self._prompt(r) for r in requests])

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[list[tuple[int, Completion | Failure]]]:
        """Answers requests batch by batch; yields (position, answer) for each batch as soon as it is there.

        `cached_input` is the shared prefix for all of a batch but its first answer, so it does not depend on
        what ran before. `output` is the answer's tokens without the end-of-turn token. `label_scores` are
        log-probabilities among the labels. Temperatures other than 0 are a Failure: answers are greedy.

        Raises:
            WeightsError: The weights are missing, or are not what they should be.
        """
        prompts = [self._prompt(r) for r in requests]
        refused = {i: f for i, p in enumerate(prompts) if (f := self._refusal(p)) is not None}
        if refused:
            yield list(refused.items())
        left = [i for i in range(len(prompts)) if i not in refused]
        if not left:
            return
        loaded = self._load()
        for batch in self._compose([prompts[i] for i in left]):
            positions = [left[i] for i in batch]
            started = time.perf_counter()
            with torch.inference_mode():
                answers = loaded.answer([prompts[i] for i in positions])
            elapsed = time.perf_counter() - started
            timing = {"latency_s": elapsed, "compute_s": elapsed / len(batch), "model_version": self._version}
            yield [
                (i, a.model_copy(update=timing) if isinstance(a, Completion) else a)
                for i, a in zip(positions, answers, strict=True)
            ]

    @property
    def chat(self) -> ChatFormat:
        """How messages become this model's tokens; training uses the same."""
        return self._chat

    def weights_folder(self) -> Path:
        """The folder that holds the model; a hub's model is fetched into the hub's cache.

        Raises:
            ModelError: It cannot be had.
        """
        if self._before_loading is not None:
            self._before_loading()
        if Path(self._source).is_dir():
            return Path(self._source)
        return _weights.snapshot(self._source, self._revision)

    def load_for_tuning(self, *, precision: str = "auto", quantised: bool = False) -> Any:
        """The weights, loaded afresh, for a trainer to change.

        Args:
            precision: Of the weights: auto, bf16 or fp32.
            quantised: In 4 bits, for QLoRA.

        Raises:
            WeightsError: The weights are missing, or are not what they should be.
            ModelError: They cannot be quantised here.
        """
        hardware = _hardware.with_precision(self._hardware, precision)
        if quantised:
            return _weights.load_quantised(self._source, hardware, local_only=self._local_only)
        return self._load_weights(hardware)

    def close(self) -> None:
        """Gives back the memory."""
        self._loaded = None
        gc.collect()
        if self._hardware.device == "cuda":
            torch.cuda.empty_cache()

    def _prompt(self, request: ChatRequest) -> _Prompt:
        return _Prompt(request, self._chat.prompt(request.messages))

    def _load(self) -> _Loaded:
        if self._loaded is None:
            model = self._load_weights()
            self._loaded = _Loaded(model, self._chat, self.context_window)
        return self._loaded

    def _load_weights(self, hardware: _hardware.Hardware | None = None) -> Any:
        if self._before_loading is not None:
            self._before_loading()
        model = _weights.load_model(
            self._source, hardware or self._hardware, local_only=self._local_only, revision=self._revision
        )
        return model if self._adapter is None else _weights.merge_adapter(model, self._adapter)

    def _refusal(self, prompt: _Prompt) -> Failure | None:
        request, window = prompt.request, self.context_window
        if request.temperature != 0:
            return Failure(
                error="unsupported",
                message=f"Local models answer greedily; temperature {request.temperature} is not supported.",
            )
        if request.labels is not None:
            needed = max(len(self._chat.answer(label)) for label in request.labels)
            what = f"the longest label takes {needed}"
        else:
            needed = 1
            what = "an answer needs at least one more"
        if window is None or len(prompt.tokens) + needed <= window:
            return None
        return Failure(
            error="context_window",
            message=f"The prompt has {len(prompt.tokens)} tokens and {what}, "
            f"but the context window holds {window}. Use fewer examples or passages, or shorter ones.",
        )

    def _compose(self, prompts: Sequence[_Prompt]) -> list[list[int]]:
        groups: dict[tuple[object, tuple[Message, ...]], list[int]] = {}
        for i, p in enumerate(prompts):
            groups.setdefault((_form(p.request), p.request.messages[:-1]), []).append(i)
        pooled: dict[object, list[int]] = {}
        for (form, leading), members in groups.items():
            # A small batch loses more time than the examples that its rows share would save: those who share them
            # with few still share the instructions with all.
            shares = len(members) >= ROWS_PER_BATCH // 2 or len(groups) == 1
            key = (form, leading, "shared") if shares else (form, leading[:1], "alone")
            pooled.setdefault(key, []).extend(members)
        batches = []
        for members in pooled.values():
            batch: list[int] = []
            for i in sorted(members, key=lambda i: (len(prompts[i].tokens), i)):
                size = len(prompts[i].tokens) * (len(batch) + 1)
                if batch and (len(batch) == ROWS_PER_BATCH or size > TOKENS_PER_BATCH):
                    batches.append(batch)
                    batch = []
                batch.append(i)
            batches.append(batch)
        return batches


class _Loaded:
    """The weights, and what is kept beside them."""

    def __init__(self, model: Any, chat: ChatFormat, window: int | None) -> None:
        self._model, self._chat, self._window = model, chat, window
        self._prefixes = PrefixCache(model)
        self._grammars: GrammarCompiler | None = None
        self._trees: dict[tuple[str, ...], LabelTree] = {}
        configured = model.generation_config.eos_token_id
        more = configured if isinstance(configured, list) else [] if configured is None else [configured]
        self._ends = frozenset([chat.end_of_turn, *more])

    def answer(self, prompts: Sequence[_Prompt]) -> list[Completion | Failure]:
        """Answers of one batch; all its requests are of one form."""
        prefix = self._chat.shared_prefix([p.request.messages for p in prompts])
        # At least one token must be left to ask with.
        shared = min(common_length(prefix, p.tokens[:-1]) for p in prompts)
        rests = [p.tokens[shared:] for p in prompts]
        states = self._prefixes.states(prefix) if shared else []
        usages = [
            Usage(input=len(p.tokens), cached_input=shared if row else 0) for row, p in enumerate(prompts)
        ]
        labels = prompts[0].request.labels
        if labels is not None:
            cache = row_cache(self._model.config, states, rows=len(prompts), length=shared)
            return self._rank(labels, cache, shared, rests, usages)
        answers = []
        for p in prompts:
            room = p.request.max_tokens if self._window is None else self._window - len(p.tokens)
            answers.append(Answer(min(p.request.max_tokens, room)))
        schema = prompts[0].request.json_schema
        if schema is not None:
            try:
                for a in answers:
                    a.matcher = self._grammar_compiler().matcher(schema)
            except ModelError as error:
                return [Failure(error="json_schema", message=str(error))] * len(prompts)
        cache = row_cache(
            self._model.config,
            states,
            rows=len(prompts),
            length=shared,
            room=max(a.max_tokens for a in answers),
        )
        decode_greedily(
            self._model, cache, shared, rests, answers, ends=self._ends, pad=self._chat.end_of_turn
        )
        return [
            Completion(
                text=self._chat.decode(a.tokens),
                usage=u.model_copy(update={"output": len(a.tokens)}),
                finish_reason=a.finish_reason,
            )
            for a, u in zip(answers, usages, strict=True)
        ]

    def _rank(
        self, labels: tuple[str, ...], cache: Any, shared: int, rests: list[list[int]], usages: list[Usage]
    ) -> list[Completion | Failure]:
        if labels not in self._trees:
            self._trees[labels] = build_tree([self._chat.text(label) for label in labels])
        tree = self._trees[labels]
        end = self._chat.end_of_turn
        scores = label_log_likelihoods(self._model, cache, shared, rests, tree, end=end, pad=end).log_softmax(
            -1
        )
        completions: list[Completion | Failure] = []
        for row, usage in zip(scores.tolist(), usages, strict=True):
            best = max(range(len(labels)), key=row.__getitem__)
            completions.append(
                Completion(
                    text=labels[best],
                    usage=usage.model_copy(update={"output": len(tree.paths[best])}),
                    finish_reason="stop",
                    label_scores=dict(zip(labels, row, strict=True)),
                )
            )
        return completions

    def _grammar_compiler(self) -> GrammarCompiler:
        if self._grammars is None:
            self._grammars = GrammarCompiler(
                self._chat.tokenizer, self._model.config.get_text_config().vocab_size, self._chat.end_of_turn
            )
        return self._grammars


def _form(request: ChatRequest) -> tuple[object, ...]:
    """What must be equal for two requests to be answered in one batch."""
    return request.labels, None if request.json_schema is None else repr(request.json_schema)
