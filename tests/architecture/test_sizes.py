"""Limits with teeth: a line, a function and a file end somewhere."""

from __future__ import annotations

import ast

from tests.architecture import sources

_LINE, _FUNCTION, _FILE = 100, 50, 400


def test_no_line_is_longer_than_the_limit() -> None:
    assert [
        f"{path}:{number}"
        for path in sources.python()
        for number, line in enumerate(sources.text(path).splitlines(), 1)
        if len(line) > _LINE
    ] == []


def test_no_function_is_longer_than_the_limit() -> None:
    assert [
        f"{path}:{node.lineno} {node.name} ({lines})"
        for path in sources.python()
        for node in ast.walk(sources.tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > _FUNCTION
    ] == []


def test_no_file_is_longer_than_the_limit() -> None:
    assert [
        f"{path} ({lines})"
        for path in sources.files()
        if path.suffix in {".py", ".sql"}
        and (lines := len(sources.text(path).splitlines())) > _FILE
    ] == []


def test_no_file_has_a_name_for_what_belongs_nowhere() -> None:
    nowhere = {"common", "helper", "helpers", "manager", "misc", "service", "util", "utils"}
    assert [path for path in sources.python() if nowhere & {*path.parts, path.stem}] == []
