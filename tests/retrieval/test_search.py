from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from advisor.errors import MissingExtraError
from advisor.prompts import Passage
from advisor.retrieval import dense
from advisor.retrieval.dense import DenseIndex, HybridIndex, load_embedder, reciprocal_rank_fusion
from advisor.retrieval.lexical import LexicalIndex
from advisor.retrieval.quality import retrieval_quality
from advisor.retrieval.similarity import NearestExamples

LEAVE = Passage(
    document="leave.md", title="Annual leave", text="Everyone has 27 days. Unused days are carried over."
)
BOOTS = Passage(document="boots.md", title="Boots", text="Yellow boots are lent by the harbour office.")
TRAINS = Passage(document="trains.md", title="Rail travel", text="Tickets are booked in second class.")
PASSAGES = [LEAVE, BOOTS, TRAINS]
TOPICS = {"days": 0, "holiday": 0, "boots": 1, "shoes": 1, "tickets": 2, "train": 2}


def embed_topics(texts: Sequence[str]) -> NDArray[np.float32]:
    """A stand-in for an embedding model: one dimension a topic, so that synonyms are near."""
    vectors = np.zeros((len(texts), 3), dtype=np.float32)
    for row, text in enumerate(texts):
        for word, topic in TOPICS.items():
            vectors[row, topic] += text.lower().count(word)
    return vectors


def test_lexical_search_finds_the_passage_that_shares_words() -> None:
    found = LexicalIndex(PASSAGES).search("Who has the yellow boots?", 2)
    assert [p for p, _ in found] == [BOOTS]
    assert found[0][1] > 0


def test_the_title_is_searched_too() -> None:
    assert LexicalIndex(PASSAGES).search("travel", 1)[0][0] == TRAINS


def test_equal_passages_come_in_the_order_given() -> None:
    twins = [Passage(document=str(i), title="", text="kelp drying") for i in range(20)]
    found = LexicalIndex([*twins, BOOTS]).search("kelp", 20)
    assert [p.document for p, _ in found] == [str(i) for i in range(20)]


@pytest.mark.parametrize("query", ["", "the", "When do you have it?", "zebra", "?"])
def test_a_query_without_a_shared_word_finds_nothing(query: str) -> None:
    assert LexicalIndex(PASSAGES).search(query, 3) == []


def test_an_index_without_words_finds_nothing() -> None:
    assert LexicalIndex([]).search("boots", 3) == []
    assert LexicalIndex([Passage(document="d", title="", text="?")]).search("boots", 3) == []


def test_search_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    LexicalIndex(PASSAGES).search("boots", 3)
    assert capfd.readouterr() == ("", "")


def test_dense_search_finds_synonyms() -> None:
    found = DenseIndex(PASSAGES, embed_topics).search("Which shoes may I borrow?", 2)
    assert found[0] == (BOOTS, pytest.approx(1.0))
    assert len(found) == 2
    assert DenseIndex([], embed_topics).search("shoes", 2) == []
    assert DenseIndex(PASSAGES, embed_topics).search("nothing known", 1) == [(LEAVE, 0.0)]


def test_hybrid_search_prefers_what_both_find() -> None:
    index = HybridIndex([LexicalIndex(PASSAGES), DenseIndex(PASSAGES, embed_topics)])
    assert index.search("second class train", 1)[0][0] == TRAINS
    assert len(index.search("second class train", 2)) == 2


def test_rank_fusion_adds_reciprocal_ranks() -> None:
    # Cormack, Clarke and Büttcher (2009) with k = 60: a is first and third, b second and first.
    fused = reciprocal_rank_fusion([["a", "b", "c"], ["b", "c", "a"]])
    assert [item for item, _ in fused] == ["b", "a", "c"]
    assert fused[0][1] == pytest.approx(1 / 62 + 1 / 61)


def test_without_a_model_search_by_meaning_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "BUNDLED_EMBEDDER", "no-such-package-is-installed")
    with pytest.raises(MissingExtraError, match=r"advisor\[dense\]"):
        load_embedder()


TRAIN = ["My card was stolen", "I want to cancel my card", "Where is my parcel?", "Where is my parcel?"]


def test_the_nearest_examples_come_first() -> None:
    found = NearestExamples(TRAIN).search("somebody stole my card", 2)
    assert found[0][0] == 0
    assert 0 < found[1][1] < found[0][1] <= 1


def test_an_equal_text_has_similarity_one_and_ties_keep_their_order() -> None:
    assert NearestExamples(TRAIN).search("where is my PARCEL?", 2) == [(2, 1.0), (3, 1.0)]


def test_other_endings_and_typing_errors_still_match() -> None:
    assert NearestExamples(TRAIN).search("parcles", 1)[0][0] == 2


def test_there_are_always_as_many_examples_as_asked_for() -> None:
    assert len(NearestExamples(TRAIN).search("zzz", 3)) == 3
    assert len(NearestExamples(TRAIN).search("card", 9)) == 4
    assert NearestExamples(["", "?"]).search("card", 1) == [(0, 0.0)]
    assert NearestExamples([]).search("card", 1) == []


def test_similarity_knows_one_letter_texts() -> None:
    assert NearestExamples(["x", "y"]).search("y", 1)[0] == (1, pytest.approx(1.0))


def test_retrieval_quality_counts_known_items_only() -> None:
    quality = retrieval_quality(
        [["a", "b", "c"], ["b", "a", "a"], ["c", "b", "d"], ["x"]],
        [["a"], ["a", "z"], ["d"], None],
        k=2,
    )
    assert quality is not None
    assert quality.n == 3
    assert quality.passages == 2
    assert quality.recall == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert quality.mean_reciprocal_rank == pytest.approx((1 + 1 / 2 + 0) / 3)


def test_unknown_retrieval_quality_is_none_not_zero() -> None:
    assert retrieval_quality([["a"], ["b"]], [None, []], k=3) is None
    nothing_found = retrieval_quality([[]], [["a"]], k=3)
    assert nothing_found is not None
    assert nothing_found.recall == 0


def test_retrieval_quality_needs_an_entry_per_item() -> None:
    with pytest.raises(ValueError, match="shorter"):
        retrieval_quality([["a"], ["b"]], [["a"]], k=1)
    with pytest.raises(ValueError, match="positive"):
        retrieval_quality([], [], k=0)


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=6), st.integers(1, 5))
def test_more_passages_never_lower_recall(ranked: list[list[str]], k: int) -> None:
    relevant = [["a", "b"]] * len(ranked)
    few, many = retrieval_quality(ranked, relevant, k), retrieval_quality(ranked, relevant, k + 1)
    assert few is not None
    assert many is not None
    assert few.recall <= many.recall
    assert few.mean_reciprocal_rank <= many.mean_reciprocal_rank + 1e-12
