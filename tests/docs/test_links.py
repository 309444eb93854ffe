"""Docs cannot drift: what they link to is there, and the commands that they name exist, options included."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from advisor.cli import app
from tests.docs.blocks import code_blocks

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("sample_cases/*/README.md"),
    ]
)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_INLINE = re.compile(r"`(advisor [^`]+)`")
_ASSIGNMENT = re.compile(r"[A-Z_]+=\S*$")
_OPERATORS = {"|", "||", "&&", ";", "&", ">", ">>", "2>", "<"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = page if not path else (page.parent / path).resolve()
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist_with_their_options(page: Path) -> None:
    wrong = [(command, fault) for command in commands_of(page) if (fault := fault_of(command)) is not None]
    assert not wrong


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("advisor tune start my_case --budget 5", None),
        ("advisor decide my_case --set a=1 --set b=2", None),
        ("advisor tune prepare|check|estimate my_case", None),
        ("advisor run CASE [--limit N]", None),
        ("advisor tune …", None),
        ("advisor nonsense my_case", "nonsense"),
        ("advisor tune launch my_case", "launch"),
        ("advisor tune start my_case --money 5", "--money"),
        ("advisor run my_case --budget=5 --trial", "--trial"),
    ],
)
def test_the_check_finds_what_does_not_exist(command: str, fault: str | None) -> None:
    assert fault_of(command) == fault


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in _HEADING.findall(text)}


def commands_of(page: Path) -> Iterator[str]:
    """The advisor's commands on a page: of its shell blocks, and those named in its text."""
    for block in code_blocks(page):
        if block.language not in ("sh", "bash", "console"):
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            yield from split(line)
    for named in _INLINE.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        yield " ".join(named.split())


def split(line: str) -> Iterator[str]:
    """The advisor's commands of a line of a shell."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # a line of a here-document
        return
    command: list[str] = []
    for word in [*words, ";"]:
        end = word.endswith(";") and word != ";"
        if word not in _OPERATORS:
            command.append(word.rstrip(";"))
            if not end:
                continue
        while command and _ASSIGNMENT.match(command[0]):
            command.pop(0)
        if command and command[0] == "advisor":
            yield shlex.join(command)
        command = []


def fault_of(command: str) -> str | None:
    """The first word of a command that does not exist; None: it is sound."""
    current: Any = typer.main.get_command(app)
    words = [w.strip("[]") for w in shlex.split(command)[1:]]
    names, at = [current], 0
    while at < len(words) and hasattr(names[0], "commands") and not words[at].startswith("-"):
        # `prepare|check` names several commands at once
        if words[at] in ("…", "..."):  # any of them
            return None
        found = []
        for name in words[at].split("|"):
            if name not in names[0].commands:
                return name
            found.append(names[0].commands[name])
        names, at = found, at + 1
    for one in names:
        known = {option for p in one.params for option in (*p.opts, *p.secondary_opts)} | {"--help", "-h"}
        for word in words[at:]:
            option = word.partition("=")[0]
            if option.startswith("-") and option.strip("-") and option not in known:
                return option
    return None
