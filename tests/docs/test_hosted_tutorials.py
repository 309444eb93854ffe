"""The pages on hosted tuning are run as a reader would: every block, in order, with the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from advisor.testing import ContractServer
from tests.docs.blocks import code_blocks

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
PAGES = ("openai.md", "azure-openai.md", "README.md")
KEY = "sk-a-key-of-the-tutorials-0001"
LONGEST_BLOCK_S = 120

pytestmark = pytest.mark.slow


@dataclass
class Walk:
    """What running a page came to."""

    server: ContractServer
    folder: Path
    outputs: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.outputs)


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Walk]]]:
    """All pages, walked at the same time: most of it is waiting and starting Python."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {page: pool.submit(walk, page, tmp_path_factory.mktemp("walk")) for page in PAGES}


def walk(page: str, folder: Path) -> Walk:
    # the pages say https://NAME.openai.azure.com and sk-...: the environment leads to the server in their place
    with ContractServer(api_key=KEY, training_s=1.0) as server:
        server.deploy("gpt-4-1-mini", "gpt-4.1-mini")  # the reader's own deployment of the untuned model
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("ADVISOR_", "OPENAI_", "AZURE_"))},
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
            "OPENAI_BASE_URL": server.base_url,
            "AZURE_OPENAI_API_KEY": KEY,
            "AZURE_OPENAI_ENDPOINT": server.azure_endpoint,
            "ADVISOR_AZURE_MANAGEMENT_URL": server.management_url,
            "ADVISOR_AZURE_MANAGEMENT_TOKEN": server.azure_token,
        }
        done = Walk(server, folder)
        for block in code_blocks(TUTORIALS / page):
            if not block.run or block.language not in ("sh", "python"):
                continue
            commands = block.text.replace('"sk-..."', f'"{KEY}"')
            if 'export OPENAI_API_KEY="sk-..."' in block.text:
                environment["OPENAI_API_KEY"] = KEY  # the reader's shell keeps it for the next blocks
            program = (
                ["bash", "-e", "-c", commands] if block.language == "sh" else [sys.executable, "-c", commands]
            )
            result = subprocess.run(
                program,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=LONGEST_BLOCK_S,
                check=False,
            )
            assert result.returncode == 0, f"{page}:\n{block.text}\n{result.stdout}\n{result.stderr}"
            done.outputs.append(result.stdout + result.stderr)
        return done


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_works(walks: dict[str, Future[Walk]], page: str) -> None:
    done = walks[page].result()
    assert done.outputs
    assert not done.server.violations
    if os.environ.get("SHOW_TUTORIALS"):  # to take outputs over into the pages: pytest -s
        print(done.text)


@pytest.mark.parametrize("page", ["openai.md", "azure-openai.md"])
def test_a_page_tunes_once_and_says_so(walks: dict[str, Future[Walk]], page: str) -> None:
    done = walks[page].result()
    (job,) = done.server.jobs
    assert job.status == "succeeded"
    assert f"job: {job.id}" in done.text
    assert f"= {job.trained_tokens:,} trained tokens; cost $0.28 (estimated)" in done.text
    assert f"trained tokens: {job.trained_tokens:,}" in done.text
    assert done.text.count("checkpoint at step") == 3
    assert "340 calls were made" in done.text
    assert "[key]" not in done.text and KEY not in done.text
    train, validation = sorted(done.folder.glob("recipes/.advisor/tuning/*/*.jsonl"))
    assert [len(f.read_text().splitlines()) for f in (train, validation)] == [81, 20]
    held_out = {json.loads(x)["input"] for x in (done.folder / "recipes/held_out.jsonl").open()}
    assert not any(json.dumps(x)[1:-1] in train.read_text() for x in held_out)


def test_at_openai_nothing_is_left_behind(walks: dict[str, Future[Walk]]) -> None:
    server = walks["openai.md"].result().server
    assert not [f for f in server.files if f.filename.startswith("advisor-")]
    assert server.jobs[0].tuned_id not in server.models
    assert not [d for d in server.deployments if d.standing and d.name != "gpt-4-1-mini"]


def test_on_azure_no_deployment_is_left_standing(walks: dict[str, Future[Walk]]) -> None:
    done = walks["azure-openai.md"].result()
    made = [d for d in done.server.deployments if d.name != "gpt-4-1-mini"]
    assert len(made) == 2  # one by the run, one by the reader
    assert not any(d.standing for d in made)
    name = made[0].name
    assert f"The deployment '{name}' stands since" in done.text
    assert (
        "The deployment is billed by the hour until it is removed: advisor tune undeploy recipes" in done.text
    )


@pytest.mark.parametrize("page", ["openai.md", "azure-openai.md"])
def test_the_readers_own_code_gets_a_list_of_names(walks: dict[str, Future[Walk]], page: str) -> None:
    answers = [o.strip() for o in walks[page].result().outputs if o.startswith("['")]
    assert len(answers) == 1


def test_a_rehearsal_says_that_it_is_one(walks: dict[str, Future[Walk]]) -> None:
    done = walks["README.md"].result()
    assert "SIMULATED" in done.text
    assert "0 of them against the provider's description" in done.text
    assert not done.server.requests  # it has a server of its own
