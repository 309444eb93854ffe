"""The page opens, signs and explains a review; who may not is told why, and refused by the package as well."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from advisor.access import ROLES, Identity
from advisor.formatting import clean
from advisor.resources import sample_cases_folder
from advisor.workflow.reviewing import journal, open_review, review_status, sign
from tests.ui.app import AppTest, marked, opened, prepared, told

ISSUER = "https://id.example"
ANN = Identity(subject="1", name="Ann", roles=ROLES, asserted_by=ISSUER)
VIC = Identity(subject="3", name="Vic", roles=("viewer",), asserted_by=ISSUER)
HOSTILE = "<script>alert(1)</script> **x** [y](javascript:z) \x1b[31m \u202etxt"


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    prepared(monkeypatch, tmp_path)
    folder = tmp_path / "intents"
    shutil.copytree(
        sample_cases_folder() / "support_intents", folder, ignore=shutil.ignore_patterns(".advisor")
    )
    monkeypatch.setenv("ADVISOR_CASES", str(folder))
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Identity:
    """Ann is signed in."""
    return signed_in(monkeypatch, ANN)


def signed_in(monkeypatch: pytest.MonkeyPatch, who: Identity) -> Identity:
    import ui_signin

    monkeypatch.setattr(ui_signin, "identity", lambda: who)
    return who


def page() -> AppTest:
    app = opened("review", case="intents")
    assert not app.exception
    return app


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(b for b in app.button if b.label == label)


def change_traffic(case: Path) -> None:
    file = case / "case.yaml"
    values = yaml.safe_load(file.read_text())
    values["traffic"]["requests_per_month"] = 20_000
    file.write_text(yaml.safe_dump(values, sort_keys=False))


def test_without_a_review_one_can_be_opened(case: Path, here: Identity) -> None:
    app = page()
    assert "No review was opened yet" in told(app)
    app.text_input[0].set_value("For Friday")
    button(app, "Open a review").click().run()
    assert not app.exception
    found = review_status(case)
    assert found is not None
    assert (found.opened_by, found.comment) == (here, "For Friday")
    assert "Pending" in app.info[0].value


def test_a_reviewer_signs_and_is_named_with_who_asserts_it(case: Path, here: Identity) -> None:
    open_review(case, identity=ANN)
    app = page()
    assert len(app.expander) >= 10
    app.radio[0].set_value("approve")
    app.text_area[0].set_value("Looked at the labels")
    button(app, "Sign").click().run()
    assert not app.exception
    assert "Approved" in app.success[0].value
    assert ISSUER.removeprefix("https://") in told(app)
    assert "Looked at the labels" in told(app)
    found = review_status(case)
    assert found is not None
    assert [s.who for s in found.sign_offs] == [here]


def test_a_rejection_without_a_reason_is_refused_in_words(case: Path, here: Identity) -> None:
    open_review(case, identity=ANN)
    app = page()
    app.radio[0].set_value("reject")
    button(app, "Sign").click().run()
    assert not app.exception
    assert "needs a comment" in app.error[0].value
    assert len(journal(case)[0]) == 1


def test_a_viewer_is_told_why_there_is_nothing_to_sign_with(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_review(case, identity=ANN)
    signed_in(monkeypatch, VIC)
    app = page()
    assert "Only reviewers sign" in told(app)
    assert not [b for b in app.button if b.label == "Sign"]
    assert not app.radio


def test_a_viewer_opens_no_review(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(monkeypatch, VIC)
    assert not [b for b in page().button if b.label == "Open a review"]


def test_a_role_that_is_taken_away_meanwhile_is_refused_by_the_package(
    case: Path, here: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_review(case, identity=ANN)
    app = page()
    app.radio[0].set_value("approve")
    from advisor.workflow import reviewing

    told_to_sign = reviewing.sign
    monkeypatch.setattr(
        reviewing, "sign", lambda *args, **options: told_to_sign(*args, **{**options, "identity": VIC})
    )
    button(app, "Sign").click().run()
    assert not app.exception
    assert "may not sign" in app.error[0].value
    assert len(journal(case)[0]) == 1


def test_stale_is_explained_and_a_new_review_offered(case: Path, here: Identity) -> None:
    open_review(case, identity=ANN)
    sign(case, "approve", identity=ANN)
    change_traffic(case)
    app = page()
    assert "Stale" in app.warning[0].value
    assert "20,000" in app.warning[0].value
    assert not app.radio
    button(app, "Open a new review on the evidence as it is now").click().run()
    assert not app.exception
    assert "Pending" in app.info[0].value


def test_the_record_can_be_taken_along(case: Path, here: Identity) -> None:
    open_review(case, identity=ANN)
    labels = {b.proto.label for b in page().get("download_button")}
    assert labels == {"Record (Markdown)", "Record (JSON)"}


def test_foreign_text_draws_no_markup(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = ANN.model_copy(update={"name": HOSTILE})
    signed_in(monkeypatch, hostile)
    open_review(case, comment=HOSTILE, identity=hostile)
    sign(case, "reject", comment=HOSTILE, identity=hostile)
    app = page()
    assert "<script>" not in told(app)
    assert not [c for c in told(app) if clean(c) != c]
    assert "[y](javascript" not in marked(app)
    assert "**x**" not in marked(app)
