"""What is signed, when it is tried again, and when nobody tries any more: pure.

The signature is that of the Standard Webhooks specification (standardwebhooks.com).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

SECRET_MARK = "whsec_"  # noqa: S105 - what every secret begins with
SECRET_BYTES = 32

#: After the first try: how long each next one waits. The last is some three days after the first.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
_SPREAD = 0.1  # of a wait, up or down, so that what failed together is not tried together
LONGEST_WAIT = timedelta(days=1)
LONGEST_REST = timedelta(minutes=1)
SLOW_MS = 2000  # an answer that takes longer makes its webhook one of the slow ones
GIVE_UP_AFTER = timedelta(days=5)  # without a single success

_OK, _REDIRECTS, _CLIENT_ERRORS, GONE = 200, 300, 400, 410


def signature(secrets: Iterable[bytes], message_id: str, sent_at_s: int, body: bytes) -> str:
    """What `webhook-signature` says: one `v1,…` for each secret in force, parted by spaces."""
    signed = f"{message_id}.{sent_at_s}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.new(one, signed, hashlib.sha256).digest()).decode()
        for one in secrets
    )


def secret_text(secret: bytes) -> str:
    """A secret as it is told and as receivers' libraries take it."""
    return SECRET_MARK + base64.b64encode(secret).decode()


def wait_after(attempts: int, asked_s: int | None, dice: float) -> timedelta | None:
    """How long the next try waits after so many; None: it was the last, and the event is dead.

    `asked_s` is what a `Retry-After` asks for, obeyed up to a day; `dice` is from 0 to 1.
    """
    if attempts > len(WAITS):
        return None
    wait = WAITS[attempts - 1] * (1 - _SPREAD + 2 * _SPREAD * dice)
    asked = timedelta(seconds=max(asked_s or 0, 0))
    return max(wait, min(asked, LONGEST_WAIT))


def rest_after(failed_rounds: int) -> timedelta:
    """How long an endpoint is left alone after so many rounds without a success."""
    return min(timedelta(seconds=2 ** min(failed_rounds, 10)), LONGEST_REST)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try. No `answered`: there was no answer, and `error` says why."""

    answered: int | None = None
    error: str | None = None
    took_ms: int = 0
    retry_after_s: int | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has it: 2xx, and nothing else."""
        return self.answered is not None and _OK <= self.answered < _REDIRECTS

    @property
    def sentence(self) -> str | None:
        """Why it is not delivered."""
        if self.is_delivered or self.answered is None:
            return self.error
        if _REDIRECTS <= self.answered < _CLIENT_ERRORS:
            return f"It answered {self.answered}; redirects are not followed."
        return f"It answered {self.answered}."


class OfSubject(Protocol):
    """What has a subject within which the order holds."""

    @property
    def subject(self) -> str:
        """Whom it is about."""


One = TypeVar("One", bound=OfSubject)


def chains(deliveries: Sequence[One]) -> list[list[One]]:
    """The deliveries of each subject, in their order: one after the other; chains side by side."""
    found: dict[str, list[One]] = {}
    for one in deliveries:
        found.setdefault(one.subject, []).append(one)
    return list(found.values())
