"""The contracts of pyproject.toml hold, and each breaks when it is broken on purpose."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import sources

_STREET = "The street: a room looks only down it, never across"
_PURE = "Rules are pure: no framework, driver, session or setting"
_HTTP = "What speaks HTTP stays at the door"
_LEDGER = "Only the ledger knows how points are written down"
_KAFKA = "Only the reader of a stream knows Kafka, which is an extra"

_BREAKS = [
    ("members/enrol.py", "from loyalty.earning import accept", _STREET),
    ("people/search.py", "from loyalty.book import audit", _STREET),
    ("ledger/rules.py", "from sqlalchemy import text", _PURE),
    ("tiers/rules.py", "from loyalty.clock import now", _PURE),
    ("earning/award.py", "import flask", _HTTP),
    ("care/leave.py", "from loyalty.ledger.models import Account", _LEDGER),
    ("streams/take.py", "import confluent_kafka", _KAFKA),
]


def _lint(folder: Path) -> str:
    """What import-linter says of the package in the folder."""
    command = [sys.executable, "-c", "from importlinter.cli import *; lint_imports_command()"]
    return subprocess.run(
        [*command, "--no-cache"], cwd=folder, capture_output=True, text=True
    ).stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, to be broken."""
    shutil.copy(sources.ROOT / "pyproject.toml", tmp_path)
    for path in sources.python("loyalty"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sources.ROOT / path, tmp_path / path)
    return tmp_path


def test_the_contracts_hold() -> None:
    assert "Contracts: 5 kept, 0 broken." in _lint(sources.ROOT)


@pytest.mark.parametrize(("file", "line", "contract"), _BREAKS)
def test_a_contract_breaks(copy: Path, file: str, line: str, contract: str) -> None:
    with (copy / "loyalty" / file).open("a") as end:
        end.write(f"\n{line}\n")
    said = _lint(copy)
    assert f"{contract} BROKEN" in said
    assert "Contracts: 4 kept, 1 broken." in said


def test_a_new_room_needs_a_place_in_the_street(copy: Path) -> None:
    (copy / "loyalty" / "annex").mkdir()
    (copy / "loyalty" / "annex" / "__init__.py").touch()
    assert "- loyalty.annex" in _lint(copy)
