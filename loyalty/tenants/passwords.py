"""Passwords: Argon2id, at most a few at once, and as slow for who is not there as for who is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from loyalty.errors import Invalid, Unavailable

SHORTEST, LONGEST = 12, 256
_PATIENCE_S = 5.0

#: What OWASP advises first: 46 MiB, one pass, one lane.
_HASHER = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
#: Who floods the log-in takes at most this much of a process; money goes on beside it.
_AT_ONCE = threading.BoundedSemaphore(2)
#: Of a password that nobody has: who is unknown is told so no sooner than who is known.
_NOBODYS = cache(lambda: _HASHER.hash("nobody"))


class LogInBusy(Unavailable):
    """503: more people than can be asked at once."""

    code = "log_in_busy"
    title = "Too many people log in just now"
    cure = "Try again in a moment."


def hashed(password: str) -> str:
    """What is kept of a password."""
    with _turn():
        return _HASHER.hash(password)


def check_password(password: str, name: str) -> None:
    """Raises Invalid for a password that is too short, too long, or told by the name."""
    if not SHORTEST <= len(password) <= LONGEST:
        detail = f"{SHORTEST} to {LONGEST} characters are expected: a sentence will do."
        raise Invalid.field("/password", "wrong_length", detail)
    plain = password.casefold()
    if len(set(plain)) < SHORTEST // 2 or plain.replace(name.casefold(), "") == "":
        raise Invalid.field("/password", "too_easy", "This one is guessed at once.")


def fits(kept: str | None, password: str) -> bool:
    """Whether `password` is the one of which `kept` was kept; None: of nobody."""
    with _turn():
        try:
            return _HASHER.verify(kept or _NOBODYS(), password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Whether it was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(kept)


@contextmanager
def _turn() -> Iterator[None]:
    """One of the few places. Raises LogInBusy."""
    if not _AT_ONCE.acquire(timeout=_PATIENCE_S):
        raise LogInBusy
    try:
        yield
    finally:
        _AT_ONCE.release()
