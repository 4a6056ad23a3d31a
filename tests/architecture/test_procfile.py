"""The Procfile starts what `loyalty up` starts, and serves every queue."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

import celeryconfig
from loyalty.cli import parts
from tests.architecture import sources

_LINES = dict(
    line.split(": ", 1)
    for line in sources.text(Path("Procfile")).splitlines()
    if not line.startswith("#")
)
_PARTS = [
    parts.web("0.0.0.0", 8000),
    parts.worker(),
    parts.sweeper(),
    parts.mailer(),
    parts.courier(),
    parts.beat(),
    parts.flower(5555, write=False),
]


def _started(name: str, **env: str) -> list[str]:
    """The words that a shell makes of the line."""
    shown = "printf '%s\\n' " + _LINES[name].removeprefix("exec ")
    only = {"PATH": os.environ["PATH"], **env}
    said = subprocess.run(["sh", "-c", shown], env=only, check=True, capture_output=True, text=True)
    return said.stdout.splitlines()


def test_it_names_every_part() -> None:
    assert list(_LINES) == [part.name for part in _PARTS]


@pytest.mark.parametrize("part", _PARTS, ids=lambda part: part.name)
def test_it_starts_each_part_as_we_do(part: parts.Part) -> None:
    words = _started(part.name, FLOWER_BASIC_AUTH="me:secret")
    first = words.index("python")
    assert [re.sub(r"-\d+@", "@", word) for word in words[first + 1 :]] == list(part.argv[1:])
    for name, value in part.env.items():
        if name != "PYTHONWARNINGS":  # only makes the terminal quieter
            assert f"{name}={value}" in words[:first]


def test_the_port_is_the_platforms() -> None:
    assert "9001" in _started("web", PORT="9001")


def test_flower_does_not_start_without_a_password() -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _started("flower")
    assert "FLOWER_BASIC_AUTH: is not set" in refused.value.stderr


def test_every_queue_is_served() -> None:
    served = {
        queue
        for line in _LINES.values()
        if "--queues" in (words := shlex.split(line))
        for queue in words[words.index("--queues") + 1].split(",")
    }
    assert served == set(celeryconfig.task_queues)
