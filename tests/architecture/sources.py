"""The repository as text: what the tests of this folder look at."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def files() -> tuple[Path, ...]:
    """Every file that is, or is about to be, in the repository, relative to its root."""
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"]
    told = subprocess.run(
        [*git, "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = {Path(name) for name in told.stdout.split("\0") if name}
    return tuple(sorted(path for path in paths if (ROOT / path).is_file()))


def python(*folders: str) -> list[Path]:
    """The Python files, of the named folders alone when some are named."""
    return [
        path
        for path in files()
        if path.suffix == ".py" and (not folders or path.parts[0] in folders)
    ]


@cache
def text(path: Path) -> str:
    """The file's text."""
    return (ROOT / path).read_text()


@cache
def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(text(path), str(path))
