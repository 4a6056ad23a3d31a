"""The messages of a round go out: outside any transaction, a few at a time, never for long."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from loyalty.events.cloudevent import MEDIA_TYPE
from loyalty.outbound import Unreachable, call
from loyalty.webhooks.next_round import Delivery, Round
from loyalty.webhooks.rules import Outcome, chains, signature

AT_ONCE = 4  # messages on their way to one webhook
TRY_S = 10.0  # the whole of one: name, connection, answer
ROUND_S = 10.0  # what has not begun by then is left to the next round
_MOST_BYTES = 4096  # of an answer; nobody reads it
_LONGEST_ASKED_S = 5  # digits of a Retry-After that are looked at

Sent = tuple[Delivery, Outcome | None]


def send_round(this: Round) -> list[Sent]:
    """Sends what was taken: each subject's in their order until one fails, subjects side by side.

    What was not sent, for one before it failed or the time was over, has no outcome.
    """
    until = time.monotonic() + ROUND_S
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as threads:
        done = threads.map(lambda one: _send_chain(this, one, until), chains(this.deliveries))
        return list(chain.from_iterable(done))


def _send_chain(this: Round, deliveries: Sequence[Delivery], until: float) -> list[Sent]:
    sent: list[Sent] = []
    for one in deliveries:
        failed = bool(sent) and not (sent[-1][1] and sent[-1][1].is_delivered)
        if failed or time.monotonic() >= until:
            sent.append((one, None))
        else:
            sent.append((one, send(this.url, this.keys, one)))
    return sent


def send(url: str, keys: Iterable[bytes], one: Delivery) -> Outcome:
    """One try of one message. The id stays the same with every try, the time and so the signature
    do not."""
    began, sent_at_s = time.monotonic(), int(time.time())
    headers = {
        "Content-Type": MEDIA_TYPE,
        "User-Agent": "loyalty",
        "webhook-id": one.event_id,
        "webhook-timestamp": str(sent_at_s),
        "webhook-signature": signature(keys, one.event_id, sent_at_s, one.body),
    }
    try:
        answer = call(
            "POST", url, headers=headers, body=one.body, timeout_s=TRY_S, most_bytes=_MOST_BYTES
        )
    except Unreachable as error:
        return Outcome(error=str(error), took_ms=_since(began))
    asked = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after", "")
    is_seconds = asked.isascii() and asked.isdigit() and len(asked) <= _LONGEST_ASKED_S
    return Outcome(
        answered=answer.status,
        took_ms=_since(began),
        retry_after_s=int(asked) if is_seconds else None,
    )


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
