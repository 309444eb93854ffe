"""The house keeps its order: a room uses only rooms below it, and what is pure touches no world."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "advisor"

# From the ground up.
ORDER = [
    "errors", "files", "version", "records", "access", "formatting", "resources", "statistics", "cases", "catalogue",
    "store", "prompts", "retrieval", "models", "tuning", "scoring", "economics", "decision", "baselines", "evaluation",
    "reports", "reviews", "testing", "workflow", "cli",
]  # fmt: skip
PURE = ["statistics", "scoring", "economics", "decision"]
WORLDLY = {
    "os",
    "time",
    "random",
    "subprocess",
    "socket",
    "requests",
    "httpx",
    "sqlalchemy",
    "openai",
    "torch",
}


def modules() -> list[Path]:
    return [
        p for p in PACKAGE.rglob("*.py") if "migrations" not in p.parts and not p.parts[-2].startswith("_")
    ]


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += (
                [f"{node.module}.{a.name}" for a in node.names] if node.module == "advisor" else [node.module]
            )
        elif isinstance(node, ast.Import):
            found += [a.name for a in node.names]
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_uses_only_rooms_below_it(path: Path) -> None:
    own = room(path)
    if own in ("__init__", "__main__"):
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "advisor" and len(parts) > 1 and parts[1] in ORDER:
            assert ORDER.index(parts[1]) <= ORDER.index(own), f"{own} uses {name}, which stands above it"


@pytest.mark.parametrize(
    "path", [p for p in modules() if room(p) in PURE], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_what_decides_is_pure(path: Path) -> None:
    used = {name.split(".")[0] for name in imports(path)}
    assert not used & WORLDLY
    source = path.read_text(encoding="utf-8")
    assert "datetime.now" not in source
    assert "open(" not in source


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['advisor', '--help']\n"
        "from advisor.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'scipy', 'numpy', 'streamlit', 'altair', 'sqlalchemy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"
    for command in ("init", "check", "run", "decide", "report", "batch", "import", "ui"):
        assert command in result.stdout
