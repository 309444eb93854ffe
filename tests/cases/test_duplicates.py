"""Near duplicates are the same as a comparison of all pairs would find."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from advisor.cases import duplicates
from advisor.cases.duplicates import DuplicatePair, near_duplicates, similar_rows
from advisor.cases.loading import load_case
from advisor.cases.schema import Example

SAMPLES = Path(__file__).parents[2] / "sample_cases"
Key = tuple[str, str]


def by_all_pairs(train: list[Example], held_out: list[Example]) -> list[dict[Key, float]]:
    """Within training, within held-out, and of each held-out item the nearest, from the whole product."""
    items = [*train, *held_out]
    texts = [" ".join(e.input_text.lower().split()) for e in items]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), dtype=np.float32).fit_transform(texts)
    cosine = (vectors @ vectors.T).toarray()
    alike: dict[tuple[int, int], float] = {}
    for i in range(len(items)):
        for j in range(i + 1, len(items)):
            if cosine[i, j] >= 0.9 - 1e-6:
                alike[i, j] = 1.0 if texts[i] == texts[j] else min(float(cosine[i, j]), 0.999)
    n = len(train)
    across: dict[str, tuple[float, str]] = {}
    for (i, j), s in alike.items():
        if i < n <= j:
            candidate = (-s, items[i].id)
            across[items[j].id] = min(across.get(items[j].id, candidate), candidate)
    return [
        {(items[i].id, items[j].id): s for (i, j), s in alike.items() if j < n},
        {(items[i].id, items[j].id): s for (i, j), s in alike.items() if i >= n},
        {(h, t): -minus for h, (minus, t) in across.items()},
    ]


def check(train: list[Example], held_out: list[Example]) -> int:
    found = near_duplicates(train, held_out)
    expected = by_all_pairs(train, held_out)
    within_train, within_held_out, across = expected
    for pairs, wanted in ((found.within_train, within_train), (found.within_held_out, within_held_out)):
        assert {(p.first, p.second): p.similarity for p in pairs} == pytest.approx(wanted, abs=1e-5)
    # not which training item: rounding tells equally near ones apart
    nearest = {p.first: p.similarity for p in found.across}
    assert nearest == pytest.approx({h: s for (h, _), s in across.items()}, abs=1e-5)
    for pairs in (found.within_train, found.within_held_out, found.across):
        assert list(pairs) == sorted(pairs, key=lambda p: (-p.similarity, p.first, p.second))
    return sum(map(len, expected))


def made(texts: list[str], letter: str) -> list[Example]:
    return [Example(id=f"{letter}{k}", input=t, output=f"label {k % 2}") for k, t in enumerate(texts)]


@pytest.mark.parametrize("name", ["support_intents", "policy_qa", "recipe_ingredients", "order_extraction"])
def test_the_pairs_of_the_samples_are_those_of_a_comparison_of_all(name: str) -> None:
    loaded = load_case(SAMPLES / name)
    check(list(loaded.train), list(loaded.held_out))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(2, 40), st.sampled_from([3, 30, 300]), st.integers(1, 25))
def test_the_pairs_are_those_of_a_comparison_of_all(seed: int, n: int, vocabulary: int, length: int) -> None:
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefgh", k=rng.randint(1, 8))) for _ in range(vocabulary)]
    texts: list[str] = []
    for _ in range(2 * n):
        if texts and rng.random() < 0.5:  # an earlier one, with a word less, or one in other letters
            near = rng.choice(texts).split()
            near[rng.randrange(len(near))] = rng.choice([*words, "", "A"])
            texts.append(" ".join(near).upper() or "a")
        else:
            texts.append(" ".join(rng.choices(words, k=length)))
    check(made(texts[:n], "t"), made([t if t.strip() else "a" for t in texts[n:]], "h"))


def test_blocks_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(4)
    words = [f"word{k}" for k in range(60)]
    texts = [" ".join(rng.choices(words, k=12)) for _ in range(60)]
    texts += [f"{t} {rng.choice(words)}" for t in texts] + texts[:5]
    for name, value in (("_JOIN_AT_ONCE", 50), ("_COMPARE_AT_ONCE", 100), ("_ROWS_AT_ONCE", 7)):
        monkeypatch.setattr(duplicates, name, value)
    assert check(made(texts[:70], "t"), made(texts[70:], "h")) > 30


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([0.3, 0.7, 0.9]))
def test_similar_rows_are_all_and_only_those_that_reach_the_threshold(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.random((30, 12)) * (rng.random((30, 12)) < 0.4) + np.eye(30, 12)
    rows[rows.sum(axis=1) == 0, 0] = 1.0
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cosine = rows @ rows.T
    wanted = {(i, j): cosine[i, j] for i in range(30) for j in range(i + 1, 30) if cosine[i, j] >= threshold}
    found = {(i, j): s for i, j, s in similar_rows(csr_matrix(rows), threshold)}
    assert found == pytest.approx(wanted, abs=1e-9)


def test_an_input_without_letters_to_compare_is_no_duplicate() -> None:
    assert near_duplicates([], []).across == ()
    empty = [Example(id=k, input=[{"role": "user", "content": ""}], output="x") for k in "ab"]
    assert near_duplicates(empty[:1], empty[1:]).across == ()


def test_of_equally_near_training_items_the_first_by_id_is_named() -> None:
    train = [Example(id=i, input="where is my parcel", output="x") for i in ("t9", "t2")]
    held_out = [Example(id=i, input="Where is  my parcel", output="y") for i in ("h1", "h0")]
    assert near_duplicates(train, held_out).across == tuple(
        DuplicatePair(first=h, second="t2", similarity=1.0, same_output=False) for h in ("h0", "h1")
    )


def test_twenty_thousand_items_take_seconds() -> None:
    rng = np.random.default_rng(3)
    words = np.array([f"w{k:x}" for k in range(3000)])
    texts = [" ".join(row) for row in words[rng.integers(0, 3000, (20_000, 12))]]
    started = time.perf_counter()
    near_duplicates(made(texts[:2_000], "t"), made(texts[2_000:], "h"))
    assert time.perf_counter() - started < 25
