from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.cases.schema import Task
from advisor.scoring.labels import accuracy
from advisor.scoring.text import contains, exact_match, normalize, rouge_l, token_f1

QUESTION = Task(kind="question_answering", instructions="Answer.")
GENERATION = Task(kind="generation", instructions="Write.")
texts = st.text(alphabet="ab c,.A", max_size=30)


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("The  Cat's  mat.", "cats mat"),  # lower case, no punctuation, no article, single spaces
        ("an apple, a day", "apple day"),
        ("theatre", "theatre"),  # an article is a whole word
        ("«Où ça ?»", "où ça"),
        ("A", "a"),  # the letter of a multiple-choice answer is not an article
        ("...", ""),
    ],
)
def test_text_is_normalized_as_squad_does(text: str, normalized: str) -> None:
    assert normalize(text) == normalized


def test_exact_match_forgives_form_but_not_words() -> None:
    assert exact_match("23 weeks", "23 Weeks.", QUESTION) == 1
    assert exact_match("23 weeks", "23 weeks, fully paid", QUESTION) == 0
    assert exact_match("A", "B", QUESTION) == 0


def test_token_f1_counts_shared_words() -> None:
    # Two of two expected words among four given: precision 1/2, recall 1.
    assert token_f1("23 weeks", "You get 23 weeks", QUESTION) == pytest.approx(2 / 3)
    # A repeated word counts as often as it stands in both.
    assert token_f1("tick tick tock", "tick tock tock", QUESTION) == pytest.approx(2 / 3)
    assert token_f1("x", "y", QUESTION) == 0
    assert token_f1("", "", QUESTION) == 1


def test_contains_looks_for_whole_words_in_a_row() -> None:
    assert contains("23 weeks", "They get 23 weeks of leave.", QUESTION) == 1
    assert contains("no", "That is not known.", QUESTION) == 0
    assert contains("23 weeks", "23 paid weeks", QUESTION) == 0
    assert contains("A", "The answer is (A).", QUESTION) == 1
    assert contains("A", "The answer is B.", QUESTION) == 0
    assert contains("", "anything", QUESTION) == 0


def test_several_expected_answers_count_for_questions_only() -> None:
    expected = ["four days", "4 days"]
    assert exact_match(expected, "4 days", QUESTION) == 1
    assert accuracy(expected, " 4 days ", QUESTION) == 1
    assert token_f1(expected, "4 weeks", QUESTION) == pytest.approx(0.5)
    assert exact_match(expected, "4 days", GENERATION) == 0


def test_values_that_are_no_text_are_compared_as_json() -> None:
    assert accuracy(3, "3", QUESTION) == 1
    assert exact_match(True, "true", QUESTION) == 1


def test_accuracy_forgives_space_only() -> None:
    assert accuracy("card_lost", " card_lost\n", QUESTION) == 1
    assert accuracy("card_lost", "Card_lost", QUESTION) == 0


# (expected, answer, F1) as computed by version 0.1.2 of Google's rouge-score package, without stemming.
ROUGE_L = [
    ("the cat sat on the mat", "the cat is on the mat", 0.8333333333333334),
    ("police killed the gunman", "police kill the gunman", 0.75),
    ("police killed the gunman", "the gunman kill police", 0.5),
    ("Don't stop, believing!", "don t stop", 0.8571428571428571),
    ("one two", "", 0.0),
]


@pytest.mark.parametrize(("expected", "answer", "f1"), ROUGE_L)
def test_rouge_l_matches_googles_package(expected: str, answer: str, f1: float) -> None:
    assert rouge_l(expected, answer, GENERATION) == pytest.approx(f1)


@settings(deadline=None)  # the package takes a while to load
@given(texts, texts)
def test_rouge_l_matches_googles_package_on_any_text(expected: str, answer: str) -> None:
    rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer")
    theirs = rouge_scorer.RougeScorer(["rougeL"]).score(expected, answer)["rougeL"].fmeasure
    if any(c.isalnum() for c in expected + answer):  # of two empty texts it says 0, here they are equal
        assert rouge_l(expected, answer, GENERATION) == pytest.approx(theirs)


@given(texts, texts)
def test_f1_scores_are_symmetric_and_full_for_equal_texts(one: str, other: str) -> None:
    for f1 in (token_f1, rouge_l):
        assert f1(one, other, GENERATION) == f1(other, one, GENERATION)
        assert f1(one, one, GENERATION) == 1
    assert exact_match(one, other, GENERATION) <= token_f1(one, other, GENERATION)
    assert exact_match(one, other, GENERATION) <= contains(one, other, GENERATION)
