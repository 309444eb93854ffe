"""The page of answers: a link opens what it names, filters and pages stand in the address, foreign text stays text."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from advisor.formatting import clean
from advisor.resources import ui_folder
from tests.conftest import write_case, write_jsonl
from tests.reports.decisions import HOSTILE

st = pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest  # noqa: E402

sys.path.insert(0, str(ui_folder()))

APP = str(ui_folder() / "streamlit_app.py")
N = 45
Open = Callable[..., AppTest]


def make_case(folder: Path, *, text: str = "", **changes: Any) -> Path:
    """45 items: few_shot has every third wrong, zero_shot every second; `text` stands everywhere."""
    held_out = [
        {"id": f"h{k}", "input": f"message {k} {text}", "output": "payment", "group": f"{text}g{k % 2}"}
        for k in range(N)
    ]
    write_case(folder, held_out=held_out, changes=changes)
    lines = []
    for baseline, every in (("zero_shot", 2), ("few_shot", 3)):
        for k in range(N):
            wrong = k % every == 0
            answer = f"other {text}" if wrong else "payment"
            line = {"baseline": baseline, "id": f"h{k}", "score": float(not wrong), "answer": answer}
            lines.append({**line, "input_tokens": 50, "output_tokens": 2, "latency_s": 0.2, "cost_usd": 1e-6})
    lines[3] = {
        "baseline": "zero_shot", "id": "h3", "score": 0.0,
        "failure": {"error": "timeout", "message": f"Too slow. {text}", "transient": True},
    }  # fmt: skip
    write_jsonl(folder / "results.jsonl", lines)
    about = {"baselines": {"few_shot": {"kind": "few_shot", "model": "small", "setting": {"examples": 1}}}}
    (folder / "results.about.json").write_text(json.dumps(about))
    return folder


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of a case by a link."""
    monkeypatch.delenv("ADVISOR_STORE", raising=False)
    st.cache_data.clear()
    st.cache_resource.clear()

    def use(folder: Path | None = None, **link: Any) -> AppTest:
        folder = folder or make_case(tmp_path / "mine")
        monkeypatch.setenv("ADVISOR_CASES", str(folder))
        app = AppTest.from_file(APP, default_timeout=60)
        app.switch_page("app_pages/answers.py")
        app.query_params["case"] = folder.name
        for name, value in link.items():
            app.query_params[name] = value
        return app.run()

    yield use
    st.cache_data.clear()
    st.cache_resource.clear()


def told(app: AppTest) -> str:
    """All texts of the page."""
    kinds = ("title", "subheader", "markdown", "caption", "success", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def html(app: AppTest) -> str:
    """What the page draws by itself."""
    return "\n".join(e.proto.body for e in app.get("html"))


def item(app: AppTest) -> str:
    return str(app.subheader[0].value)


def button(app: AppTest, label: str) -> Any:
    return next(b for b in app.button if b.label == label)


def address(app: AppTest, name: str) -> str | None:
    values = app.query_params.get(name)
    return values[0] if isinstance(values, list) and values else values or None


def test_it_opens_on_the_first_item_with_all_baselines_side_by_side(open_page: Open) -> None:
    app = open_page()
    assert not app.exception
    assert "All 45 items" in told(app)
    assert item(app) == "h0" and len(app.radio[0].options) == 20
    assert html(app).count("<section") == 2
    assert "50 tokens" in html(app) and "200 ms" in html(app) and "$0.001" in html(app)


def test_a_link_opens_what_it_names(open_page: Open) -> None:
    app = open_page(right="few_shot", wrong="zero_shot", item="h40")
    assert not app.exception
    assert "**15 of 45 items**: few\\_shot right, zero\\_shot wrong" in told(app)
    assert item(app) == "h40"
    assert app.multiselect(key="answers_right").value == ["few_shot"]
    assert "14 of 15" in told(app)


def test_the_link_of_an_item_finds_its_page(open_page: Open) -> None:
    app = open_page(item="h44")
    assert item(app) == "h44" and app.radio[0].value == "h44"
    assert "page 3 of 3" in app.radio[0].label


def test_a_linked_item_that_the_filters_leave_out_is_shown_all_the_same(open_page: Open) -> None:
    app = open_page(right="few_shot", item="h0")
    assert item(app) == "h0"
    assert "not among those that fit" in told(app)


def test_what_a_link_names_and_is_not_there_is_said(open_page: Open) -> None:
    app = open_page(right="nobody", only="nonsense", item="h999", page="-3", sort="upwards")
    assert not app.exception
    assert "right = nobody" in told(app) and "h999" in told(app)
    assert "All 45 items" in told(app) and item(app) == "h0"


def test_a_filter_stands_in_the_address_and_begins_on_the_first_page(open_page: Open) -> None:
    app = open_page(page="3")
    assert item(app) == "h40"
    app.multiselect(key="answers_wrong").set_value(["few_shot"]).run()
    assert "**15 of 45 items**: few\\_shot wrong" in told(app)
    assert address(app, "wrong") == "few_shot" and address(app, "page") is None
    app.text_input(key="answers_q").set_value("Message 33").run()
    assert "1 of 45 items" in told(app) and item(app) == "h33"
    assert address(app, "q")
    button(app, "Clear filters").click().run()
    assert "All 45 items" in told(app)
    assert address(app, "q") is None and address(app, "wrong") is None


def test_where_no_item_fits_it_says_so_and_offers_a_way_out(open_page: Open) -> None:
    app = open_page(q="nowhere to be found")
    assert not app.exception
    assert "No item fits" in told(app) and not app.radio
    app.button(key="answers_clear_empty").click().run()
    assert "All 45 items" in told(app)


def test_next_and_previous_go_through_the_selection_over_pages(open_page: Open) -> None:
    app = open_page(item="h19")
    button(app, "Next").click().run()
    assert item(app) == "h20" and "page 2 of 3" in app.radio[0].label
    button(app, "Previous").click().run()
    assert item(app) == "h19" and address(app, "page") == "1"
    app.radio[0].set_value("h5").run()
    assert item(app) == "h5" and address(app, "item") == "h5"


def test_a_failure_is_explained(open_page: Open) -> None:
    app = open_page(only="failed")
    assert "1 of 45 items" in told(app) and item(app) == "h3"
    assert "timeout" in html(app) and "run the case again" in html(app) and "wrong answer" in html(app)


def test_the_prompt_is_shown_in_its_parts(open_page: Open, tmp_path: Path) -> None:
    app = open_page()
    assert "Instructions" not in html(app)  # it is made only where somebody looks
    app.session_state["answers_prompt"] = True
    app.run()
    assert "Rebuilt, not kept" in told(app)
    assert "Instructions · system" in html(app) and "Question · user" in html(app)


def test_a_case_without_results_leads_to_the_run(open_page: Open, tmp_path: Path) -> None:
    app = open_page(write_case(tmp_path / "fresh"))
    assert not app.exception
    assert "no answers yet" in told(app) and not app.radio


@pytest.mark.parametrize("kind", ["classification", "generation", "extraction"])
def test_foreign_text_draws_no_markup(open_page: Open, tmp_path: Path, kind: str) -> None:
    text = (
        f"{HOSTILE} <img src=x onerror=alert(1)> \x1b[31m \u202e =1+1 </style><script>1</script> :red[x] $y$"
    )
    changes: dict[str, Any] = {}
    if kind != "classification":
        zero = {"name": "zero_shot", "kind": "zero_shot", "model": "small"}
        few = {"name": "few_shot", "kind": "few_shot", "model": "small"}
        changes = {
            "task": {"kind": kind, "instructions": f"Do it. {text}"},
            "quality": {"metric": "exact_match"},
            "baselines": [zero, few],
        }
    folder = make_case(tmp_path / f"hostile_{kind}", text=text, **changes)
    app = open_page(folder, item="h3")
    app.session_state["answers_prompt"] = True
    app.run()
    assert not app.exception
    drawn = html(app)
    assert "<img" not in drawn and "<script" not in drawn and "&lt;img" in drawn
    assert "\\x1b" in drawn and "\\u202e" in drawn
    options = " ".join([*app.radio[0].options, *(m.value for m in app.markdown)])
    assert "<img" not in options and ":red[" not in options and "$y$" not in options
    for shown in (drawn, told(app), options):
        assert not [c for c in shown if c != "\n" and clean(c) != c]


def test_a_chat_is_shown_as_its_turns(open_page: Open, tmp_path: Path) -> None:
    folder = write_case(
        tmp_path / "chat",
        held_out=[
            {
                "id": "h0",
                "output": "payment",
                "input": [
                    {"role": "user", "content": "I was charged."},
                    {"role": "assistant", "content": "When?"},
                    {"role": "user", "content": "Yesterday."},
                ],
            }
        ],
    )
    write_jsonl(
        folder / "results.jsonl", [{"baseline": "zero_shot", "id": "h0", "score": 1.0, "answer": "payment"}]
    )
    app = open_page(folder)
    assert not app.exception
    assert [html(app).count(f'<div class="who">{role}</div>') for role in ("user", "assistant")] == [2, 1]
    assert "unknown" in html(app)  # tokens and latency were not recorded, which is not zero
