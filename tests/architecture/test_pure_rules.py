"""What decides can be imported without what carries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import sources

_RULES = [path for path in sources.python("loyalty") if path.name == "rules.py"]
_CARRIERS = {"celery", "flask", "kombu", "marshmallow", "psycopg2", "redis", "sqlalchemy"}


def test_there_are_rules() -> None:
    assert len(_RULES) >= 6


@pytest.mark.parametrize("path", _RULES, ids=lambda path: path.parent.name)
def test_importing_rules_loads_no_framework_and_no_driver(path: Path) -> None:
    module = ".".join(path.with_suffix("").parts)
    ask = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", ask], cwd=sources.ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert module in loaded
    assert _CARRIERS & {name.partition(".")[0] for name in loaded} == set()


@pytest.mark.parametrize("path", _RULES, ids=lambda path: path.parent.name)
def test_rules_have_properties(path: Path) -> None:
    module = ".".join(path.with_suffix("").parts)
    assert any(
        f"from {module} import" in text and "from hypothesis import" in text
        for text in map(sources.text, sources.python("tests"))
    )
