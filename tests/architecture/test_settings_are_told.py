"""Every environment variable that is read is described in docs/configuration.md, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture import sources

_VARIABLE = re.compile(r"[A-Z]+(_[A-Z]+)+")
#: Variables that we set for others and nobody sets for us.
_ONLY_SET = {"PROMETHEUS_MULTIPROC_DIR"}
#: Names of other things: a file of Postgres, keys of Flask, of its limiter and of WSGI.
_NO_VARIABLES = {
    "PG_VERSION",
    "MAX_CONTENT_LENGTH",
    "RATELIMIT_STORAGE_OPTIONS",
    "REMOTE_ADDR",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "RATELIMIT_STORAGE_URI",
}


def _read() -> set[str]:
    """Strings of the code that are shaped like a variable, and what the Procfile asks for."""
    told = {
        node.value
        for path in [*sources.python("loyalty"), Path("celeryconfig.py")]
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _VARIABLE.fullmatch(node.value)
    }
    return told | set(re.findall(r"\$\{(\w+)", sources.text(Path("Procfile"))))


def test_every_variable_is_described() -> None:
    described = set(re.findall(r"`([A-Z_]+)`", sources.text(Path("docs/configuration.md"))))
    assert _read() - _ONLY_SET - _NO_VARIABLES - described == set()
