"""A mail is written and marked as being sent, before it is: so it is sent once at most.

Who dies with a mail in hand leaves it `sending`, and nobody knows whether it has left. It is
never tried again: after a while it is `unknown`. What the server is known not to have accepted
waits, and is tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from loyalty.clock import now
from loyalty.config import MailServer
from loyalty.errors import Problem
from loyalty.logs import logger
from loyalty.notifications.contents import About, NotToTell, contents
from loyalty.notifications.letter import Letter, Sheet, letter
from loyalty.notifications.post_office import Outcome
from loyalty.notifications.queries import words_for
from loyalty.notifications.rules import NEWS_FOR, Kind, address, again_after
from loyalty.notifications.unsubscribe import link_of
from loyalty.notifications.words import UNSUBSCRIBE, Values, fill
from loyalty.programs.queries import Program, program_by_id

#: Longer than a worker lives that has a mail in hand; see loyalty/tasks/notifications.py.
LOST_AFTER = timedelta(minutes=15)
#: What is wrong with the one mail, and must not hold up those that wait behind it.
_ROWS_FAULT = (
    Problem,
    DataError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
log = logger(__name__)

_TENANTS = text(
    "SELECT t.id FROM tenant t WHERE t.suspended_at IS NULL AND EXISTS"
    " (SELECT FROM notification n WHERE n.tenant_id = t.id"
    "  AND n.status = :status AND n.try_at <= :before) ORDER BY t.id"
)
_NEXT = text(
    "SELECT id FROM notification"
    " WHERE tenant_id = :tenant AND status = 'waiting' AND try_at <= :wall_clock"
    " ORDER BY try_at, id LIMIT 1 FOR UPDATE SKIP LOCKED"
)
_ABOUT = text("SELECT * FROM mail_about(:tenant, :id)")
_SENDING = text(
    "UPDATE notification SET status = 'sending', tries = tries + 1, try_at = :wall_clock,"
    " reason = NULL WHERE tenant_id = :tenant AND id = :id"
)
_LATER = text(
    "UPDATE notification SET status = 'waiting', try_at = :again, reason = :reason"
    " WHERE tenant_id = :tenant AND id = :id"
)
_END = text(
    "UPDATE notification SET status = :status, reason = :reason, try_at = NULL,"
    " ended_at = :wall_clock WHERE tenant_id = :tenant AND id = :id"
)
_TRIES = text(
    "SELECT tries FROM notification"
    " WHERE tenant_id = :tenant AND id = :id AND status = 'sending' FOR UPDATE"
)
_LOST = text(
    "UPDATE notification SET status = 'unknown', reason = 'worker_lost', try_at = NULL,"
    " ended_at = :wall_clock"
    " WHERE tenant_id = :tenant AND status = 'sending' AND try_at <= :since RETURNING kind"
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that is to be sent now; or, without a letter, one that ended for `reason`."""

    kind: Kind
    letter: Letter | None = None
    reason: str = ""


def tenants_with_mail(session: Session, wall_clock: datetime) -> list[int]:
    """The tenants whose mail waits to be sent. The session is of the system role."""
    return list(session.scalars(_TENANTS, {"status": "waiting", "before": wall_clock}))


def tenants_with_lost(session: Session, wall_clock: datetime) -> list[int]:
    """The tenants of whom a worker ended with a mail in hand. The session is of the system role."""
    before = wall_clock - LOST_AFTER
    return list(session.scalars(_TENANTS, {"status": "sending", "before": before}))


def claim(session: Session, server: MailServer, wall_clock: datetime) -> Claimed | None:
    """Writes the mail that has waited longest, and marks it; None when none waits.

    Once this is committed, nobody else will send it. What is not to be sent ends here.
    """
    key = {"tenant": session.info["tenant_id"]}
    found = session.scalar(_NEXT, {**key, "wall_clock": wall_clock})
    if found is None:
        return None
    about = session.execute(_ABOUT, {**key, "id": found}).one()
    kind = Kind(about.kind)
    try:
        with session.begin_nested():
            made = _write(session, server, found, about, wall_clock)
    except NotToTell as why_not:
        _end(session, found, "skipped", str(why_not), wall_clock)
        return Claimed(kind, reason=str(why_not))
    except _ROWS_FAULT as error:  # words that were good when they were saved, say
        reason = error.code if isinstance(error, Problem) else type(error).__name__
        log.error("mail not written", notification=str(found), error=repr(error))
        _end(session, found, "failed", reason, wall_clock)
        return Claimed(kind, reason=reason)
    session.execute(_SENDING, {**key, "id": found, "wall_clock": wall_clock})
    return Claimed(kind, made)


def settle(session: Session, notification: UUID, outcome: Outcome, wall_clock: datetime) -> None:
    """Writes what became of a mail that was claimed; of one that was given up, nothing."""
    key = {"tenant": session.info["tenant_id"], "id": notification}
    tries = session.scalar(_TRIES, key)
    if tries is None:
        return
    again = again_after(tries) if outcome.became == "later" else None
    if again is not None:
        session.execute(_LATER, {**key, "again": wall_clock + again, "reason": outcome.said})
        return
    status = "failed" if outcome.became == "later" else outcome.became
    reason = None if status == "sent" else outcome.said
    _end(session, notification, status, reason, wall_clock)


def give_up_lost(session: Session, wall_clock: datetime) -> Sequence[str]:
    """Ends what was being sent when its worker ended; returns the kinds. Nobody knows of them."""
    values = {"wall_clock": wall_clock, "since": wall_clock - LOST_AFTER}
    return session.scalars(_LOST, {"tenant": session.info["tenant_id"], **values}).all()


def _write(
    session: Session, server: MailServer, notification: UUID, about: Row[Any], wall_clock: datetime
) -> Letter:
    """The mail. Raises NotToTell, and Invalid for words that cannot be filled in."""
    if now(session) > about.created_at + NEWS_FOR:
        raise NotToTell("too_late")
    if about.status != "active":
        raise NotToTell("not_active")
    if about.refused:
        raise NotToTell("unsubscribed")
    to = address(about.known) or address(about.told)
    if to is None:
        raise NotToTell("no_address")
    program, kind = program_by_id(session, about.program_id), Kind(about.kind)
    own = program.settings.mail
    language, words = words_for(session, kind, about.language, own.language)
    said = contents(session, kind, About(about.account_id, program, language, about.data))
    link = f"{server.public_url}/unsubscribe/{link_of(session, about.membership_id, wall_clock)}"
    filled = fill(words, {**said, **_everywhere(about, program), UNSUBSCRIBE: link})
    sheet = Sheet(notification, to, program.name, own.reply_to, language, link, wall_clock)
    return letter(server, sheet, filled)


def _everywhere(about: Row[Any], program: Program) -> Values:
    return {
        "member": {"id": about.member_id, "name": about.name},
        "program": {"slug": program.slug, "name": program.name, "unit": program.unit},
    }


def _end(
    session: Session, notification: UUID, status: str, reason: str | None, wall_clock: datetime
) -> None:
    values = {"status": status, "reason": reason, "wall_clock": wall_clock}
    session.execute(_END, {"tenant": session.info["tenant_id"], "id": notification, **values})
