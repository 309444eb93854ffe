"""Parts of the training data: nested, fair to every label, and the same whatever the order of the file."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.cases.schema import Example
from advisor.cases.splits import nested_part


def examples(labels: list[str]) -> list[Example]:
    return [Example(id=f"t{i}", input=f"text {i}", output=label) for i, label in enumerate(labels)]


@settings(max_examples=60)
@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=80), st.integers(0, 5), st.data())
def test_a_smaller_part_is_within_a_larger_one(labels: list[str], seed: int, data: st.DataObject) -> None:
    there = examples(labels)
    small = data.draw(st.integers(1, len(there)))
    large = data.draw(st.integers(small, len(there)))
    for by_output in (True, False):
        a = nested_part(there, small, seed=seed, by_output=by_output)
        b = nested_part(there, large, seed=seed, by_output=by_output)
        assert len(a) == small
        assert len(b) == large
        assert {e.id for e in a} <= {e.id for e in b}
        assert list(a) == [e for e in there if e in a], "in their given order"


@settings(max_examples=40)
@given(st.lists(st.sampled_from("aab"), min_size=4, max_size=80), st.integers(0, 5), st.floats(0.1, 0.9))
def test_every_label_keeps_its_share(labels: list[str], seed: int, share: float) -> None:
    there = examples(labels)
    n = max(1, round(share * len(there)))
    counts = Counter(e.output for e in nested_part(there, n, seed=seed, by_output=True))
    for label, total in Counter(labels).items():
        assert abs(counts[label] - n * total / len(labels)) <= 1


def test_the_order_of_the_file_does_not_matter_and_the_seed_does() -> None:
    there = examples(list("abc") * 20)
    shuffled = random.Random(1).sample(there, len(there))
    part = {e.id for e in nested_part(there, 15, seed=0, by_output=True)}
    assert part == {e.id for e in nested_part(shuffled, 15, seed=0, by_output=True)}
    assert part != {e.id for e in nested_part(there, 15, seed=1, by_output=True)}
