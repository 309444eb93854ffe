"""Packing saves computation and changes nothing: same loss, same gradient, no example sees another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from transformers import AutoModelForCausalLM  # noqa: E402

from advisor.models import _attention  # noqa: E402
from advisor.tuning.packing import EncodedExample, PackedRow, pack, summed_loss  # noqa: E402
from tests.tiny_model import save_tiny_model  # noqa: E402

PREFIX = (5, 6, 7, 8, 9, 10, 11)
EXAMPLES = [
    EncodedExample((*PREFIX, 12, 13, 14), (20, 21, 1)),
    EncodedExample((*PREFIX, 12, 15), (22, 1)),
    EncodedExample((*PREFIX, 16, 17, 18, 19), (23, 24, 25, 1)),
    EncodedExample((5, 6, 30, 31), (20, 1)),
]
tokens = st.lists(st.integers(2, 6), min_size=1, max_size=8)
encoded = st.builds(EncodedExample, tokens.map(tuple), tokens.map(tuple))


@pytest.fixture(scope="module", params=["sdpa", _attention.NAME])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> object:
    folder: Path = save_tiny_model(tmp_path_factory.mktemp("tiny"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.set_attn_implementation(request.param)
    return model.train()


def loss_and_gradient(model: object, rows: list[PackedRow]) -> tuple[float, torch.Tensor]:
    model.zero_grad()  # type: ignore[attr-defined]
    loss = sum(summed_loss(model, row) for row in rows)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters()])  # type: ignore[attr-defined]


def plain_loss(model: object, example: EncodedExample) -> float:
    """The loss of one example in a row of its own, as any text book computes it."""
    ids = torch.tensor([[*example.prompt, *example.completion]])
    with torch.no_grad():
        logits = model(ids).logits[0].log_softmax(-1)  # type: ignore[operator]
    first = len(example.prompt) - 1
    return -sum(logits[first + i, t].item() for i, t in enumerate(example.completion))


@pytest.mark.parametrize("max_tokens", [10_000, 24, 1])
def test_packed_loss_and_gradient_equal_those_of_separate_rows(model: object, max_tokens: int) -> None:
    packed, gradient = loss_and_gradient(model, pack(EXAMPLES, max_tokens=max_tokens))
    separate = [row for e in EXAMPLES for row in pack([e], max_tokens=10_000)]
    loss, expected = loss_and_gradient(model, separate)
    assert packed == pytest.approx(loss, rel=1e-5)
    assert packed == pytest.approx(sum(plain_loss(model, e) for e in EXAMPLES), rel=1e-5)
    assert torch.allclose(gradient, expected, atol=1e-4)


def test_the_shared_beginning_is_computed_once() -> None:
    (row,) = pack(EXAMPLES[:3], max_tokens=10_000)
    own = sum(e.tokens - len(PREFIX) for e in EXAMPLES[:3])
    assert len(row.ids) == len(PREFIX) + own


@settings(deadline=None)
@given(st.lists(encoded, min_size=1, max_size=6), st.integers(1, 60))
def test_every_example_reads_as_it_would_alone(examples: list[EncodedExample], max_tokens: int) -> None:
    rows = pack(examples, max_tokens=max_tokens)
    learnt = []
    for row in rows:
        allowed = row.allowed()
        numbers = sorted(set(row.segments.tolist()) - {0})
        for number in numbers:
            last = max(i for i, s in enumerate(row.segments.tolist()) if s == number)
            seen = [i for i in range(len(row.ids)) if allowed[last, i]]
            assert row.positions[seen].tolist() == list(range(len(seen)))
            targets = [t for p, t in zip(row.predicting, row.targets, strict=True) if p in seen]
            text = tuple(row.ids[seen].tolist())
            completion = tuple(
                int(t) for p, t in zip(row.predicting, row.targets, strict=True) if int(p) + 1 in seen
            )
            if row.segments[seen].tolist().count(number) == 0 or not targets:
                continue
            learnt.append((text[: len(text) - len(completion)], completion))
        assert len(numbers) == 1 or len(row.ids) <= max_tokens
    assert [(e.prompt, e.completion) for e in examples] == learnt
