"""How much time does reusing the prompt's common beginning save?

Few-shot label prompts with fixed examples, on the embedded model. Both ways rank the same labels by
log-likelihood, in batches of the same composition:

- naive: complete prompts in one padded batch, then one forward pass per label over the batch's cache;
- reuse: what the product does: the common beginning once for all batches, all labels in one pass.

    python benchmarks/prefix_cache.py [--items 60]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import _results
import torch
import yaml
from transformers import DynamicCache

from advisor.cases.model_spec import ModelSpec
from advisor.cases.schema import Case, Example
from advisor.models.embedded import EmbeddedProvider
from advisor.models.huggingface import LocalChatModel
from advisor.prompts import build_request
from advisor.records import ChatRequest, Completion

CASE = Path(__file__).parents[1] / "sample_cases" / "support_intents"
SHOTS = (5, 8)


def main() -> None:
    """Measures, prints a table, writes results/prefix_cache.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3, help="the fastest of so many rounds counts")
    arguments = parser.parse_args()

    task = Case.model_validate(yaml.safe_load((CASE / "case.yaml").read_text(encoding="utf-8"))).task
    lines = (CASE / "train.jsonl").read_text(encoding="utf-8").splitlines()
    examples = [Example.model_validate_json(line) for line in lines]
    model = EmbeddedProvider().open(ModelSpec(provider="embedded", model="smollm2-135m"))
    plain = model.load_for_tuning()
    plain.set_attn_implementation("sdpa")

    rows = []
    for shots in SHOTS:
        items = examples[shots : shots + arguments.items]
        requests = [build_request(task, item, examples=examples[:shots]) for item in items]
        batches = model.batches(requests)
        naive_s, reuse_s = [], []
        naive: dict[int, list[float]] = {}
        reuse: dict[int, list[float]] = {}
        rank_naively(model, plain, [requests[i] for i in batches[0]])  # warm-up
        list(model.complete([requests[i] for i in batches[0]]))
        for _ in range(arguments.rounds):
            started = time.perf_counter()
            for batch in batches:
                scores = rank_naively(model, plain, [requests[i] for i in batch])
                naive.update(zip(batch, scores, strict=True))
            naive_s.append((time.perf_counter() - started) / len(items))
            # A fresh prefix cache, so that computing the prefix counts.
            model.close()
            list(model.complete([build_request(task, items[0])]))
            started = time.perf_counter()
            for answers in model.complete(requests):
                for i, answer in answers:
                    assert isinstance(answer, Completion)
                    assert answer.label_scores is not None
                    reuse[i] = list(answer.label_scores.values())
            reuse_s.append((time.perf_counter() - started) / len(items))
        same = sum(best(naive[i]) == best(reuse[i]) for i in range(len(items)))
        rows.append(
            {
                "shots": shots,
                "items": len(items),
                "prompt_tokens": statistics.mean(model.count_tokens(r.messages) for r in requests),
                "naive_s_per_item": min(naive_s),
                "reuse_s_per_item": min(reuse_s),
                "speed_up": min(naive_s) / min(reuse_s),
                "same_answer": same / len(items),
                "median_score_difference": statistics.median(
                    abs(a - b) for i in naive for a, b in zip(naive[i], reuse[i], strict=True)
                ),
            }
        )
    print(f"{'shots':>5} {'prompt':>8} {'naive':>10} {'reuse':>10} {'speed-up':>9} {'same answer':>12}")
    for row in rows:
        print(
            f"{row['shots']:>5} {row['prompt_tokens']:>6.0f} t {row['naive_s_per_item']:>8.3f} s "
            f"{row['reuse_s_per_item']:>8.3f} s {row['speed_up']:>8.1f}× {row['same_answer']:>11.1%}"
        )
    path = _results.write(
        "prefix_cache",
        hardware=model.hardware,
        packages=["torch", "transformers"],
        figures={"model": model.version, "labels": len(task.labels or ()), "rows": rows},
    )
    print(json.dumps(str(path)))


def best(scores: Sequence[float]) -> int:
    return max(range(len(scores)), key=scores.__getitem__)


def rank_naively(
    model: LocalChatModel, plain: torch.nn.Module, requests: Sequence[ChatRequest]
) -> list[list[float]]:
    """Log-probabilities among the labels: complete padded prompts, then each label by itself."""
    prompts = [model.chat.prompt(r.messages) for r in requests]
    width, pad = max(map(len, prompts)), model.chat.end_of_turn
    ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    totals = []
    with torch.inference_mode():
        cache = DynamicCache(config=plain.config)
        last = plain(
            ids, attention_mask=mask, position_ids=positions, past_key_values=cache, logits_to_keep=1
        ).logits
        for label in requests[0].labels or ():
            answer = model.chat.answer(label)
            fed = torch.tensor([answer[:-1]] * len(prompts))
            seen = torch.cat([mask, torch.ones_like(fed)], dim=1)
            following = positions[:, -1:] + 1 + torch.arange(fed.shape[1])
            more = plain(fed, attention_mask=seen, position_ids=following, past_key_values=cache).logits
            cache.crop(-fed.shape[1])
            log_p = torch.cat([last, more], dim=1).float().log_softmax(-1)
            totals.append(sum(log_p[:, i, token] for i, token in enumerate(answer)))
        scores: list[list[float]] = torch.stack(totals, dim=1).log_softmax(-1).tolist()
    return scores


if __name__ == "__main__":
    main()
