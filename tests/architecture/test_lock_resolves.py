"""The lock installs, from wheels alone, on every platform and Python that we name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from install import NEWEST, OLDEST
from tests.architecture import sources

_PLATFORMS = [
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
]
_PIN = re.compile(r"^([\w.-]+)==([^ \\]+)(?: ; ([^\\]+))?", re.MULTILINE)
_OFFLINE = re.compile(r"dns error|Could not connect|error sending request", re.IGNORECASE)


def _pins(lock: str) -> set[tuple[str, ...]]:
    return set(_PIN.findall(sources.text(Path(lock))))


def test_the_tests_run_what_is_shipped() -> None:
    assert _pins("requirements.txt") < _pins("requirements-dev.txt")


def test_every_package_is_pinned_by_hash() -> None:
    for lock in ("requirements.txt", "requirements-dev.txt"):
        assert sources.text(Path(lock)).count("==") >= len(_pins(lock)) > 0
        for block in re.split(r"\n(?=\S)", sources.text(Path(lock)).strip()):
            assert "--hash=sha256:" in block, block


@pytest.mark.parametrize("version", [OLDEST, NEWEST], ids=lambda version: f"3.{version[1]}")
@pytest.mark.parametrize("platform", _PLATFORMS)
def test_there_are_wheels(platform: str, version: tuple[int, int], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--require-hashes"]
    command += ["--only-binary", ":all:", "--python-platform", platform, "--target", str(tmp_path)]
    command += ["--python-version", f"3.{version[1]}", "-r", "requirements-dev.txt"]
    done = subprocess.run(command, cwd=sources.ROOT, capture_output=True, text=True)
    if done.returncode and _OFFLINE.search(done.stderr):
        pytest.skip("the registry cannot be reached from here")
    assert done.returncode == 0, done.stderr
