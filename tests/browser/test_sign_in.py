"""Teams sign in with their own provider; a role is checked where something is done."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from advisor.workflow.reviewing import journal
from tests.browser.conftest import ROOT, App, settled, started_app, visit
from tests.conftest import write_case

if TYPE_CHECKING:
    from playwright.sync_api import Page

ACCESS = """\
people:
  - {email: rita@example.org, roles: [reviewer]}
claim:
  name: groups
  roles: {advisor-editors: editor}
default: viewer
"""
PEOPLE = {
    "rita": {"name": "Rita Reviewer", "email": "rita@example.org", "email_verified": True},
    "vera": {"name": "Vera Viewer", "email": "vera@example.org", "email_verified": True},
    "imke": {"name": "<b>Imke</b> *Impostor*", "email": "rita@example.org", "email_verified": False},
    "edda": {"name": "Edda Editor", "groups": ["advisor-editors"]},
}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """An OpenID provider of this machine; its address."""
    mock = pytest.importorskip("oidc_provider_mock")
    users = [mock.User(sub=sub, claims=claims) for sub, claims in PEOPLE.items()]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with mock.run_server_in_thread(port=port, user_claims=users) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, provider: str) -> Iterator[App]:
    """The app with sign-in."""
    folder = tmp_path_factory.mktemp("team")
    write_case(folder / "cases" / "little")
    shutil.copytree(ROOT / "sample_cases" / "support_intents", folder / "cases" / "intents")
    (folder / "access.yaml").write_text(ACCESS)
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(
        "[auth]\n"
        'redirect_uri = "http://localhost:{port}/oauth2callback"\n'
        'cookie_secret = "only-for-this-test-and-long-enough"\n'
        'client_id = "advisor"\n'
        'client_secret = "secret"\n'
        f'server_metadata_url = "{provider}/.well-known/openid-configuration"\n'
    )
    environment = {"ADVISOR_ACCESS": str(folder / "access.yaml")}
    with started_app(folder, folder / "cases", environment=environment, host="localhost") as running:
        yield running


@pytest.fixture
def signed_in(team: App, provider: str, new_page: Callable[..., Page]) -> Callable[[str], Page]:
    """Signs somebody in, as they would."""

    def sign_in(who: str) -> Page:
        page = new_page(team, provider=provider)
        visit(page, team.at())
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name=who, exact=True).click()
        page.get_by_role("button", name="Sign out").wait_for()
        settled(page)
        return page

    return sign_in


def test_nothing_is_shown_before_somebody_signs_in(team: App, new_page: Callable[..., Page]) -> None:
    page = new_page(team)
    for path in ("", "recommendation"):
        visit(page, team.at(path))
        assert page.get_by_role("button", name="Sign in").is_visible()
        text = page.locator("body").inner_text()
        assert "little" not in text.lower()
        assert page.locator("[data-testid=stSidebarNav]").count() == 0


def test_a_person_sees_their_name_and_roles_and_can_leave(signed_in: Callable[[str], Page]) -> None:
    page = signed_in("rita")
    account = page.locator("[data-testid=stSidebar]")
    assert "Rita Reviewer" in account.inner_text()
    assert "reviewer" in account.inner_text()
    page.reload()
    settled(page)
    assert "Rita Reviewer" in account.inner_text()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="End session").click()  # the provider asks
    page.get_by_role("button", name="Sign in").wait_for()


def test_roles_come_from_a_claim_too(signed_in: Callable[[str], Page]) -> None:
    assert "viewer, editor" in signed_in("edda").locator("[data-testid=stSidebar]").inner_text()


def test_an_address_that_the_provider_did_not_verify_gives_no_role_and_a_name_is_text(
    signed_in: Callable[[str], Page],
) -> None:
    account = signed_in("imke").locator("[data-testid=stSidebar]")
    assert "<b>Imke</b> *Impostor*" in account.inner_text()
    assert "reviewer" not in account.inner_text()


def test_who_may_not_sign_in_stays_outside(team: App, provider: str, new_page: Callable[..., Page]) -> None:
    page = new_page(team, provider=provider)
    visit(page, team.at())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("button", name="Sign in").wait_for()


def test_a_cookie_that_somebody_made_up_signs_nobody_in(team: App, new_page: Callable[..., Page]) -> None:
    page = new_page(team)
    forged = '{"sub": "rita", "email": "rita@example.org", "email_verified": true, "is_logged_in": true}'
    page.context.add_cookies([{"name": "_streamlit_user", "value": forged, "url": team.url}])
    visit(page, team.at())
    assert page.get_by_role("button", name="Sign in").is_visible()


def test_roles_without_a_provider_open_nothing(tmp_path: Path, new_page: Callable[..., Page]) -> None:
    (tmp_path / "access.yaml").write_text(ACCESS)
    environment = {"ADVISOR_ACCESS": str(tmp_path / "access.yaml")}
    with started_app(tmp_path / "home", write_case(tmp_path / "little"), environment=environment) as app:
        page = new_page(app)
        visit(page, app.at())
        assert "Sign-in is not set up" in page.locator("body").inner_text()
        assert "[auth]" in page.locator("body").inner_text()
        (tmp_path / "access.yaml").write_text("people: 3\n")
        visit(page, app.at())
        assert "cannot be used" in page.locator("body").inner_text()
        page.close()


def test_a_viewer_is_refused_a_sign_off_and_a_reviewer_signs_as_the_provider_says(
    team: App, provider: str, signed_in: Callable[[str], Page]
) -> None:
    editor = signed_in("edda")
    visit(editor, team.at("review", case="intents"))
    editor.get_by_role("button", name="Open a review").click()
    editor.get_by_text("Pending").first.wait_for()
    viewer = signed_in("vera")
    visit(viewer, team.at("review", case="intents"))
    assert "Only reviewers sign" in viewer.locator("[data-testid=stMain]").inner_text()
    assert viewer.get_by_role("button", name=re.compile("Sign$")).count() == 0
    reviewer = signed_in("rita")
    visit(reviewer, team.at("review", case="intents"))
    reviewer.get_by_text("Approve", exact=True).click()
    reviewer.get_by_role("button", name=re.compile("Sign$")).click()
    reviewer.get_by_text("Approved").first.wait_for()
    (signed,) = [e for e in journal(team.folder / "cases" / "intents")[0] if e.what == "review signed"]
    assert (signed.who.subject, signed.who.email, signed.who.asserted_by) == (
        "rita",
        "rita@example.org",
        provider,
    )
