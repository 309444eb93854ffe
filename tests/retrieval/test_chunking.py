from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import CaseError, MissingExtraError
from advisor.retrieval.chunking import Document, chunk, load_documents

words = st.text(alphabet="abc", min_size=1, max_size=4)
sentences = st.lists(words, min_size=1, max_size=30).map(lambda ws: " ".join(ws) + ".")
paragraphs = st.lists(sentences, min_size=1, max_size=4).map(" ".join)
documents = st.lists(paragraphs, min_size=1, max_size=5).map(
    lambda ps: Document(name="d.md", title="D", text="\n\n".join(ps))
)


def one_page_pdf(text: str) -> bytes:
    """A PDF of one page that says `text`, with its table of offsets."""
    content = f"BT /F 12 Tf 20 200 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    pdf, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(pdf)
    return pdf + b"xref\n0 6\n0000000000 65535 f \n" + table + trailer


def test_documents_of_all_kinds_are_read_by_path(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "leave.md").write_text("# Annual leave\n\nEveryone has 27 days.\n")
    (tmp_path / "a_note.txt").write_text("Boots are yellow.")
    (tmp_path / "z.jsonl").write_text(
        '{"id": "faq-1", "title": "Boots", "text": "Boots are lent."}\n\n{"text": "Gloves are not."}\n'
    )
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    assert load_documents(tmp_path) == [
        Document(name="a_note.txt", title="A note", text="Boots are yellow."),
        Document(name="b/leave.md", title="Annual leave", text="Everyone has 27 days."),
        Document(name="faq-1", title="Boots", text="Boots are lent."),
        Document(name="z.jsonl#3", title="Z", text="Gloves are not."),
    ]


def test_a_pdf_is_read_where_its_package_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("pypdf")
    (tmp_path / "kelp-drying.PDF").write_bytes(one_page_pdf("Kelp is dried for nine days"))
    (document,) = load_documents(tmp_path)
    assert document == Document(
        name="kelp-drying.PDF", title="Kelp drying", text="Kelp is dried for nine days"
    )


def test_a_pdf_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kelp.pdf").write_bytes(one_page_pdf("Kelp is dried for nine days"))
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(MissingExtraError, match=r"advisor\[pdf\]"):
        load_documents(tmp_path)


def test_all_problems_are_told_at_once_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"id": "x", "text": "one"}\n{"id": "x", "text": "two"}\n{"id": 3}\nnot json\n'
    )
    (tmp_path / "b.md").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "c.txt").write_text("  \n")
    with pytest.raises(CaseError) as caught:
        load_documents(tmp_path)
    told = [(p.path.name, p.line) for p in caught.value.problems]
    assert told == [("a.jsonl", 2), ("a.jsonl", 3), ("a.jsonl", 4), ("b.md", None), ("c.txt", None)]


def test_a_pdf_of_pictures_is_a_problem_of_the_case(tmp_path: Path) -> None:
    pytest.importorskip("pypdf")
    (tmp_path / "scan.pdf").write_bytes(one_page_pdf(""))
    with pytest.raises(CaseError, match="holds no text"):
        load_documents(tmp_path)


def test_a_broken_pdf_is_a_problem_of_the_case(tmp_path: Path) -> None:
    pytest.importorskip("pypdf")
    (tmp_path / "broken.pdf").write_bytes(b"this is no PDF")
    with pytest.raises(CaseError, match=r"broken\.pdf"):
        load_documents(tmp_path)


def test_a_missing_folder_is_a_problem_of_the_case(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such folder"):
        load_documents(tmp_path / "nowhere")


def test_a_short_document_is_one_passage_with_its_paragraphs_kept() -> None:
    document = Document(name="d.md", title="Leave", text="One two.\n\n- three\n- four")
    (passage,) = chunk(document)
    assert (passage.document, passage.title) == ("d.md", "Leave")
    assert passage.text == "One two.\n\n- three\n- four"


def test_passages_end_at_paragraphs_and_overlap() -> None:
    document = Document(name="d", title="D", text="a b c d.\n\ne f g h.\n\ni j.")
    assert [p.text for p in chunk(document, max_words=6, overlap_words=2)] == [
        "a b c d.",
        "c d. e f g h.",
        "g h. i j.",
    ]
    assert [p.text for p in chunk(document, max_words=6, overlap_words=0)] == ["a b c d.", "e f g h.\n\ni j."]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    document = Document(name="d", title="D", text="One two three. Four five six. Seven eight.")
    assert [p.text for p in chunk(document, max_words=6, overlap_words=0)] == [
        "One two three. Four five six.",
        "Seven eight.",
    ]


def test_a_heading_stays_with_what_it_heads() -> None:
    document = Document(name="d", title="D", text="a b c d e.\n\n## Boots\n\nf g h.")
    assert [p.text for p in chunk(document, max_words=7, overlap_words=0)] == [
        "a b c d e.",
        "## Boots\nf g h.",
    ]


@given(documents, st.integers(5, 40), st.integers(0, 4))
def test_nothing_is_lost_and_no_passage_is_too_long(document: Document, max_words: int, overlap: int) -> None:
    passages = chunk(document, max_words=max_words, overlap_words=overlap)
    rebuilt: list[str] = []
    for passage in passages:
        found = passage.text.split()
        assert len(found) <= max_words
        rebuilt += found[min(overlap, len(rebuilt)) :] if rebuilt else found
    assert rebuilt == document.text.split()


def test_an_overlap_must_leave_room() -> None:
    with pytest.raises(ValueError, match="overlap"):
        chunk(Document(name="d", title="D", text="a"), max_words=10, overlap_words=10)
