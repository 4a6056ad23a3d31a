"""Without the extra, `loyalty ingest` says what is missing, and nothing else misses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.servers import Own

_WITHOUT = "import sys; sys.modules['confluent_kafka'] = None; from loyalty.cli import main; main()"


def test_one_sentence_says_how_to_get_it(database: Own) -> None:
    words = [sys.executable, "-c", _WITHOUT, "ingest", "buys", "--program", "wine"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "Kafka's client is not there (confluent_kafka): "
        ".venv/bin/pip install --require-hashes -r requirements-kafka.txt"
    )


@pytest.mark.parametrize("command", ["doctor", "ingest"])
def test_help_needs_it_not(command: str) -> None:
    words = [sys.executable, "-c", _WITHOUT, command, "--help"]
    assert "Usage" in subprocess.run(words, capture_output=True, text=True, check=True).stdout
