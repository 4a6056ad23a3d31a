"""Every threat in SECURITY.md names tests that cover it, and each of them exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from tests.architecture import sources

_PAGE = Path("SECURITY.md")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_ROW = re.compile(r"^\| (?!threat |---)(.+?) \| (.+?) \| (.*) \|$", re.MULTILINE)


def _threats() -> list[tuple[str, str]]:
    """Each threat, and the cell that names its tests."""
    return [(row[1], row[3]) for row in _ROW.finditer(sources.text(_PAGE))]


@cache
def _tests_of(path: Path) -> set[str]:
    if path not in sources.files():
        return set()
    return {
        node.name
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_there_are_threats() -> None:
    assert len(_threats()) >= 30


def test_each_threat_names_a_test() -> None:
    assert [threat for threat, named in _threats() if not _TEST.findall(named)] == []


def test_each_test_exists() -> None:
    named = _TEST.findall(sources.text(_PAGE))
    assert sources.text(_PAGE).count("`tests/") == len(named)
    assert [f"{path}::{test}" for path, test in named if test not in _tests_of(Path(path))] == []
