"""What cannot be done is told in one sentence with its cure, and never by a traceback."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from loyalty.cli.tokens import life_of
from loyalty.embedded.valkey import free_port
from tests.cli.terminal import refusal

NOBODY = "postgresql://loyalty@127.0.0.1:1/loyalty"


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    words = ("up", "--data", str(tmp_path), "--port", str(free_port()))
    sentence = refusal(*words, DATABASE_URL=NOBODY)
    assert sentence.startswith("DATABASE_URL cannot be used (")
    assert "mend the URL" in sentence


def test_a_redis_that_does_not_answer(tmp_path: Path) -> None:
    words = ("up", "--data", str(tmp_path), "--port", str(free_port()))
    sentence = refusal(*words, REDIS_URL="redis://127.0.0.1:1")
    assert sentence.startswith("REDIS_URL cannot be used (")


def test_a_folder_that_cannot_be_written() -> None:
    sentence = refusal("up", "--data", "/proc/here", "--port", str(free_port()))
    assert sentence.startswith("Cannot write in /proc/here (")
    assert "--data" in sentence


def test_a_host_that_is_not_ours(tmp_path: Path) -> None:
    sentence = refusal("up", "--data", str(tmp_path), "--host", "nowhere.invalid")
    assert sentence == "There is no host 'nowhere.invalid': choose another with --host."


def test_doctor_names_what_does_not_answer() -> None:
    said = refusal("doctor", DATABASE_URL=NOBODY, REDIS_URL="redis://127.0.0.1:1")
    assert said == "2 of these to mend."


@pytest.mark.parametrize(
    "words",
    [
        ("--role", "king"),
        ("--role", "member"),
        ("--role", "admin", "--member", "ada"),
        ("--role", "admin", "--ttl", "soon"),
    ],
)
def test_a_token_that_makes_no_sense(words: tuple[str, ...]) -> None:
    refusal("token", *words, DATABASE_URL=NOBODY)


def test_more_is_not_burned_than_was_earned() -> None:
    sentence = refusal("load", "--times", "1", "--points", "1", "--burn", "2", DATABASE_URL=NOBODY)
    assert sentence == "--burn 2 is more than 1 × 1: burn less or buy more."


@pytest.mark.parametrize(
    ("text", "life"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("30d", timedelta(days=30)),
    ],
)
def test_a_time_to_live(text: str, life: timedelta) -> None:
    assert life_of(text) == life
