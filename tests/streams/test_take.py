"""Messages become purchases, or letters that say why not; no Kafka is needed to see that."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from loyalty.clock import now
from loyalty.errors import NotFound, Unavailable
from loyalty.streams import take as taking
from loyalty.streams.queries import is_behind
from loyalty.streams.rules import DeadLetter, Record
from loyalty.streams.take import Stream, take
from loyalty.transaction import transaction
from loyalty.web.strict_json import read_json
from tests.opened import opened
from tests.tenant import TestTenant

_AT = datetime.now(UTC).isoformat()


@pytest.fixture
def stream(tenant: TestTenant) -> Stream:
    """A topic for the program "wine"."""
    with transaction(tenant.id) as session:
        opened(session)
    return Stream("buys", tenant.id, "wine")


def _purchase(number: int = 1, **other: Any) -> dict[str, Any]:
    told = {"source": "till", "transaction_id": f"t-{number}", "member_id": "ann"}
    return {**told, "amount": "12.50", "currency": "USD", "occurred_at": _AT, **other}


def _records(*values: object) -> list[Record]:
    return [Record("buys", 0, offset, value=_bytes(value)) for offset, value in enumerate(values)]


def _bytes(value: object) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else json.dumps(value).encode()


def _stored(stream: Stream) -> list[tuple[str, str]]:
    with transaction(stream.tenant_id) as session:
        rows = session.execute(text("SELECT source, transaction_id FROM activity ORDER BY 1, 2"))
        return [(row.source, row.transaction_id) for row in rows]


def _why(letters: list[DeadLetter]) -> list[tuple[str, str]]:
    """Offset and reason of each."""
    told = [{name: (value or b"").decode() for name, value in one.headers} for one in letters]
    return [(one["loyalty-offset"], one["loyalty-reason"]) for one in told]


def test_messages_are_stored_once_however_often_they_come(stream: Stream) -> None:
    records = _records(*map(_purchase, range(10)), _purchase(3), _purchase(4, amount="12.5"))
    for _ in range(3):
        assert take(stream, records) == []
    assert _stored(stream) == [("till", f"t-{number}") for number in range(10)]


def test_what_is_stored_waits_for_a_worker_and_knows_its_request(stream: Stream) -> None:
    take(stream, _records(_purchase(1), _purchase(2)))
    with transaction(stream.tenant_id) as session:
        assert session.scalar(text("SELECT count(*) FROM unsettled")) == 2
        [request_id] = session.scalars(text("SELECT DISTINCT request_id FROM activity"))
    assert UUID(request_id).version == 7


def test_one_that_is_refused_holds_up_no_other(stream: Stream) -> None:
    letters = take(
        stream,
        _records(
            _purchase(1),
            b"{",
            None,
            b"\xff",
            b"[" * 100,
            _purchase(2, amount="-1"),
            _purchase(3, surprise=1),
            _purchase(1, amount="13"),
            _purchase(4, occurred_at="2001-01-01T00:00:00Z"),
            b" " * 70_000,
            [_purchase(5)],
            _purchase(6, attributes={"x": "\0"}),
            _purchase(7),
        ),
    )
    assert _why(letters) == [
        ("1", "unreadable"),
        ("2", "unreadable"),
        ("3", "unreadable"),
        ("4", "unreadable"),
        ("5", "invalid"),
        ("6", "invalid"),
        ("7", "transaction_mismatch"),
        ("8", "invalid"),
        ("9", "body_too_large"),
        ("10", "invalid"),
        ("11", "invalid"),
    ]
    assert [letter.value for letter in letters[:3]] == [b"{", None, b"\xff"]
    assert json.loads(dict(letters[4].headers)["loyalty-errors"] or b"")[0]["pointer"] == "/amount"
    assert _stored(stream) == [("till", "t-1"), ("till", "t-7")]


def test_a_stream_of_some_sources_speaks_for_no_other(stream: Stream) -> None:
    bound = Stream(stream.topic, stream.tenant_id, "wine", frozenset({"till"}))
    letters = take(bound, _records(_purchase(1), _purchase(2, source="elsewhere")))
    assert _why(letters) == [("1", "source_not_allowed")]
    assert _stored(stream) == [("till", "t-1")]


def test_a_message_that_trips_us_goes_alone(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours: here, one in the reading of JSON."""

    def trips(raw: bytes) -> object:
        if b"t-2" in raw:
            raise RecursionError("deep")
        return read_json(raw)

    monkeypatch.setattr(taking, "read_json", trips)
    letters = take(stream, _records(*map(_purchase, range(5))))
    assert _why(letters) == [("2", "internal_error")]
    assert len(_stored(stream)) == 4


def test_when_postgres_is_away_nothing_is_refused(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a lost connection nor a table that is not there yet is the fault of a message."""
    take(stream, _records(_purchase(1)))
    monkeypatch.setattr("loyalty.earning.accept._ACCEPT", "SELECT * FROM not_migrated")
    with pytest.raises(Unavailable):
        take(stream, _records(_purchase(2), b"{"))
    monkeypatch.setattr(
        "loyalty.earning.accept._ACCEPT", "SELECT pg_terminate_backend(pg_backend_pid())"
    )
    with pytest.raises(Unavailable):
        take(stream, _records(_purchase(2), b"{"))
    monkeypatch.undo()
    assert _why(take(stream, _records(_purchase(2), b"{"))) == [("1", "unreadable")]
    assert len(_stored(stream)) == 2


def test_a_program_that_is_not_there_is_told(stream: Stream) -> None:
    with pytest.raises(NotFound):
        take(Stream("buys", stream.tenant_id, "beer"), _records(_purchase(1)))


def test_a_long_queue_is_known_and_what_is_paused_is_none(stream: Stream) -> None:
    take(stream, _records(*map(_purchase, range(10))))
    with transaction(stream.tenant_id) as session:
        assert is_behind(session, 10)
        assert not is_behind(session, 11)
        session.execute(text("UPDATE program SET paused_at = :at"), {"at": now(session)})
        assert not is_behind(session, 1)
