"""What is decided about messages: how far a group has come, how long to wait, what is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

Headers = tuple[tuple[str, bytes | None], ...]

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 10.0
_OURS = "loyalty-"
_LONGEST_DETAIL = 500


@dataclass(frozen=True, slots=True)
class Record:
    """A message as it stands in its partition."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    value: bytes | None = None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was refused: key and value as they came, the reason in its headers."""

    key: bytes | None
    value: bytes | None
    headers: Headers

    def cut_short(self) -> DeadLetter:
        """Without what its sender said, for a topic that takes no message as long as this one."""
        ours = tuple(header for header in self.headers if header[0].startswith(_OURS))
        return replace(self, key=None, value=None, headers=(*ours, (f"{_OURS}cut-short", b"true")))


def dead_letter(record: Record, outcome: Mapping[str, object]) -> DeadLetter:
    """The letter for a record whose `outcome` is that of a refused item of a batch.

    Of one that was a dead letter before, only the new reason is told.
    """
    told = {
        "reason": outcome["code"],
        "detail": str(outcome.get("detail") or "")[:_LONGEST_DETAIL],
        "errors": json.dumps(outcome.get("errors") or []),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
    }
    theirs = (header for header in record.headers if not header[0].startswith(_OURS))
    ours = ((f"{_OURS}{name}", str(value).encode()) for name, value in told.items())
    return DeadLetter(record.key, record.value, (*theirs, *ours))


def next_offsets(records: Iterable[Record]) -> dict[int, int]:
    """For each partition of the records, the offset that is to be read next."""
    offsets: dict[int, int] = {}
    for record in records:
        offsets[record.partition] = max(record.offset + 1, offsets.get(record.partition, 0))
    return offsets


def next_wait_s(wait_s: float) -> float:
    """How long to wait after having waited `wait_s` in vain."""
    return min(2 * wait_s, LONGEST_WAIT_S)
