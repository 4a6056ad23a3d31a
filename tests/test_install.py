"""What stands in the way of an installation is said in one sentence, with its cure."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import install
from tests.architecture import sources

#: Under `make test` a make that is started believes to be a part of that one, and says so.
_ON_ITS_OWN = {
    name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
}


def _said() -> str:
    sentence = install.unfit()
    assert sentence is not None
    assert sentence.endswith((".", "`.", "it."))
    assert "\n" not in sentence
    return sentence


def test_this_machine_will_do() -> None:
    assert install.unfit() is None


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 13), (3, 15, 0)])
def test_another_python(version: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert f"this is 3.{version[1]}: install one and name it" in _said()


def test_no_venv_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert "`apt-get install python3." in _said()


@pytest.mark.parametrize(
    ("system", "machine"), [("Windows", "AMD64"), ("Linux", "riscv64"), ("FreeBSD", "x86_64")]
)
def test_a_platform_without_wheels(
    system: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert f"for {system} on {machine}: use Linux or macOS" in _said()


def test_a_linux_without_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert "without glibc: use Debian" in _said()


def test_no_write_access(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "is not writable: clone the repository into a folder of your own" in _said()


def test_no_python_at_all() -> None:
    make = ["make", "-B", ".venv/run.stamp", "PYTHON=no-such-python"]
    done = subprocess.run(make, cwd=sources.ROOT, env=_ON_ITS_OWN, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stdout == "There is no no-such-python: install Python 3.11 or newer.\n"


def test_make_says_its_verbs() -> None:
    said = subprocess.run(
        ["make"], cwd=sources.ROOT, env=_ON_ITS_OWN, check=True, capture_output=True, text=True
    )
    verbs = {line.split()[1] for line in said.stdout.splitlines()}
    phony = sources.text(Path("Makefile")).split(".PHONY: help ", 1)[1].splitlines()[0]
    assert verbs == set(phony.split())
