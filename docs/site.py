"""Hooks of the documentation site: links that leave `docs/` lead to pages of the site too.

The pages link to source files, benchmarks and sample cases by their paths in the repository, as is right where they are
read there. On the site each of those becomes a page of its own, below `project/`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?<=\])\(([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LANGUAGES = {
    ".py": "python",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".jsonl": "json",
    ".toml": "toml",
}
LONGEST = 60_000  # characters of a file that are shown


def on_files(files: Files, config: Any) -> Files:
    """Adds a page for each file outside `docs/` that is linked to, and for those that these link to."""
    waiting = [ROOT / "docs" / f.src_uri for f in files.documentation_pages()]
    seen: set[Path] = set(waiting)
    while waiting:
        page = waiting.pop()
        for target in _targets(page):
            if target in seen or _inside(target):
                continue
            seen.add(target)
            files.append(File.generated(config, _uri(target), content=_content(target)))
            if target.suffix == ".md":
                waiting.append(target)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Makes links between files of the repository links between pages of the site."""
    here = _repository_path(page.file.src_uri)

    def rewritten(match: re.Match[str]) -> str:
        target = _resolved(here, match[1])
        if target is None or (_inside(target) and _inside(here)):
            return match[0]
        path = posixpath.relpath(_uri(target), posixpath.dirname(page.file.src_uri))
        return f"({path}{match[2] or ''})"

    parts, end = [], 0
    for fence in FENCE.finditer(markdown):  # what stands in code is no link
        parts += [LINK.sub(rewritten, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, LINK.sub(rewritten, markdown[end:])])


def _targets(page: Path) -> Iterator[Path]:
    if page.suffix != ".md" or not page.is_file():
        return
    for match in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if (target := _resolved(page, match[1])) is not None:
            yield target


def _resolved(page: Path, link: str) -> Path | None:
    """The file or folder of the repository that a link names; None for an address, or for what is not there."""
    if re.match(r"[a-z]+:", link):
        return None
    target = (page.parent / link).resolve()
    return target if target.exists() and target.is_relative_to(ROOT) else None


def _inside(path: Path) -> bool:
    return path.is_relative_to(ROOT / "docs")


def _uri(path: Path) -> str:
    """Where a file of the repository stands on the site."""
    if _inside(path):
        return path.relative_to(ROOT / "docs").as_posix()
    name = f"project/{path.relative_to(ROOT).as_posix()}"
    if path.suffix in (".png", ".svg"):
        return name
    return name if path.suffix == ".md" else f"{name}/files.md" if path.is_dir() else f"{name}.md"


def _repository_path(uri: str) -> Path:
    """The file that a page was made from; the inverse of `_uri`."""
    if not uri.startswith("project/"):
        return ROOT / "docs" / uri
    path = ROOT / uri.removeprefix("project/")
    return path if path.exists() else path.with_suffix("")


def _content(path: Path) -> str | bytes:
    name = path.relative_to(ROOT).as_posix()
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    if path.suffix in (".png", ".svg"):
        return path.read_bytes()
    if path.is_dir():
        lines = "\n".join(
            f"- `{p.name}`" for p in sorted(path.iterdir()) if not p.name.startswith((".", "__"))
        )
        return f"# {name}\n\n{lines}\n"
    text = path.read_text(encoding="utf-8")
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}\n…"
    return f"# {name}\n\n~~~~{LANGUAGES.get(path.suffix, 'text')}\n{shown.rstrip()}\n~~~~\n"
