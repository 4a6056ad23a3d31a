"""A purchase is taken, whichever door it comes through."""

from __future__ import annotations

from datetime import datetime

from loyalty import logs
from loyalty.earning.accept import Accepted, Earn, check_time, to_row
from loyalty.programs.queries import Program
from loyalty.tenants.principal import Principal
from loyalty.web.intake import intake
from loyalty.web.own_earns import require_own


def check(who: Principal, book: Program, earn: Earn, at: datetime) -> None:
    """Raises SourceNotAllowed, Invalid for when it occurred, and what a member may not."""
    who.require_source(earn.source)
    who.require_retailer(earn.retailer)
    if who.member_id is not None:
        require_own(who, book, earn)
    check_time(earn.occurred_at, book.settings.late_window_days, at)


def take(who: Principal, book: Program, earn: Earn, at: datetime) -> Accepted:
    """Stores a purchase together with those of other requests; returns after the commit.

    Raises SourceNotAllowed, Invalid, Unavailable.
    """
    check(who, book, earn, at)
    row = to_row(book.id, earn, logs.request_id.get(), at)
    [stored] = intake().store(who.tenant_id, [row])
    return stored
