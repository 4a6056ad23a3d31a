"""Who wants no mail of a program any more: by a signed link, or because they were asked."""

from __future__ import annotations

import hmac
import re
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Select, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import NotFound
from loyalty.members.models import MembershipRow
from loyalty.notifications.models import KeyRow
from loyalty.programs.queries import program_by_id

_WHOSE = struct.Struct(">IQ")  # tenant, membership
_MARK_BYTES, _SECRET_BYTES = 16, 32
#: A link's last part: which membership, and that we said so.
FORM = re.compile(r"[A-Za-z0-9_-]{38}")


class BadLink(NotFound):
    """404: no link of ours."""

    code = "bad_link"
    title = "This link is not valid"
    cure = "Use the link of the latest mail, as a whole."


@dataclass(frozen=True, slots=True)
class Link:
    """Whom a link speaks for, by its own word: believed once `subscription_of` has seen it."""

    tenant_id: int
    membership_id: int
    mark: bytes


@dataclass(frozen=True, slots=True)
class Subscription:
    """A membership's mail; `program` is the program's name."""

    membership_id: int
    program: str
    language: str


def link_of(session: Session, membership_id: int, at: datetime) -> str:
    """The last part of the link that unsubscribes this membership; the same one each time."""
    whose = _WHOSE.pack(session.info["tenant_id"], membership_id)
    return urlsafe_b64encode(whose + _mark(_secret(session, at), whose)).decode().rstrip("=")


def read_link(told: str) -> Link:
    """What the last part of a link says. Raises BadLink."""
    if FORM.fullmatch(told) is None:
        raise BadLink
    raw = urlsafe_b64decode(f"{told}==")
    tenant_id, membership_id = _WHOSE.unpack(raw[: _WHOSE.size])
    if tenant_id >= 2**31 or membership_id >= 2**63:
        raise BadLink
    return Link(tenant_id, membership_id, raw[_WHOSE.size :])


def subscription_of(session: Session, link: Link) -> Subscription:
    """The membership that the link speaks for, if we have signed it. Raises BadLink."""
    secret = session.scalar(_own_secret(session))
    whose = _WHOSE.pack(link.tenant_id, link.membership_id)
    if secret is None or not hmac.compare_digest(link.mark, _mark(secret, whose)):
        raise BadLink
    program_id = session.scalars(
        select(MembershipRow.program_id).where(
            MembershipRow.tenant_id == session.info["tenant_id"],
            MembershipRow.id == link.membership_id,
        )
    ).one()
    program = program_by_id(session, program_id)
    return Subscription(link.membership_id, program.name, program.settings.mail.language)


_REFUSED = text(
    "SELECT EXISTS (SELECT FROM own_memberships(:tenant, :membership) own(id)"
    " JOIN mail_refusal r ON r.tenant_id = :tenant AND r.membership_id = own.id)"
)
_REFUSE = text(
    "INSERT INTO mail_refusal (tenant_id, membership_id, since)"
    " VALUES (:tenant, :membership, :at) ON CONFLICT DO NOTHING"
)
_WANT = text(
    "DELETE FROM mail_refusal WHERE tenant_id = :tenant"
    " AND membership_id = ANY (ARRAY(SELECT own_memberships(:tenant, :membership)))"
)


def is_subscribed(session: Session, membership_id: int) -> bool:
    """Whether the member has not refused this program's mail, by any name that is theirs."""
    return not session.scalar(
        _REFUSED, {"tenant": session.info["tenant_id"], "membership": membership_id}
    )


def subscribe(session: Session, membership_id: int, *, wanted: bool, by: By) -> bool:
    """From now on the member gets mail of this program, or none; False: it was so already."""
    if is_subscribed(session, membership_id) is wanted:
        return False
    values = {"tenant": session.info["tenant_id"], "membership": membership_id, "at": by.at}
    session.execute(_WANT if wanted else _REFUSE, values)
    record(
        session,
        by,
        act="mail.subscribe" if wanted else "mail.unsubscribe",
        subject=f"membership {membership_id}",
    )
    return True


def _mark(secret: bytes, whose: bytes) -> bytes:
    return hmac.digest(secret, whose, sha256)[:_MARK_BYTES]


def _own_secret(session: Session) -> Select[bytes]:
    return select(KeyRow.secret).where(KeyRow.tenant_id == session.info["tenant_id"])


def _secret(session: Session, at: datetime) -> bytes:
    """The tenant's, made when it is first needed; of two at once the first one's counts."""
    found = session.scalar(_own_secret(session))
    if found is None:
        made = secrets.token_bytes(_SECRET_BYTES)
        key = {"tenant_id": session.info["tenant_id"], "secret": made, "created_at": at}
        session.execute(insert(KeyRow).values(**key).on_conflict_do_nothing())
        found = session.scalars(_own_secret(session)).one()
    return found
