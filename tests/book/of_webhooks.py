"""Who is told of a book: a webhook with a message that waits, and a warning of points that end."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.webhooks.lay_out import add_test
from loyalty.webhooks.save import NewWebhook, add_webhook
from tests.opened import AT

_WARNED = text(
    "INSERT INTO expiry_warning (tenant_id, account_id, expires_at) VALUES (:tenant, :account, :at)"
)


def told(session: Session, program: Program) -> None:
    """A webhook of this program, and ann's warning."""
    order = NewWebhook(f"https://{program.slug}.example/hook", programs=[program.slug])
    row, _ = add_webhook(session, order, By("test", None, AT))
    add_test(session, row.id, AT)
    account = membership_of(session, program.id, "ann").account_id
    values = {"tenant": session.info["tenant_id"], "account": account, "at": AT}
    session.execute(_WARNED, values)
