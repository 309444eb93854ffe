"""Opening a page of the app in a test: with decisions of the test's own, and all that it says as text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from advisor import workflow
from advisor.records import Decision
from advisor.resources import ui_folder

st = pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest  # noqa: E402

if str(ui_folder()) not in sys.path:
    sys.path.insert(0, str(ui_folder()))

APP = str(ui_folder() / "streamlit_app.py")
Decide = Callable[[Path, dict[str, str]], Decision]
KINDS = ("title", "header", "subheader", "markdown", "caption", "success", "info", "warning", "error")


def prepared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment of the test's own."""
    monkeypatch.delenv("ADVISOR_CASES", raising=False)
    monkeypatch.delenv("ADVISOR_STORE", raising=False)
    monkeypatch.delenv("ADVISOR_ACCESS", raising=False)
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)  # new cases are looked for where one is
    st.cache_data.clear()
    st.cache_resource.clear()


def deciding(monkeypatch: pytest.MonkeyPatch, decide: Decide) -> list[dict[str, Any]]:
    """Makes the package decide as the test says; what it was asked."""
    calls: list[dict[str, Any]] = []

    def asked(
        case: Path | str, *, store: str | None = None, overrides: Mapping[str, str] | None = None
    ) -> Decision:
        calls.append({"case": Path(case), "store": store, "overrides": dict(overrides or {})})
        return decide(Path(case), dict(overrides or {}))

    monkeypatch.setattr(workflow, "decide", asked)
    return calls


def opened(page: str = "decisions", **parameters: str | list[str]) -> AppTest:
    """A page of the app, with the parameters of its address."""
    app = AppTest.from_file(APP, default_timeout=60)
    if page != "decisions":
        app = app.run().switch_page(f"app_pages/{page}.py")
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def html(app: AppTest) -> list[str]:
    """The bodies of all tables and small figures, without the style."""
    bodies = [str(element.proto.body) for element in app.get("html")]
    return [body for body in bodies if "<style>" not in body]


def told(app: AppTest) -> str:
    """All that a page says, but for code, which is shown as it is."""
    return "\n".join([marked(app), *html(app)])


def marked(app: AppTest) -> str:
    """What a page says in Markdown."""
    texts = [str(element.value) for kind in KINDS for element in app.get(kind)]
    labels = [str(e.label) for kind in ("expander", "button", "number_input", "tab") for e in app.get(kind)]
    return "\n".join([*texts, *labels])
