"""The clock of a sandbox: what takes months is tried in a minute."""

from __future__ import annotations

from typing import Any

from flask import Response
from kombu.exceptions import OperationalError as BrokerError

from loyalty.clock import now
from loyalty.logs import logger, request_id
from loyalty.outbox import handover
from loyalty.tenants.advance_clock import Clock, advance_clock, clock_of
from loyalty.tenants.rules import Duration
from loyalty.transaction import transaction
from loyalty.web.auth import allow, principal, tenant
from loyalty.web.fields import Flag, Instant, Integer, Iso8601Duration, Schema, instant_text
from loyalty.web.once import once
from loyalty.web.resource import Resource

log = logger(__name__)

test_clock = Resource(
    "test_clock", description="The clock of a sandbox goes forward as fast as you like."
)


class AdvanceSchema(Schema):
    """How far the clock goes forward."""

    advance = Iso8601Duration(required=True)


class ClockSchema(Schema):
    """A tenant's clock. Only a sandbox's is ahead of the world's."""

    sandbox = Flag(required=True)
    now = Instant(required=True)
    ahead_s = Integer(required=True)


@test_clock.route("/test-clock", methods=["GET"])
@allow("test_clock.read")
@test_clock.response(200, ClockSchema)
def read() -> dict[str, Any]:
    """Tell the time that this tenant lives by."""
    with transaction(tenant()) as session:
        return _told(clock_of(session))


@test_clock.route("/test-clock", methods=["POST"])
@allow("test_clock.advance")
@test_clock.keyed(required=False)
@test_clock.arguments(AdvanceSchema)
@test_clock.response(200, ClockSchema)
def advance(wanted: dict[str, Any]) -> Response:
    """Let a sandbox's clock go forward; what has become due by then happens at once.

    A live tenant's clock is the world's: 409.
    """
    by: Duration = wanted["advance"]
    with transaction(tenant()) as session:
        who, request = principal().actor, request_id.get()

        def act() -> dict[str, Any]:
            clock = advance_clock(session, by, actor=who, request_id=request)
            return {**_told(clock), "now": instant_text(clock.now)}

        given = [by.months, int(by.rest.total_seconds())]
        answer = once(session, given, act, at=now(session), status=200, required=False)
    try:
        handover.send_what_time_does()
    except BrokerError as error:  # beat asks for it before long
        log.warning("nobody was told that the clock has moved", error=repr(error))
    return answer


def _told(clock: Clock) -> dict[str, Any]:
    return {
        "sandbox": clock.sandbox,
        "now": clock.now,
        "ahead_s": round(clock.ahead.total_seconds()),
    }
