"""How long points wait and live, as it comes in and is told."""

from __future__ import annotations

from loyalty.programs.life_of_points import EXPIRY_KINDS, LONGEST_PENDING_DAYS, MOST_N
from loyalty.web.fields import Choice, Integer, Schema

LONGEST_GRACE_DAYS = 3650
_N = "So many days, months or whole days of inactivity; further months, quarters or years."


class PendingSchema(Schema):
    """Points wait: for `days` after the purchase, or `until` they are released."""

    days = Integer(most=LONGEST_PENDING_DAYS, allow_none=True)
    until = Choice(("released",), allow_none=True)


class ExpirySchema(Schema):
    """How long points live from when they can be spent, in the program's time zone."""

    kind = Choice(EXPIRY_KINDS, allow_none=True)
    n = Integer(most=max(MOST_N.values()), allow_none=True, metadata={"description": _N})
    month = Integer(least=1, most=12, allow_none=True)
    day = Integer(least=1, most=31, allow_none=True)
