"""Fine-tuning on Azure OpenAI by itself: tiers, imports of files, and deployments that are never forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import TuningError
from advisor.testing import ContractServer, Fault
from advisor.workflow import tuning
from advisor.workflow.rehearsal import keys
from tests.conftest import CliResult
from tests.hosted_case import hosted_case, n_of, shorten, standing

Cli = Callable[..., CliResult]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractServer]:
    shorten(monkeypatch)
    with ContractServer(training_s=0.05, provisioning_s=0.02) as running, keys(running):
        yield running


@pytest.fixture
def tuned(tmp_path: Path, server: ContractServer) -> Path:
    """A case whose model is tuned."""
    case = hosted_case(tmp_path / "c", server, "azure_openai")
    tuning.start(case)
    return case


def test_a_tuned_model_is_deployed_and_removed_by_hand(tuned: Path, server: ContractServer, cli: Cli) -> None:
    result = cli("tune", "deploy", tuned)
    assert result.code == 0, result.err
    (name,) = standing(server)
    assert name in result.out
    assert "billed by the hour" in result.err
    (view,) = cli("tune", "deploy", tuned, "--json").json
    assert (view["name"], view["state"]["deployment"]) == (name, name)
    assert standing(server) == [name]
    shown = cli("tune", "status", tuned)
    assert name in shown.out
    assert "billed by the hour" in shown.err
    (view,) = cli("tune", "undeploy", tuned, "--json").json
    assert view["state"]["deployment"] is None
    assert view["state"]["hosted_hours"] > 0
    assert standing(server) == []
    assert cli("tune", "undeploy", tuned).code == 0, "nothing stands any more, and that is no error"
    assert server.violations == []


def test_the_deployment_is_as_the_case_says(tmp_path: Path, server: ContractServer) -> None:
    hosting = {
        "subscription_id": "sub",
        "resource_group": "group",
        "account": "acc",
        "tier": "DeveloperTier",
        "capacity": 7,
    }
    case = hosted_case(
        tmp_path / "c",
        server,
        "azure_openai",
        model={"hosting": hosting},
        tuning={"training_tier": "Developer"},
    )
    tuning.start(case)
    tuning.deploy(case)
    deployment = server.deployments[-1]
    assert (deployment.sku, deployment.capacity) == ("DeveloperTier", 7)
    assert deployment.model == server.jobs[0].tuned_id
    assert "/subscriptions/sub/resourceGroups/group/" in deployment.resource_id
    assert "/accounts/acc/" in deployment.resource_id
    assert server.jobs[0].training_type == "Developer"


@pytest.mark.parametrize("missing", ["hosting", "base_model"])
def test_what_the_case_does_not_say_is_asked_for(
    tmp_path: Path, server: ContractServer, missing: str
) -> None:
    case = hosted_case(tmp_path / "c", server, "azure_openai", model={missing: None})
    with pytest.raises(TuningError) as caught:
        tuning.start(case)
        tuning.deploy(case)
    assert missing in (caught.value.hint or "")
    assert standing(server) == []


def test_a_file_is_imported_before_a_job_is_made_of_it(
    tmp_path: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from advisor.testing._state import StoredFile

    wire, looks, enough = StoredFile.to_wire, list[int](), 6

    def importing(self: StoredFile) -> dict[str, Any]:
        looks.append(n_of(server, "jobs.create"))
        return wire(self) | ({"status": "running"} if len(looks) < enough else {})

    monkeypatch.setattr(StoredFile, "to_wire", importing)
    case = hosted_case(tmp_path / "c", server, "azure_openai")
    tuning.start(case, wait=False)
    assert looks[:6] == [0] * 6
    assert len(server.jobs) == 1

    monkeypatch.setattr("advisor.tuning.azure_openai.IMPORTED_S", 0.0)
    enough = 10_000
    with pytest.raises(TuningError, match="not imported") as caught:
        tuning.start(hosted_case(tmp_path / "d", server, "azure_openai", tuning={"seed": 2}))
    assert "run the same command again" in (caught.value.hint or "")


def test_a_deployment_that_answers_late_is_waited_for(
    tuned: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from advisor.testing import _chat as chat

    check, refused = chat.check_request, []

    def late(*arguments: Any, **options: Any) -> Any:
        if len(refused) < 3:
            refused.append(1)
            raise chat.deployment_not_found()
        return check(*arguments, **options)

    monkeypatch.setattr(chat, "check_request", late)
    assert tuning.deploy(tuned).name == standing(server)[0]
    assert len(refused) == 3
    tuning.undeploy(tuned)

    refused.clear()
    monkeypatch.setattr("advisor.tuning.azure_openai.ANSWERS_S", 0.0)
    with pytest.raises(TuningError, match="does not answer"):
        tuning.deploy(tuned)
    assert standing(server) == []


def test_a_deployment_that_is_never_ready_is_removed(
    tuned: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("advisor.tuning.azure_openai.OPERATION_S", 0.3)
    server.service.provisioning_s = 1e6
    delete = Fault("deployments.delete", "500", every=1)
    server.inject(delete)
    with pytest.raises(TuningError, match="not done") as caught:
        tuning.deploy(tuned)
    assert "could not be removed" in str(caught.value)
    assert "undeploy" in (caught.value.hint or "")
    (view,) = tuning.status(tuned)
    assert [view.state.deployment] == standing(server), "it stands, and the store says so"
    server.clear_faults()
    server.service.provisioning_s = 0
    tuning.undeploy(tuned)
    assert standing(server) == []


@pytest.mark.parametrize("kind", ["500", "malformed", "disconnect"])
def test_a_removal_is_believed_only_when_it_is_seen(tuned: Path, server: ContractServer, kind: Any) -> None:
    """A page of a proxy's answers the deletion with 200, and the deployment goes on costing money."""
    tuning.deploy(tuned)
    server.inject(Fault("deployments.delete", kind, every=1))
    with pytest.raises(TuningError, match="could not be removed"):
        tuning.undeploy(tuned)
    (view,) = tuning.status(tuned)
    assert [view.state.deployment] == standing(server)
    server.clear_faults()
    assert tuning.undeploy(tuned).state.deployment is None
    assert standing(server) == []


def test_a_wrong_token_deploys_nothing_and_says_whose_role_is_missing(
    tuned: Path, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVISOR_AZURE_MANAGEMENT_TOKEN", "wrong")
    with pytest.raises(TuningError, match="Authentication failed") as caught:
        tuning.deploy(tuned)
    assert caught.value.hint
    assert standing(server) == []
